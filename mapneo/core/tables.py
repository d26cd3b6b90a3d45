"""Parquet in and out: the schema of documents and errors, and one writer setting for all."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mapneo.core.errors import CorruptFileError, ManifestError
from mapneo.core.files import atomic_file
from mapneo.core.storage import is_remote, open_for_reading, read_bytes

ROW_GROUP_ROWS = 4096
COMPRESSION = "zstd"
COMPRESSION_LEVEL = 3

CATEGORIES = (
    "web code paper book instruction exam news wiki law patent math other".split()  # noqa: SIM905
)

_BOX = pa.list_(pa.float32())
_ORIGIN = pa.struct(
    [("start_byte", pa.int64()), ("end_byte", pa.int64()), ("page", pa.int32()), ("box", _BOX)]
)
_EDIT = pa.struct(
    [
        ("edit", pa.string()),
        ("start_byte", pa.int64()),
        ("end_byte", pa.int64()),
        ("replacement", pa.string()),
    ]
)

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("language_score", pa.float32()),
        pa.field("script", pa.string()),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("publish", pa.string(), nullable=False),
        pa.field("raw_sha256", pa.string(), nullable=False),
        pa.field("fetched", pa.string()),
        pa.field("origins", pa.list_(_ORIGIN), nullable=False),
        pa.field("edits", pa.list_(_EDIT), nullable=False),
        pa.field("meta", pa.string(), nullable=False),
    ]
)
"""Columns of a document between extract and measure; see docs/formats.md."""

ERROR_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
    ]
)
"""Documents that a stage could not handle, with the reason."""


def write_table(path: Path, table: pa.Table) -> None:
    """Write `table` as Parquet, atomically, with the one writer setting of the project."""
    with atomic_file(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression=COMPRESSION,
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP_ROWS,
            store_schema=True,
        )


@contextmanager
def table_writer(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Write a Parquet file a table at a time, atomically: give a function that adds one.

    Rows are grouped as they come, up to the size of `write_table`.
    """
    with (
        atomic_file(path) as temporary,
        pq.ParquetWriter(
            temporary, schema, compression=COMPRESSION, compression_level=COMPRESSION_LEVEL
        ) as writer,
    ):
        yield lambda table: writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """A Parquet file, or some columns of it, a row group at a time.

    Raises: as `read_table`.
    """
    chosen = None if columns is None else list(columns)
    with readable(path, whole=False) as source, pq.ParquetFile(source) as file:
        for number in range(file.metadata.num_row_groups):
            yield file.read_row_group(number, columns=chosen)


def read_table(
    path: Path,
    columns: Sequence[str] | None = None,
    *,
    dictionaries: Sequence[str] = (),
    where: pc.Expression | None = None,
) -> pa.Table:
    """Read a Parquet file, or only some columns of it.

    Args:
        path: the file.
        columns: which columns; left out, all.
        dictionaries: columns of strings to read as codes and names (`a.list.element`: those in the
            lists of column a), which is several times faster where names repeat.
        where: which rows; left out, all.

    Raises:
        CorruptFileError: the file is damaged.
        ManifestError: the file is missing.
        StorageError: the object store can't be reached, or refuses.
    """
    chosen = None if columns is None else list(columns)
    with readable(path, whole=columns is None) as source:
        return pq.read_table(
            source, columns=chosen, read_dictionary=list(dictionaries), filters=where
        )


def read_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file, and what its footer says beside them.

    Raises: as `read_table`.
    """
    with readable(path, whole=False) as source:
        return pq.read_schema(source)


def count_rows(path: Path) -> int:
    """Rows of a Parquet file, from its footer.

    Raises: as `read_table`.
    """
    with readable(path, whole=False) as source:
        return int(pq.read_metadata(source).num_rows)


def read_rows(path: Path, rows: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
    """Some rows of a Parquet file, by position, in the order given; other row groups stay unread.

    Raises: as `read_table`.
    """
    wanted = np.asarray(rows, dtype=np.int64)
    chosen = None if columns is None else list(columns)
    with readable(path, whole=False) as source, pq.ParquetFile(source) as file:
        footer = file.metadata
        sizes = np.array([footer.row_group(n).num_rows for n in range(footer.num_row_groups)])
        ends = np.cumsum(sizes)
        groups, place = np.unique(np.searchsorted(ends, wanted, "right"), return_inverse=True)
        table = file.read_row_groups(groups.tolist(), columns=chosen)
    starts = np.cumsum(sizes[groups]) - sizes[groups]
    inside = wanted - (ends - sizes)[groups][place]
    return table.take(pa.array(starts[place] + inside))


@contextmanager
def readable(path: Path, *, whole: bool) -> Iterator[Any]:
    """What pyarrow reads a file from: its path, or an object, fetched at once if all is wanted.

    Raises:
        CorruptFileError: pyarrow says inside the block that this is no whole file of its kind.
        ManifestError: there is no such file.
        StorageError: the object store can't be reached, or refuses.
    """
    try:
        if not is_remote(path):
            yield path
        elif whole:
            yield pa.BufferReader(read_bytes(path))
        else:
            with open_for_reading(path) as handle:
                yield handle
    except FileNotFoundError as error:
        raise ManifestError(f"{path} is missing: run the stage that writes it again") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise CorruptFileError(str(path), str(error)) from error
