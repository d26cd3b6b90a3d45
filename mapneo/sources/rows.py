"""Row files, one document per row or group of rows: JSON lines, JSON by path, SQLite by query."""

import gzip
import hashlib
import itertools
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from typing import IO

from mapneo.core.canonical import Json, canonical
from mapneo.sources.catalogue import JsonRows, SqliteRows
from mapneo.sources.decode import read_bytes
from mapneo.sources.documents import Broken, BrokenFileError, Extracted, RawFile, ReadOptions

TEXT_FIELDS = ("text", "content", "raw_content")
_URL_FIELDS = ("url", "source_url")


def read_jsonl(file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
    """One JSON object per line (`.jsonl`, `.jsonl.gz`); its text is under one of TEXT_FIELDS.

    Other fields become `meta`. Blank lines are not rows. Lines are read one by one.
    """
    row = -1
    try:
        with gzip.open(file.path) if file.path.suffix == ".gz" else file.path.open("rb") as handle:
            for row, line in enumerate(_lines(handle, options.max_document_bytes)):
                yield _parse_line(row, line, options)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        yield Broken(kind="bad_gzip", message=f"not a whole gzip file: {error}", row=row + 1)
        return
    except OSError as error:
        raise BrokenFileError("unreadable_file", f"can't be opened: {error.strerror}") from error
    if row < 0:
        raise BrokenFileError("empty_file", "the file has no rows")


def _lines(handle: IO[bytes] | gzip.GzipFile, max_bytes: int) -> Iterator[bytes]:
    """Lines that are not blank; a longer one comes cut at `max_bytes` + 1, the rest is skipped."""
    while line := handle.readline(max_bytes + 1):
        rest = line
        while len(rest) > max_bytes and not rest.endswith(b"\n"):
            rest = handle.readline(max_bytes + 1)
        if line.strip():
            yield line


def _parse_line(row: int, line: bytes, options: ReadOptions) -> Extracted | Broken:
    if len(line) > options.max_document_bytes:
        message = f"the row has more than {options.max_document_bytes} bytes"
        return Broken(kind="too_large", message=message, row=row)
    try:
        value = json.loads(line)
    except UnicodeDecodeError as error:
        return Broken(kind="undecodable", message=f"JSON must be UTF-8: {error}", row=row)
    except (ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits too
        return Broken(kind="bad_json", message=f"not JSON: {error}", row=row)
    if not isinstance(value, dict):
        return Broken(kind="bad_row", message="the row is not a JSON object", row=row)
    name = next((name for name in TEXT_FIELDS if isinstance(value.get(name), str)), None)
    if name is None:
        message = f"the row has no text under any of {', '.join(TEXT_FIELDS)}"
        return Broken(kind="no_text", message=message, row=row)
    text = _storable(value.pop(name))
    if not text.strip():
        return Broken(kind="no_text", message=f"the row's {name} is blank", row=row)
    url = next((value[key] for key in _URL_FIELDS if isinstance(value.get(key), str)), None)
    url = None if url is None else _storable(url)
    raw_sha256 = hashlib.sha256(line).hexdigest()
    return Extracted(text=text, row=row, url=url, raw_sha256=raw_sha256, meta=_plain(value))


def read_json(file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
    """Rows under a path of one JSON file, filled into the source's template."""
    assert isinstance(file.rows, JsonRows)
    data = read_bytes(file.path, options.max_document_bytes)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenFileError("bad_json", f"not JSON: {error}") from error
    rows = enumerate(walk(value, file.rows.path.split(".") if file.rows.path else []))
    size = file.rows.rows_per_document
    for first in rows:
        group = [first, *itertools.islice(rows, size - 1)]
        number = group[0][0]
        try:
            texts = [fill(file.rows.template, row).strip() for _, row in group]
        except KeyError as error:
            message = f"the row has no field {error}"
            yield Broken(kind="bad_row", message=message, row=number)
            continue
        text = _storable("\n\n".join(text for text in texts if text))
        if text:
            raw = canonical([row for _, row in group]).encode("utf-8", "replace")
            yield Extracted(text=text, row=number, raw_sha256=hashlib.sha256(raw).hexdigest())
        else:
            yield Broken(kind="no_text", message="the row's fields are blank", row=number)


def walk(value: Json, path: list[str]) -> Iterator[Json]:
    """The values under a path of keys, in file order; `*` stands for every item of a list."""
    if not path:
        yield value
    elif path[0] == "*" and isinstance(value, list):
        for item in value:
            yield from walk(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from walk(value[path[0]], path[1:])


def fill(template: str, row: Json) -> str:
    """The template with `{field}` replaced; lists become lines, null becomes nothing.

    Raises:
        KeyError: the row has no such field. A row that is plain text is the field `text`.
    """
    fields = row if isinstance(row, Mapping) else {"text": row}
    return template.format_map({name: _as_text(value) for name, value in fields.items()})


def _as_text(value: Json) -> str:
    if isinstance(value, list):
        return "\n".join(_as_text(item) for item in value)
    return "" if value is None else str(value)


def read_sqlite(file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
    """Neighbouring rows of a query, joined to documents by the source's grouping."""
    assert isinstance(file.rows, SqliteRows)
    try:
        connection = sqlite3.connect(f"{file.path.as_uri()}?mode=ro&immutable=1", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            rows = (dict(row) for row in connection.execute(file.rows.query))
            yield from _group_rows(rows, file.rows)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise BrokenFileError("bad_sqlite", f"the database can't be queried: {error}") from error


def _group_rows(rows: Iterator[dict[str, Json]], cut: SqliteRows) -> Iterator[Extracted]:
    parts: list[str] = []
    start = size_bytes = 0
    previous: dict[str, Json] = {}
    for number, row in enumerate(rows):
        same_group = previous and row[cut.group_by] == previous[cut.group_by]
        breaks = not same_group or row[cut.break_at] != previous[cut.break_at]
        if parts and (not same_group or (breaks and size_bytes >= cut.min_document_bytes)):
            yield _as_document(parts, start)
            parts, size_bytes = [], 0
        if not parts:
            start = number
            parts.append(fill(cut.heading, row).strip())
        if breaks or start == number:
            parts.append(fill(cut.break_heading, row).strip())
        text = fill(cut.template, row).strip()
        size_bytes += len(text.encode())
        parts.append(text)
        previous = row
    if parts:
        yield _as_document(parts, start)


def _as_document(parts: list[str], row: int) -> Extracted:
    text = _storable("\n".join(part for part in parts if part))
    return Extracted(text=text, row=row, raw_sha256=hashlib.sha256(text.encode()).hexdigest())


def _storable(text: str) -> str:
    """JSON may hold lone surrogates, which UTF-8 can't: they become `?`."""
    return text.encode("utf-8", "replace").decode()


def _plain(value: dict[str, Json]) -> dict[str, Json]:
    """Metadata that canonical JSON can hold: no NaN, no lone surrogates."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=True)
    return dict(json.loads(text.encode("ascii"), parse_constant=str))
