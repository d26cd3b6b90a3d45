"""Parquet and Arrow files, one document per row, batch by batch."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mapneo.core.canonical import Json
from mapneo.sources.documents import Broken, BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.forms import RowForm
from mapneo.sources.jsonl import PLAIN_FORM
from mapneo.sources.rows_of_form import document_of_row, plain
from mapneo.sources.storage import open_raw

BATCH_BYTES = 16 << 20
MAX_BATCH_ROWS = 4096
_ARROW_FILE = b"ARROW1"
_DAMAGE = (pa.ArrowException, OSError)


def read_parquet(file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
    """The rows of a Parquet file; only columns that the form wants are read.

    Raises:
        BrokenFileError: `empty_file`, `bad_parquet`, or `other_schema`: no column of text.
    """
    form = file.rows if isinstance(file.rows, RowForm) else PLAIN_FORM
    with closing(open_raw(file)) as handle:
        if not handle.peek(1):
            raise BrokenFileError("empty_file", "the file has no bytes")
        try:
            parquet = pq.ParquetFile(handle)
        except _DAMAGE as error:
            raise BrokenFileError("bad_parquet", f"can't be read as Parquet: {error}") from error
        columns = _wanted(parquet.schema_arrow, form)
        rows = parquet.metadata.num_rows
        if not rows:
            raise BrokenFileError("empty_file", "the file has no rows")
        batches = parquet.iter_batches(_batch_rows(parquet), columns=columns)
        yield from _documents(batches, form, options, kind="bad_parquet", rows=rows)


def read_arrow(file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
    """The rows of an Arrow stream or file, such as `datasets` saves to disk.

    Raises:
        BrokenFileError: `empty_file`, `bad_arrow`, or `other_schema`: no column of text.
    """
    form = file.rows if isinstance(file.rows, RowForm) else PLAIN_FORM
    with closing(open_raw(file)) as handle:
        head = handle.peek(len(_ARROW_FILE))
        if not head:
            raise BrokenFileError("empty_file", "the file has no bytes")
        try:
            if head.startswith(_ARROW_FILE):
                opened = pa.ipc.open_file(handle)
                batches = (opened.get_batch(n) for n in range(opened.num_record_batches))
            else:
                opened = pa.ipc.open_stream(handle)
                batches = iter(opened)
        except _DAMAGE as error:
            raise BrokenFileError("bad_arrow", f"can't be read as Arrow: {error}") from error
        columns = _wanted(opened.schema, form)
        chosen = (part.select(columns) for batch in batches for part in _slices(batch))
        found = _documents(chosen, form, options, kind="bad_arrow", rows=None)
        first = next(found, None)
        if first is None:
            raise BrokenFileError("empty_file", "the file has no rows")
        yield first
        yield from found


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * batch.num_rows // max(1, batch.nbytes)))
    return (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))


def _batch_rows(parquet: pq.ParquetFile) -> int:
    """So many rows that a batch is about BATCH_BYTES when unpacked."""
    footer = parquet.metadata
    size_bytes = sum(footer.row_group(n).total_byte_size for n in range(footer.num_row_groups))
    return int(max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * footer.num_rows // max(1, size_bytes))))


def _wanted(schema: pa.Schema, form: RowForm) -> list[str]:
    """The columns to read.

    Raises:
        BrokenFileError: `other_schema`.
    """
    names = list(form.text)
    if form.template is not None:
        found = bool(schema.names)
    else:
        found = any(
            name in schema.names
            and _is_text(schema.field(name).type)
            or "." in name
            and name.split(".")[0] in schema.names
            for name in names
        )
    if not found:
        raise BrokenFileError(
            "other_schema",
            f"no column of text named any of {', '.join(names)}; the columns are "
            f"{', '.join(f'{field.name} ({field.type})' for field in schema)[:300]}",
        )
    if form.keep is None or form.template is not None:
        return list(schema.names)
    more = (form.id, form.fetched, form.licence)
    wanted = {*names, *form.url, *form.signals, *form.keep, *(name for name in more if name)}
    tops = {name.split(".")[0] for name in wanted} | wanted
    return [name for name in schema.names if name in tops]


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _documents(
    batches: Iterator[pa.RecordBatch],
    form: RowForm,
    options: ReadOptions,
    *,
    kind: str,
    rows: int | None,
) -> Iterator[Extracted | Broken]:
    """Documents of all batches; damage in the middle is one error for all rows behind it."""
    row = 0
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                return
            columns = [_values(batch.column(n)) for n in range(batch.num_columns)]
        except _DAMAGE as error:
            lost = "the rows" if rows is None else f"the {rows - row} rows"
            yield Broken(kind=kind, message=f"{lost} from here on are damaged: {error}", row=row)
            return
        names = batch.schema.names
        for values in zip(*columns, strict=True):
            found = document_of_row(row, dict(zip(names, values, strict=True)), form, None)
            yield _within(found, options)
            row += 1


def _values(column: pa.Array) -> Sequence[Json]:
    """The column as JSON values: times and bytes as strings, no NaN in it."""
    kind = column.type
    values: list[Json] = column.to_pylist()
    if _is_plain(kind):
        return values
    if pa.types.is_floating(kind) and pc.all(pc.is_finite(column), min_count=0).as_py():
        return values
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return [None if time is None else time.isoformat() for time in values]
    return [None if value is None else plain(msgspec.to_builtins(value)) for value in values]


def _is_plain(kind: pa.DataType) -> bool:
    """Whether all values of the type are JSON values."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_plain(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_is_plain(kind.field(n).type) for n in range(kind.num_fields))
    return bool(
        _is_text(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )


def _within(found: Extracted | Broken, options: ReadOptions) -> Extracted | Broken:
    """The document, unless its text is too large."""
    if isinstance(found, Broken) or len(found.text) * 4 <= options.max_document_bytes:
        return found
    if len(found.text.encode()) <= options.max_document_bytes:
        return found
    message = f"the row's text has more than {options.max_document_bytes} bytes"
    return Broken(kind="too_large", message=message, row=found.row)
