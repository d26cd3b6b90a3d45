"""The n-gram models against a slow twin of dictionaries, and against what they must satisfy."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.core.errors import DataError
from mapneo.evaluate import fit_ngrams

VOCABULARY = 5


def discounts(counts):
    """Chen and Goodman's D(1), D(2), D(3+) from counts of counts."""
    n = Counter(counts)
    if not all(n[k] for k in (1, 2, 3, 4)):
        return [0, 0.75, 0.75, 0.75]
    y = n[1] / (n[1] + 2 * n[2])
    raw = [1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
    return [0, *(min(max(d, 0.05), top) for d, top in zip(raw, (0.95, 1.9, 2.85), strict=True))]


class SlowTwin:
    """The same model, word by word, from dictionaries keyed by tuples of tokens."""

    def __init__(self, windows, times, order):
        self.order = order
        self.count = [defaultdict(float) for _ in range(order + 1)]
        self.distinct = [Counter() for _ in range(order + 1)]
        left = [defaultdict(set) for _ in range(order + 1)]
        for window, seen in zip(windows, times, strict=True):
            for end in range(1, len(window)):
                for k in range(1, order + 1):
                    if end - k + 1 < 0:
                        continue
                    gram = tuple(window[end - k + 1 : end + 1])
                    self.distinct[k][gram] += 1
                    self.count[k][gram] += seen
                    if end - k >= 0:
                        left[k][gram].add(window[end - k])
        for k in range(1, order):
            self.distinct[k] = Counter({gram: len(found) for gram, found in left[k].items()})
            self.count[k] = {gram: float(n) for gram, n in self.distinct[k].items()}
        self.discounts = [discounts([c for c in d.values() if c]) for d in self.distinct]

    def probability(self, context, token, k=None):
        k = min(self.order, len(context) + 1) if k is None else k
        if k == 0:
            return 1 / VOCABULARY
        history = tuple(context[len(context) - k + 1 :])
        below = self.probability(context, token, k - 1)
        total = kept = spread = 0.0
        for other in range(VOCABULARY):
            gram = (*history, other)
            weight, distinct = self.count[k].get(gram, 0.0), self.distinct[k][gram]
            if not distinct:
                continue
            share = self.discounts[k][min(distinct, 3)] / distinct
            total += weight
            spread += weight * share
            if other == token:
                kept = weight * (1 - share)
        return below if total == 0 else (kept + spread * below) / total


def nats_of(model, sequence):
    starts = np.zeros(len(sequence), dtype=bool)
    starts[0] = True
    return model.nats(np.array(sequence), starts)


TOKENS = st.integers(0, VOCABULARY - 1)


@st.composite
def training(draw):
    length = draw(st.integers(2, 9))
    rows = draw(
        st.lists(st.lists(TOKENS, min_size=length, max_size=length), min_size=1, max_size=30)
    )
    times = draw(st.lists(st.integers(1, 4), min_size=len(rows), max_size=len(rows)))
    return rows, times


@settings(max_examples=150, deadline=None)
@given(training(), st.lists(TOKENS, min_size=2, max_size=9))
def test_surprisals_equal_the_slow_twin(data, sequence):
    rows, times = data
    models = fit_ngrams(np.array(rows), np.array(times), orders=(1, 2, 5), vocabulary=VOCABULARY)
    for order, model in models.items():
        twin = SlowTwin(rows, times, min(order, len(rows[0])))
        got = nats_of(model, sequence)
        assert got[0] == 0
        for place in range(1, len(sequence)):
            context = sequence[max(0, place - twin.order + 1) : place]
            assert math.exp(-got[place]) == pytest.approx(
                twin.probability(context, sequence[place]), rel=1e-9
            )


@settings(max_examples=60, deadline=None)
@given(training(), st.lists(TOKENS, max_size=6))
def test_probabilities_of_all_next_tokens_sum_to_one(data, context):
    rows, times = data
    models = fit_ngrams(np.array(rows), np.array(times), orders=(1, 2, 3, 5), vocabulary=VOCABULARY)
    for model in models.values():
        history = [0, *context]
        total = sum(math.exp(-nats_of(model, [*history, w])[-1]) for w in range(VOCABULARY))
        assert total == pytest.approx(1, rel=1e-9)


def test_a_bigram_by_hand():
    # Events of "0 1 0 1 2": 01, 10, 01, 12. Too few for three discounts: D = 0.75 throughout.
    # Unigram level: distinct left neighbours of 1 (0), 0 (1), 2 (1): 1 each of 3 in all.
    model = fit_ngrams(np.array([[0, 1, 0, 1, 2]]), np.array([1]), orders=(2,), vocabulary=5)[2]
    below = 0.25 / 3 + 0.75 / 5
    after_one = 0.25 / 2 + 0.75 * below
    after_zero = (2 - 0.75) / 2 + 0.375 * below
    unseen = 0.75 * (0.75 / 5)
    got = np.exp(-nats_of(model, [1, 0, 1, 4]))
    assert got[1:] == pytest.approx([after_one, after_zero, unseen])


def test_repeating_every_window_changes_nothing():
    windows = np.random.default_rng(1).integers(0, 50, (200, 33))
    sequence = np.random.default_rng(2).integers(0, 50, 300)
    once = fit_ngrams(windows, np.ones(200, dtype=int), orders=(3,), vocabulary=50)[3]
    often = fit_ngrams(windows, np.full(200, 4), orders=(3,), vocabulary=50)[3]
    assert nats_of(once, sequence) == pytest.approx(nats_of(often, sequence))


def test_a_window_seen_more_often_weighs_more():
    windows = np.array([[0, 1, 1, 1, 1], [0, 2, 2, 2, 2]])
    even = fit_ngrams(windows, np.array([1, 1]), orders=(1,), vocabulary=5)[1]
    tilted = fit_ngrams(windows, np.array([9, 1]), orders=(1,), vocabulary=5)[1]
    assert nats_of(even, [0, 1])[1] > nats_of(tilted, [0, 1])[1]
    assert nats_of(even, [0, 2])[1] < nats_of(tilted, [0, 2])[1]


def test_sequences_do_not_see_each_other():
    windows = np.random.default_rng(3).integers(0, 9, (50, 17))
    model = fit_ngrams(windows, np.ones(50, dtype=int), orders=(5,), vocabulary=9)[5]
    one, two = [1, 2, 3, 4, 5, 6], [7, 8, 1, 2]
    starts = np.zeros(10, dtype=bool)
    starts[[0, 6]] = True
    together = model.nats(np.array(one + two), starts)
    assert together == pytest.approx([*nats_of(model, one), *nats_of(model, two)])


def test_structure_makes_longer_contexts_pay():
    cycle = np.tile(np.arange(7), 60)[:401]
    windows = np.stack([cycle[i : i + 21] for i in range(0, 380, 20)])
    models = fit_ngrams(windows, np.ones(len(windows), dtype=int), orders=(1, 2), vocabulary=7)
    assert nats_of(models[2], cycle[:50]).sum() < 0.2 * nats_of(models[1], cycle[:50]).sum()


def test_no_windows_and_ids_outside_the_vocabulary_are_refused():
    with pytest.raises(DataError, match="no token windows"):
        fit_ngrams(np.empty((0, 5), dtype=int), np.empty(0), orders=(2,), vocabulary=5)
    with pytest.raises(DataError, match="token id 7 is outside the vocabulary of 5"):
        fit_ngrams(np.array([[1, 7]]), np.array([1]), orders=(2,), vocabulary=5)
