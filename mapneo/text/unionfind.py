"""Connected components on flat arrays."""

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel

Ends = npt.NDArray[np.int64]


def components(nodes: int, left: Ends, right: Ends) -> npt.NDArray[np.int64]:
    """Name each node's component by its smallest node.

    Args:
        nodes: number of nodes; edges join values in [0, nodes).
        left: int64, shape (edges,).
        right: int64, shape (edges,).

    Returns:
        int64, shape (nodes,). It depends on the set of edges alone, not on their order.

    Raises:
        ValueError: an edge names a node outside [0, nodes), or the sides differ in length.
    """
    parent = np.arange(nodes, dtype=np.int64)
    join(parent, left, right)
    flatten(parent)
    return parent


def join(parent: npt.NDArray[np.int64], left: Ends, right: Ends) -> None:
    """Union the ends of all edges in `parent`, in place; it starts as each node's own number.

    Raises:
        ValueError: an edge names a node outside `parent`, or the sides differ in length.
    """
    if left.shape != right.shape:
        raise ValueError(f"edges have {left.size} left and {right.size} right ends")
    nodes = parent.size
    if left.size and (min(left.min(), right.min()) < 0 or max(left.max(), right.max()) >= nodes):
        raise ValueError(f"an edge names a node outside 0..{nodes - 1}")
    _join_edges(
        parent,
        np.ascontiguousarray(left, dtype=np.int64),
        np.ascontiguousarray(right, dtype=np.int64),
    )


def flatten(parent: npt.NDArray[np.int64]) -> None:
    """Make every node's parent its root, the smallest node of its component, in place."""
    _flatten(parent)


def local_forest(left: Ends, right: Ends) -> tuple[Ends, Ends]:
    """A spanning forest of some edges over any numbers: each node but the roots, and its root."""
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    parent = components(nodes.size, places[: left.size], places[left.size :])
    below = np.flatnonzero(parent != np.arange(nodes.size))
    return nodes[below], nodes[parent[below]]


@kernel
def _join_edges(parent: npt.NDArray[np.int64], left: Ends, right: Ends) -> None:
    """Union all edges, the smaller root always winning, halving paths on the way."""
    for edge in range(left.size):
        a, b = left[edge], right[edge]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b


@kernel
def _flatten(parent: npt.NDArray[np.int64]) -> None:
    # A parent is never larger than its node, so one pass in order reaches every root.
    for node in range(parent.size):
        parent[node] = parent[parent[node]]
