"""The keyed bijection: a permutation at any size, its own inverse's inverse, and well mixed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.train.permutation import MAX_SIZE, Permutation, key_of

KEYS = st.integers(0, 2**64 - 1)


@given(size=st.integers(1, 700), key=KEYS)
def test_every_value_comes_exactly_once(size, key):
    permutation = Permutation(size=size, key=key)
    values = [permutation.forward(index) for index in range(size)]
    assert sorted(values) == list(range(size))
    assert [permutation.inverse(value) for value in values] == list(range(size))


@given(size=st.integers(1, MAX_SIZE), key=KEYS, part=st.floats(0, 1, exclude_max=True))
def test_inverse_undoes_forward_at_sizes_beyond_any_corpus(size, key, part):
    permutation = Permutation(size=size, key=key)
    index = min(size - 1, int(part * size))
    value = permutation.forward(index)
    assert 0 <= value < size
    assert permutation.inverse(value) == index


@given(size=st.sampled_from([1, 2, 3, 17, 2**32 + 1, 2**40 + 3, MAX_SIZE]), key=KEYS)
def test_vectors_and_plain_integers_agree(size, key):
    permutation = Permutation(size=size, key=key)
    indices = sorted({n * size // 50 for n in range(50)})
    expected = [permutation.forward(index) for index in indices]
    assert permutation.forward_many(indices).tolist() == expected


@pytest.mark.parametrize("size", [1000, 4097])
def test_places_are_spread_evenly_over_keys(size):
    """Where index 0 and 1 land, over 4,000 keys, in ten bins: chi-squared of 9 degrees."""
    for index in (0, 1, size - 1):
        places = [Permutation(size=size, key=key_of(n)).forward(index) for n in range(4000)]
        counts = np.histogram(places, bins=10, range=(0, size))[0]
        assert ((counts - 400) ** 2 / 400).sum() < 33.7  # p = 1e-4


def test_neighbours_do_not_stay_neighbours():
    values = Permutation(size=10_000, key=3).forward_many(range(10_000)).astype(np.int64)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.04
    assert (np.abs(np.diff(values)) == 1).sum() < 12


@pytest.mark.parametrize("size", [0, -1, MAX_SIZE + 1])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(ValueError, match="elements"):
        Permutation(size=size, key=1)


@pytest.mark.parametrize("index", [-1, 10])
def test_indices_outside_are_refused(index):
    with pytest.raises(IndexError):
        Permutation(size=10, key=1).forward(index)
    with pytest.raises(IndexError):
        Permutation(size=10, key=1).inverse(index)


def test_keys_differ_when_any_part_differs():
    assert len({key_of(1, 2, "a"), key_of(12, "a"), key_of(1, "2a"), key_of(1, 2, "b")}) == 4
