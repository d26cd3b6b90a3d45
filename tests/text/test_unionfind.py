import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.text.unionfind import components

NODES = 12
edges = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=20)


def solve(pairs: list[tuple[int, int]]) -> list[int]:
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return components(NODES, ends[:, 0], ends[:, 1]).tolist()


def naive(pairs: list[tuple[int, int]]) -> list[int]:
    """Relax until nothing changes: each node takes the smallest label that it touches."""
    label = list(range(NODES))
    for _ in range(NODES):
        for a, b in pairs:
            label[a] = label[b] = min(label[a], label[b])
    return label


@settings(deadline=None)
@given(edges)
def test_components_are_named_by_their_smallest_node(pairs):
    assert solve(pairs) == naive(pairs)


@settings(deadline=None)
@given(edges, st.randoms())
def test_order_and_direction_of_edges_do_not_matter(pairs, random):
    shuffled = [(b, a) if random.random() < 0.5 else (a, b) for a, b in pairs]
    random.shuffle(shuffled)
    assert solve(shuffled) == solve(pairs)


def test_a_long_chain_is_flat():
    count = 100_000
    ends = np.arange(count, dtype=np.int64)
    assert not components(count, ends[1:][::-1], ends[:-1][::-1]).any()


def test_an_edge_outside_is_refused():
    with pytest.raises(ValueError, match="outside 0..2"):
        components(3, np.array([0]), np.array([3]))
    with pytest.raises(ValueError, match="2 left and 1 right"):
        components(3, np.array([0, 1]), np.array([2]))
