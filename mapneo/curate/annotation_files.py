"""Files of annotations that lie beside a source's documents, row by row.

The form is RedPajama-V2's: a row has an id and `quality_signals`, an object of
`name: [[start, end, value], …]` or the same written as a JSON string. Signals may also stand in the
row itself. Files are JSON lines, gzipped or not, or Parquet.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import Formatter
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import field_validator

from mapneo.core.canonical import Json
from mapneo.core.config import Config
from mapneo.core.errors import InputError
from mapneo.curate.annotations import BULLETS_KEY, SIGNALS_KEY

_JSON_ENDINGS = (".jsonl", ".json", ".jsonl.gz", ".json.gz")
_PARQUET_ENDING = ".parquet"
_GZIP_MARK = b"\x1f\x8b"
_BATCH_ROWS = 1024
_PREFIXES = ("ccnet_", "rps_doc_", BULLETS_KEY)
_FIELDS = ("doc_id", "source", "url", "file", "row", "meta")


class AnnotationSource(Config):
    """Where annotations lie, and how their ids are written."""

    path: Path
    """A file, or a folder whose files (`.jsonl`, `.json`, either with `.gz`, and `.parquet`) are
    read in the order of their names, folders in it included."""
    key: str = "id"
    """Field of a row that holds the id of its document."""
    document: str = "{file}/{row}"
    """How that id is made of a document: `{file}` and `{row}` are the parts of its doc_id,
    `{doc_id}`, `{source}` and `{url}` its columns, `{meta[NAME]}` what it brought along."""
    strip: str = ""
    """Beginning of `{file}` that the id does not have, such as `documents/`."""

    @field_validator("document")
    @classmethod
    def _known_fields(cls, value: str) -> str:
        names = [re.split(r"[.\[]", name)[0] for _, name, _, _ in Formatter().parse(value) if name]
        unknown = [name for name in names if name not in _FIELDS]
        if unknown or not names:
            raise ValueError(
                f"`{value}` names no part of a document{f': {unknown[0]}' if unknown else ''}; use "
                "{file}, {row}, {doc_id}, {source}, {url} or {meta[NAME]}"
            )
        return value


class AnnotationRow(NamedTuple):
    """One row.

    Attributes:
        id: of its document; None if the row can't be read.
        signals: the document's values as compact JSON: per name the first span, and all spans of
            the bullets, whose sum counts.
    """

    id: str | None
    signals: bytes


_BROKEN = AnnotationRow(None, b"")


def annotation_files(source: AnnotationSource) -> list[Path]:
    """The files of a source, sorted.

    Raises:
        InputError: there is none.
    """
    if source.path.is_file():
        return [source.path]
    endings = (*_JSON_ENDINGS, _PARQUET_ENDING)
    found = sorted(p for p in source.path.rglob("*") if p.is_file() and p.name.endswith(endings))
    if not found:
        what = "holds no annotations" if source.path.is_dir() else "is missing"
        raise InputError(
            f"{source.path} {what}: name a file, or a folder with {', '.join(endings)} files"
        )
    return found


def annotation_rows(path: Path, key: str) -> Iterator[AnnotationRow]:
    """The rows of a file, in order, a few at a time.

    Raises:
        InputError: the file can't be opened or unpacked, is no Parquet, or no row has the key.
    """
    rows = _parquet_rows(path) if path.name.endswith(_PARQUET_ENDING) else _json_rows(path)
    is_empty, has_key = True, False
    for row in rows:
        is_empty = False
        has_key = has_key or (row is not None and key in row)
        yield _BROKEN if row is None else _row(row, key)
    if not (is_empty or has_key):
        raise InputError(f"{path}: no row has a field `{key}`: name the one that holds the id")


def _json_rows(path: Path) -> Iterator[Mapping[str, Json] | None]:
    with _opened(path) as handle:
        for line in handle:
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield row if isinstance(row, dict) else None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as handle:
            is_gzip = handle.peek(2).startswith(_GZIP_MARK)
            unpacked = gzip.GzipFile(fileobj=handle) if is_gzip else handle
            yield io.BufferedReader(unpacked) if is_gzip else handle
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} can't be read ({reason}): get the annotations again") from error


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Json]]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH_ROWS):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} is no whole Parquet file ({error})") from error


def _row(row: Mapping[str, Json], key: str) -> AnnotationRow:
    name = row.get(key)
    signals = row.get(SIGNALS_KEY, row)
    if isinstance(signals, str):
        try:
            signals = json.loads(signals)
        except (ValueError, RecursionError):
            signals = None
    is_id = isinstance(name, str | int) and not isinstance(name, bool)
    if not (is_id and isinstance(signals, dict)):
        return _BROKEN
    short = {
        signal: value[:1] if isinstance(value, list) and signal != BULLETS_KEY else value
        for signal, value in signals.items()
        if signal.startswith(_PREFIXES)
    }
    return AnnotationRow(str(name), json.dumps({SIGNALS_KEY: short}, default=str).encode())
