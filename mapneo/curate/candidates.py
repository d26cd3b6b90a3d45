"""From keys to edges: which documents share an exact hash or a band.

Documents are numbered through the shards. Exact copies are linked first, and only one of each
exact group takes part in its bands, so a page that exists a thousand times costs a thousand edges,
not half a million. Which pairs are linked depends on the texts alone, not on shards or order.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.core.config import Config
from mapneo.core.engine import Engine, ShardRecord, Task
from mapneo.core.parts import Partitioned
from mapneo.core.tables import read_batches
from mapneo.curate.keys import bands_of
from mapneo.curate.numbering import Numbering
from mapneo.text.hashing import mix64, table_size
from mapneo.text.kernel import kernel

EXACT, CANDIDATE = 0, 1

RECORD_SCHEMA = pa.schema(
    [("key", pa.uint64()), ("kind", pa.uint8()), ("text", pa.uint64()), ("document", pa.int64())]
)
"""One key of one document. Exact: `key` and `text` are the halves of the exact hash; a band:
its key, and `text` tells exact copies apart from near ones."""

EDGE_SCHEMA = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("kind", pa.uint8())])

_KEY_COLUMNS = ("exact_high", "exact_low", "bands")
_MAX_ALL_PAIRS = 64
"""Up to so many different texts of a group are paired off; larger: with the first and next."""


class EdgeConfig(Config):
    """Nothing of the recipe: keys stand as they are."""


def find_edges(
    engine: Engine, key_files: Sequence[InputFile], numbering: Numbering
) -> list[ShardRecord]:
    """Which documents share a key: `work/edges/<partition>.parquet`, in EDGE_SCHEMA."""
    config = EdgeConfig()
    tasks = [
        Task(shard=f"{number:05d}", inputs=(file,), payload={"first": int(first)})
        for number, (file, first) in enumerate(zip(key_files, numbering.starts[:-1], strict=True))
    ]
    records = engine.partition_keys(
        "work/records", tasks, spread_records, config=config, partitions=numbering.blocks
    )
    return engine.reduce_partitions(
        "work/edges", reduce_records, config=config, keys=records, partitions=numbering.blocks
    )


def spread_records(task: Task, config: EdgeConfig) -> Iterator[Partitioned]:
    """The records of one key file."""
    first, partitions = task.payload["first"], task.payload["partitions"]
    for keys in read_batches(task.inputs[0].path, _KEY_COLUMNS):
        records = record_table(keys, first)
        first += keys.num_rows
        place = records["key"].to_numpy() % np.uint64(partitions)
        yield Partitioned(records, place.astype(np.int64))


def reduce_records(table: pa.Table, task: Task, config: EdgeConfig) -> pa.Table:
    """Edges between the documents of one partition."""
    return edge_table(table)


def record_table(keys: pa.Table, first: int = 0) -> pa.Table:
    """One exact record per document, and one per band if it was long enough to shingle.

    Args:
        keys: a key table of one shard, or a part of it.
        first: number of its first document.
    """
    high, low = keys["exact_high"].to_numpy(), keys["exact_low"].to_numpy()
    rows, bands = bands_of(keys)
    repeated = np.repeat(rows, bands.shape[1])
    kinds = np.full(high.size + repeated.size, CANDIDATE, dtype=np.uint8)
    kinds[: high.size] = EXACT
    columns = [
        np.concatenate([high, bands.reshape(-1)]),
        kinds,
        np.concatenate([low, low[repeated]]),
        np.concatenate([np.arange(high.size), repeated]) + first,
    ]
    return pa.table([pa.array(column) for column in columns], schema=RECORD_SCHEMA)


def edge_table(records: pa.Table) -> pa.Table:
    """Edges between documents that share a key; each pair once, `left < right`, sorted."""
    columns = [records[name].to_numpy() for name in RECORD_SCHEMA.names]
    # Most keys are alone; what is alone in a table of half a byte a key needs no sorting.
    shared = np.flatnonzero(_maybe_shared(columns[0]))
    key, kind, text, document = (column[shared] for column in columns)
    order = np.lexsort((document, text, key, kind))
    key, kind, text, document = (column[order] for column in (key, kind, text, document))
    starts = changes(key, kind)
    same_text = ~changes(text) & ~starts
    leaders = np.flatnonzero(~same_text)
    # The group's first row of each text has the smallest document number, which stands for it.
    leader_of = np.repeat(leaders, np.diff(np.append(leaders, key.size)))
    exact = same_text & (kind == EXACT)
    exact_edges = np.stack([document[leader_of[exact]], document[exact]])
    banded = np.flatnonzero(~same_text & (kind == CANDIDATE))
    group = np.cumsum(starts, dtype=np.int64)[banded]
    candidates = _pairs(document[banded], group)
    edges = np.concatenate([exact_edges, candidates], axis=1)
    kinds = np.full(edges.shape[1], CANDIDATE, dtype=np.uint8)
    kinds[: exact_edges.shape[1]] = EXACT
    return _unique(edges, kinds)


def changes(*columns: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """True where a row differs from the row before it."""
    changes = np.zeros(columns[0].size, dtype=np.bool_)
    changes[:1] = True
    for column in columns:
        changes[1:] |= column[1:] != column[:-1]
    return changes


def each_pair_once(
    left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Both ends of pairs, sorted, without repeats."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = changes(left, right)
    return left[new], right[new]


@kernel
def _maybe_shared(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """True for every key that occurs twice, and for a few that do not."""
    mask = np.uint64(4 * table_size(keys.size) - 1)
    seen = np.zeros(int(mask) // 4 + 1, dtype=np.uint8)
    for key in keys:
        slot = mix64(key) & mask
        place, shift = slot >> np.uint64(2), np.uint64(2) * (slot & np.uint64(3))
        state = (seen[place] >> shift) & 3
        if state < 2:
            seen[place] += 1 << shift
    shared = np.empty(keys.size, dtype=np.bool_)
    for index in range(keys.size):
        slot = mix64(keys[index]) & mask
        place, shift = slot >> np.uint64(2), np.uint64(2) * (slot & np.uint64(3))
        shared[index] = (seen[place] >> shift) & 3 == 2
    return shared


def _pairs(documents: npt.NDArray[np.int64], group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """int64, shape (2, pairs): the documents of each group, linked."""
    limits = np.flatnonzero(np.diff(group, prepend=-1, append=-1))
    sizes = np.diff(limits)
    small = sizes <= _MAX_ALL_PAIRS
    total = np.where(small, sizes * (sizes - 1) // 2, 2 * sizes - 3).sum() if sizes.size else 0
    out = np.empty((2, int(total)), dtype=np.int64)
    _fill_pairs(documents, limits.astype(np.int64), out)
    return out


@kernel
def _fill_pairs(
    documents: npt.NDArray[np.int64], limits: npt.NDArray[np.int64], out: npt.NDArray[np.int64]
) -> None:
    filled = 0
    for number in range(limits.size - 1):
        start, end = limits[number], limits[number + 1]
        for right in range(start + 1, end):
            if end - start <= _MAX_ALL_PAIRS:
                for left in range(start, right):
                    out[0, filled], out[1, filled] = documents[left], documents[right]
                    filled += 1
                continue
            out[0, filled], out[1, filled] = documents[start], documents[right]
            filled += 1
            if right > start + 1:
                out[0, filled], out[1, filled] = documents[right - 1], documents[right]
                filled += 1


def _unique(edges: npt.NDArray[np.int64], kinds: npt.NDArray[np.uint8]) -> pa.Table:
    left, right = edges.min(axis=0), edges.max(axis=0)
    order = np.lexsort((kinds, right, left))
    left, right, kinds = left[order], right[order], kinds[order]
    first = changes(left, right)
    return pa.table([left[first], right[first], kinds[first]], schema=EDGE_SCHEMA)
