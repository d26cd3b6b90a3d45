"""Documents are numbered through the shards, so that edges are pairs of integers.

Numbers are names within one run of dedup: nothing that stays depends on them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.core.canonical import Json
from mapneo.core.tables import read_schema, read_table


class Numbering(NamedTuple):
    """Which numbers the documents of each key file have.

    Attributes:
        starts: int64, shape (files + 1,); the first number of each file, and the end of all.
        old: documents with a number below it belong to an earlier run.
        blocks: into how many ranges of equal length numbers are cut for joins.
    """

    starts: npt.NDArray[np.int64]
    old: int
    blocks: int

    @property
    def documents(self) -> int:
        """How many there are."""
        return int(self.starts[-1])

    @property
    def block_length(self) -> int:
        """Documents in a block; the last may have fewer."""
        return max(1, -(-self.documents // self.blocks))

    def file_of(self, documents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Position of the key file that each document is in."""
        return np.searchsorted(self.starts, documents, side="right") - 1

    def block_of(self, documents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Block of each document."""
        return documents // self.block_length

    def as_json(self) -> dict[str, Json]:
        """For the payload of a task."""
        return {"starts": self.starts.tolist(), "old": self.old, "blocks": self.blocks}

    @staticmethod
    def of_payload(payload: Mapping[str, Json]) -> "Numbering":
        """The numbering that `as_json` put into a payload."""
        starts = np.array(payload["starts"], dtype=np.int64)
        return Numbering(starts, payload["old"], payload["blocks"])


def read_block(
    files: Sequence[InputFile], numbering: Numbering, block: int, column: str
) -> tuple[pa.ChunkedArray, int]:
    """One column of the key files over the documents of a block, and the block's first number."""
    first = block * numbering.block_length
    last = min(first + numbering.block_length, numbering.documents)
    kind = column_type(files[0], column)
    return pa.chunked_array(_overlapping(files, numbering, first, last, column), kind), first


def column_type(file: InputFile, column: str) -> pa.DataType:
    """The type of a column of a key file."""
    return read_schema(file.path).field(column).type


def _overlapping(
    files: Sequence[InputFile], numbering: Numbering, first: int, last: int, column: str
) -> Iterator[pa.Array]:
    for file, start, end in zip(
        files, numbering.starts[:-1].tolist(), numbering.starts[1:].tolist(), strict=True
    ):
        low, high = max(start, first), min(end, last)
        if low < high:
            chunked = read_table(file.path, [column])[column].slice(low - start, high - low)
            yield from chunked.chunks
