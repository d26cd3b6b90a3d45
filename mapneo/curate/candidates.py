"""From keys to edges: which documents share an exact hash or a band.

Documents are numbered through the shards. Exact copies are linked first, and only one of each
exact group takes part in its bands, so a page that exists a thousand times costs a thousand edges,
not half a million. Which pairs are linked depends on the texts alone, not on shards or order.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.curate.keys import Keys
from mapneo.text.kernel import kernel

EXACT, CANDIDATE = 0, 1

KEY_SCHEMA = pa.schema(
    [
        ("key", pa.uint64()),
        ("kind", pa.uint8()),
        ("exact_high", pa.uint64()),
        ("exact_low", pa.uint64()),
        ("document", pa.int64()),
    ]
)
EDGE_SCHEMA = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("kind", pa.uint8())])

_MAX_ALL_PAIRS = 64
"""Up to so many different texts of a group are paired off; larger: with the first and next."""


def key_table(keys: Keys, bands: npt.NDArray[np.uint64], *, first: int = 0) -> pa.Table:
    """One exact key per document, and its band keys if it was long enough to shingle.

    Args:
        keys: of one shard.
        bands: uint64, shape (documents, bands).
        first: number of the shard's first document.
    """
    documents, per_document = bands.shape
    banded = np.flatnonzero(keys.has_shingles)
    rows = np.concatenate([np.arange(documents), np.repeat(banded, per_document)])
    kinds = np.full(rows.size, CANDIDATE, dtype=np.uint8)
    kinds[:documents] = EXACT
    high, low = keys.exact
    values = np.concatenate([low, bands[banded].reshape(-1)])
    columns = [values, kinds, high[rows], low[rows], rows + first]
    return pa.table([pa.array(column) for column in columns], schema=KEY_SCHEMA)


def edge_table(keys: pa.Table) -> pa.Table:
    """Edges between documents that share a key; each pair once, `left < right`, sorted."""
    columns = [keys[name].to_numpy() for name in KEY_SCHEMA.names]
    key, kind, high, low, document = columns
    order = np.lexsort((document, low, high, key, kind))
    key, kind, high, low, document = (column[order] for column in columns)
    starts = _changes(key, kind)
    same_text = ~_changes(high, low) & ~starts
    exact = same_text & (kind == EXACT)
    leaders = np.flatnonzero(~same_text)
    # The group's first row of each text has the smallest document number, which stands for it.
    leader_of = np.repeat(leaders, np.diff(np.append(leaders, key.size)))
    exact_edges = np.stack([document[leader_of[exact]], document[exact]])
    banded = np.flatnonzero(~same_text & (kind == CANDIDATE))
    group = np.cumsum(starts, dtype=np.int64)[banded]
    candidates = _pairs(document[banded], group)
    edges = np.concatenate([exact_edges, candidates], axis=1)
    kinds = np.full(edges.shape[1], CANDIDATE, dtype=np.uint8)
    kinds[: exact_edges.shape[1]] = EXACT
    return _unique(edges, kinds)


def _changes(*columns: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """True where a row differs from the row before it."""
    changes = np.zeros(columns[0].size, dtype=np.bool_)
    changes[:1] = True
    for column in columns:
        changes[1:] |= column[1:] != column[:-1]
    return changes


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
            small = end - start <= _MAX_ALL_PAIRS
            for left in range(start, right):
                if small or left == start or left == right - 1:
                    out[0, filled] = documents[left]
                    out[1, filled] = documents[right]
                    filled += 1


def _unique(edges: npt.NDArray[np.int64], kinds: npt.NDArray[np.uint8]) -> pa.Table:
    left, right = edges.min(axis=0), edges.max(axis=0)
    order = np.lexsort((kinds, right, left))
    left, right, kinds = left[order], right[order], kinds[order]
    first = _changes(left, right)
    return pa.table([left[first], right[first], kinds[first]], schema=EDGE_SCHEMA)
