"""Rows out of one JSON file by path, and out of SQLite by query; one document per row or group."""

import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from mapneo.core.canonical import Json, canonical
from mapneo.sources.catalogue import JsonRows, SqliteRows
from mapneo.sources.documents import Broken, BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.rows_of_form import storable
from mapneo.sources.streams import read_whole


def read_json(file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
    """Rows under a path of one JSON file, filled into the source's template."""
    assert isinstance(file.rows, JsonRows)
    data = read_whole(file, options.max_document_bytes)
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
        text = storable("\n\n".join(text for text in texts if text))
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
    assert isinstance(file.path, Path), "fetch lists no remote database"
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
    text = storable("\n".join(part for part in parts if part))
    return Extracted(text=text, row=row, raw_sha256=hashlib.sha256(text.encode()).hexdigest())
