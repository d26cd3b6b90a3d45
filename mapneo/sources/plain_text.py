"""Plain text and code: one document per file, every line ended by one line feed."""

from collections.abc import Iterator
from dataclasses import replace

from mapneo.sources.decode import decode
from mapneo.sources.documents import BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.file_types import file_type
from mapneo.sources.licences import licence_tag
from mapneo.sources.streams import read_whole


def read_text(file: RawFile, options: ReadOptions) -> Iterator[Extracted]:
    """A text file as one document.

    Raises:
        BrokenFileError: empty, binary, too large or undecodable.
    """
    yield _read(file, options)


def read_code(file: RawFile, options: ReadOptions) -> Iterator[Extracted]:
    """A code file as one document, with the licence that its head names (SPDX), if any.

    Raises:
        BrokenFileError: empty, binary, too large or undecodable.
    """
    found = _read(file, options)
    licence = licence_tag(found.text)
    yield found if licence is None else replace(found, licence=licence)


def _read(file: RawFile, options: ReadOptions) -> Extracted:
    kind = file_type(file.relative)
    data = read_whole(file, options.max_document_bytes)
    return text_document(data, options, kind=kind.name if kind else "text")


def text_document(
    data: bytes, options: ReadOptions, *, charset: str | None = None, kind: str = "text"
) -> Extracted:
    """The text of `data`; `charset` is what a server said of it, `kind` its file type.

    Raises:
        BrokenFileError: `binary`, `undecodable`, or `no_text`.
    """
    decoded = decode(data, options.max_replaced_frac, charset)
    text = decoded.text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text or text.isspace():
        raise BrokenFileError("no_text", "the file holds only white space")
    return Extracted(text=text, meta={"encoding": decoded.encoding, "file_type": kind})
