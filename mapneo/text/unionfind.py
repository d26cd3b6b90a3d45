"""Connected components on flat arrays."""

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel


def components(
    nodes: int, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
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
    if left.shape != right.shape:
        raise ValueError(f"edges have {left.size} left and {right.size} right ends")
    if left.size and (min(left.min(), right.min()) < 0 or max(left.max(), right.max()) >= nodes):
        raise ValueError(f"an edge names a node outside 0..{nodes - 1}")
    parent = np.arange(nodes, dtype=np.int64)
    _join_edges(
        parent,
        np.ascontiguousarray(left, dtype=np.int64),
        np.ascontiguousarray(right, dtype=np.int64),
    )
    return parent


@kernel
def _root(parent: npt.NDArray[np.int64], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def _join_edges(
    parent: npt.NDArray[np.int64], left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> None:
    """Union all edges, the smaller root always winning, then flatten `parent`."""
    for edge in range(left.size):
        a, b = _root(parent, left[edge]), _root(parent, right[edge])
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for node in range(parent.size):
        parent[node] = parent[parent[node]]
