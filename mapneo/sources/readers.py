"""Readers by name, and the reader and file type of a file by its suffix."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from mapneo.sources.decode import decode, read_bytes
from mapneo.sources.documents import BrokenFileError, Extracted, RawFile, Reader, ReadOptions
from mapneo.sources.html import read_html
from mapneo.sources.pdf import read_pdf
from mapneo.sources.rows import read_json, read_jsonl, read_sqlite

UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class FileType:
    """How files of a suffix are read, and what they are."""

    reader: str
    name: str


@cache
def file_types() -> Mapping[str, FileType]:
    """File types by suffix (lower case, without the dot)."""
    text = files("mapneo.sources").joinpath("file_types.toml").read_text(encoding="utf-8")
    return {
        suffix: FileType(reader=reader, name=name)
        for reader, types in tomllib.loads(text).items()
        for name, suffixes in types.items()
        for suffix in suffixes
    }


def file_type(name: str) -> FileType | None:
    """The type of a file by its name's suffix, looking through `.gz`; None if it is not known."""
    path = PurePosixPath(name.lower())
    if path.suffix == ".gz":
        path = path.with_suffix("")
    return file_types().get(path.suffix.removeprefix("."))


def read_text(file: RawFile, options: ReadOptions) -> Iterator[Extracted]:
    """A text or code file as one document, every line ended by one line feed.

    Raises:
        BrokenFileError: empty, binary, too large or undecodable.
    """
    data = read_bytes(file.path, options.max_document_bytes)
    decoded = decode(data, options.max_replaced_frac)
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise BrokenFileError("no_text", "the file holds only white space")
    kind = file_type(file.relative)
    meta = {"encoding": decoded.encoding, "file_type": kind.name if kind else "text"}
    yield Extracted(text=text, meta=meta)


READERS: Mapping[str, Reader] = {
    "html": read_html,
    "text": read_text,
    "code": read_text,
    "pdf": read_pdf,
    "jsonl": read_jsonl,
    "json": read_json,
    "sqlite": read_sqlite,
}
"""What the `reader` column of a fetched file means; `unknown` files have none."""
