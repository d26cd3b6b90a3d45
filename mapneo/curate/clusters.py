"""From candidate edges to clusters of copies, each with its one survivor."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.curate.candidates import CANDIDATE
from mapneo.curate.keys import Keys
from mapneo.curate.minhash import estimated_jaccard
from mapneo.text.unionfind import components

Keep = Literal["longest", "first"]

EXACT_RULE, MINHASH_RULE = "exact_document", "minhash"

CLUSTER_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
    ]
)
"""Columns of `clusters.parquet`; see docs/formats.md."""

_PAIRS_AT_ONCE = 1 << 16


def find_clusters(keys: Keys, edges: pa.Table, *, min_similarity: float, keep: Keep) -> pa.Table:
    """Clusters of two or more documents.

    A candidate edge holds if the estimated Jaccard similarity is at least `min_similarity`. The
    survivor is the longest document, or with keep = "first" any; ties go to the smallest doc_id.

    Returns:
        A table with CLUSTER_SCHEMA, sorted by doc_id.
    """
    left, right = edges["left"].to_numpy(), edges["right"].to_numpy()
    holds = edges["kind"].to_numpy() != CANDIDATE
    asked = np.flatnonzero(~holds)
    similar = _similarities(keys, left[asked], right[asked]) >= np.float32(min_similarity)
    holds[asked[similar]] = True
    names = _ranks(keys.doc_ids)
    component = components(names.size, left[holds], right[holds])
    survivor = _survivors(component, names, keys.sizes_bytes, keep)
    return _cluster_table(keys, survivor, names)


def _survivors(
    component: npt.NDArray[np.int64],
    names: npt.NDArray[np.int64],
    sizes_bytes: npt.NDArray[np.int64],
    keep: Keep,
) -> npt.NDArray[np.int64]:
    """For each document the number of its cluster's survivor: smallest (priority, doc_id)."""
    priority = -sizes_bytes if keep == "longest" else np.zeros_like(sizes_bytes)
    order = np.lexsort((names, priority, component))
    first = np.flatnonzero(np.diff(component[order], prepend=-1))
    best = np.full(component.size, -1, dtype=np.int64)
    best[component[order[first]]] = order[first]
    return best[component]


def _cluster_table(
    keys: Keys, survivor: npt.NDArray[np.int64], names: npt.NDArray[np.int64]
) -> pa.Table:
    sizes = np.bincount(survivor, minlength=survivor.size)[survivor]
    members = np.flatnonzero(sizes > 1)
    members = members[np.argsort(names[members])]
    heads = survivor[members]
    equal = (keys.exact[:, members] == keys.exact[:, heads]).all(axis=0)
    similarity = np.where(equal, np.float32(1), _similarities(keys, members, heads))
    return pa.table(
        [
            keys.doc_ids.take(pa.array(members)),
            keys.doc_ids.take(pa.array(heads)),
            pa.array(np.where(equal, EXACT_RULE, MINHASH_RULE), pa.string()),
            pa.array(similarity, pa.float32()),
            pa.array(sizes[members], pa.int32()),
        ],
        schema=CLUSTER_SCHEMA,
    )


def _similarities(
    keys: Keys, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    found = np.empty(left.size, dtype=np.float32)
    for start in range(0, left.size, _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        found[part] = estimated_jaccard(keys.signatures[left[part]], keys.signatures[right[part]])
    return found


def _ranks(doc_ids: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Position of each doc_id in sorted order."""
    order = pc.sort_indices(doc_ids).to_numpy()
    ranks = np.empty(order.size, dtype=np.int64)
    ranks[order] = np.arange(order.size)
    return ranks
