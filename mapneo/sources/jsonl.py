"""JSON lines, plain or packed, one document per row, with the companion files of some open sets."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import msgspec

from mapneo.core.canonical import Json
from mapneo.sources.documents import Broken, BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.forms import Companion, RowForm
from mapneo.sources.rows_of_form import document_of_row, plain
from mapneo.sources.streams import Unpacked, lines

PLAIN_FORM = RowForm()
_decode = msgspec.json.Decoder().decode


def read_jsonl(file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
    """One JSON object per line; what its fields mean says the source's form.

    Blank lines are not rows. Lines are read one by one: no file is too large. A file that is torn
    gives the rows before the tear, and one error for what is behind it.
    """
    form = file.rows if isinstance(file.rows, RowForm) else PLAIN_FORM
    row = -1
    with ExitStack() as opened:
        stream = opened.enter_context(Unpacked(file))
        beside = _companion(file, form.companion, options, opened) if form.companion else None
        try:
            for row, line in enumerate(_rows(stream, options.max_document_bytes)):
                found = _parse_line(row, line, form, options)
                yield found if beside is None else _join(found, next(beside, None), form.companion)
        except BrokenFileError as error:
            yield Broken(kind=error.kind, message=str(error), row=row + 1)
            return
    if row < 0:
        raise BrokenFileError("empty_file", "the file has no rows")


def _rows(stream: Unpacked, max_bytes: int) -> Iterator[bytes]:
    return (line for line in lines(stream, max_bytes) if line and not line.isspace())


def _parse_line(row: int, line: bytes, form: RowForm, options: ReadOptions) -> Extracted | Broken:
    if len(line) > options.max_document_bytes:
        message = f"the row has more than {options.max_document_bytes} bytes"
        return Broken(kind="too_large", message=message, row=row)
    whole = True
    try:
        value = _decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # What is not quite JSON (NaN, lone surrogates) is read by the standard library; and so is
        # what is wrong, whose messages say where.
        whole = False
        parsed = _parse_slowly(row, line)
        if isinstance(parsed, Broken):
            return parsed
        value = parsed
    if not isinstance(value, dict):
        return Broken(kind="bad_row", message="the row is not a JSON object", row=row)
    raw_sha256 = hashlib.sha256(line).hexdigest()
    return document_of_row(row, value, form, raw_sha256, whole=whole)


def _parse_slowly(row: int, line: bytes) -> Json | Broken:
    try:
        return json.loads(line)
    except UnicodeDecodeError as error:
        return Broken(kind="undecodable", message=f"JSON must be UTF-8: {error}", row=row)
    except (ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits too
        return Broken(kind="bad_json", message=f"not JSON: {error}", row=row)


def _companion(
    file: RawFile, companion: Companion, options: ReadOptions, opened: ExitStack
) -> Iterator[Mapping[str, Json] | None]:
    """Rows of the file beside this one, in step with it; None for a row that is no object."""
    address, relative = str(file.path), file.relative
    for old, new in companion.replace.items():
        address, relative = address.replace(old, new), relative.replace(old, new)
    path = address if isinstance(file.path, str) else Path(address)
    stream = opened.enter_context(Unpacked(replace(file, path=path, relative=relative)))
    return map(_signals, _rows(stream, options.max_document_bytes))


def _signals(line: bytes) -> Mapping[str, Json] | None:
    try:
        value = plain(json.loads(line))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _join(
    found: Extracted | Broken, signals: Mapping[str, Json] | None, companion: Companion | None
) -> Extracted | Broken:
    """The document with its companion's fields; one without them says so in `meta`."""
    if isinstance(found, Broken) or companion is None:
        return found
    if signals is None:
        return replace(found, meta={**found.meta, "signals_missing": True})
    kept = {name: signals[name] for name in companion.keep if name in signals}
    return replace(found, meta={**found.meta, "signals": {**found.meta.get("signals", {}), **kept}})
