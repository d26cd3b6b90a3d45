"""One file per shard that holds its rows by partition: an Arrow file, one record batch each.

A reducer reads its own batch of every shard's file and nothing else of it, so a stage of S shards
and P partitions has S files, not S · P.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.files import atomic_file
from mapneo.core.tables import readable


class Partitioned(NamedTuple):
    """Rows and where they go.

    Attributes:
        table: any columns.
        numbers: integers in [0, partitions), shape (rows,).
    """

    table: pa.Table
    numbers: npt.NDArray[np.int64]


def split_rows(
    table: pa.Table, numbers: npt.NDArray[np.int64], partitions: int
) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each partition that has some, with its number; order within it is kept."""
    order = np.argsort(numbers.astype(np.min_scalar_type(partitions)), kind="stable")
    limits = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=partitions))])
    ordered = table.take(pa.array(order))
    for number in range(partitions):
        if limits[number] < limits[number + 1]:
            yield number, ordered.slice(limits[number], limits[number + 1] - limits[number])


def write_parts(path: Path, schema: pa.Schema, parts: Iterable[pa.Table]) -> None:
    """Write one record batch per table, atomically; an empty table is an empty batch.

    Raises:
        StorageError: the disk is full, or the folder can't be written.
    """
    empty = pa.RecordBatch.from_pylist([], schema)
    with atomic_file(path) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        for part in parts:
            batches = part.combine_chunks().to_batches()
            writer.write_batch(batches[0] if batches else empty)


def read_part(path: Path, number: int) -> pa.Table:
    """The rows of one partition of a file of `write_parts`.

    Raises: as `tables.read_table`.
    """
    with readable(path, whole=False) as source:
        opened = pa.OSFile(str(source)) if isinstance(source, Path) else pa.PythonFile(source)
        with opened as file, pa.ipc.open_file(file) as reader:
            return pa.Table.from_batches([reader.get_batch(number)])
