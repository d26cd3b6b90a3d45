"""Interpolated Kneser-Ney models over token windows: the baselines a trained model must beat.

The model of order n mixes k-grams of all orders k ≤ n. With c the count of a k-gram (h, w), D its
discount, and h' the context h without its first token:

    p_k(w | h) = (c(h, w) − D(c(h, w)) + p_{k−1}(w | h') · Σ_v D(c(h, v))) / Σ_v c(h, v)

At order n, c counts occurrences; below it, distinct left neighbours; p_0 is uniform. D has the
modified form: one value each for counts 1, 2, and 3 or more. N-grams do not reach over a window's
start, as the trained model's attention does not either.

Windows seen m times count m times, but are discounted by how often an n-gram occurs in *distinct*
windows: repeating a window makes no n-gram better established. With m = 1 this is the usual model.

Source: Chen and Goodman (1999), An empirical study of smoothing techniques, §3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mapneo.core.errors import DataError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MISSING = -1
_PLAIN_DISCOUNT = 0.75


@dataclass(frozen=True, kw_only=True)
class _Order:
    """One order's k-grams, sorted by key = context id · vocabulary + token.

    A k-gram's id is its place here, and its context id at the next order. `kept` is its count less
    its discount; `totals` and `spread` hold the sums of counts and of discounts per context id.
    """

    keys: Ints
    kept: Floats
    totals: Floats
    spread: Floats

    def find(self, contexts: Ints, tokens: Ints, vocabulary: int) -> Ints:
        """Ids of the k-grams (contexts, tokens), or MISSING."""
        keys = contexts * vocabulary + tokens
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where((contexts >= 0) & (self.keys[places] == keys), places, MISSING)


class NgramModel:
    """A fitted model; `nats` scores documents."""

    def __init__(self, orders: list[_Order]) -> None:
        """Use `fit_ngrams`."""
        self._orders = orders
        self._vocabulary = len(orders[0].keys)

    @property
    def ngrams(self) -> list[int]:
        """Distinct k-grams kept, for k = 1 … n."""
        return [len(order.keys) for order in self._orders]

    def nats(self, tokens: Ints, starts: npt.NDArray[np.bool_]) -> Floats:
        """Surprisal −ln p of each token given those before it, back to the last start.

        `tokens` (N,) holds sequences laid end to end, `starts` (N,) marks where each begins. The
        first token of a sequence is context only: its surprisal is 0.

        Returns:
            (N,) nats.
        """
        tokens = tokens.astype(np.int64)
        depth = _places(starts)
        contexts = np.zeros(len(tokens), dtype=np.int64)
        probability = np.full(len(tokens), 1.0 / self._vocabulary)
        for k, order in enumerate(self._orders, 1):
            contexts = np.where(depth >= k - 1, contexts, MISSING)
            ids = order.find(contexts, tokens, self._vocabulary)
            total = np.where(contexts >= 0, order.totals[contexts], 0.0)
            known = total > 0
            kept = np.where(ids >= 0, order.kept[ids], 0.0)
            safe = np.where(known, total, 1.0)
            mixed = (kept + order.spread[contexts] * probability) / safe
            probability = np.where(known, mixed, probability)
            contexts = np.concatenate([[MISSING], ids[:-1]])
        return np.where(depth > 0, -np.log(probability), 0.0)


def _places(starts: npt.NDArray[np.bool_]) -> Ints:
    """Place of each token in its sequence, from 0."""
    here = np.arange(len(starts))
    return here - np.maximum.accumulate(np.where(starts, here, 0))


@dataclass(frozen=True, kw_only=True)
class _Level:
    """All distinct k-grams of the windows: sorted keys, and three ways to count them.

    `occurrences` in distinct windows, `weighted` with each window as often as it was seen,
    `neighbours` the distinct tokens to the left (filled for k below the highest).
    """

    keys: Ints
    contexts: int
    occurrences: Ints
    weighted: Floats
    neighbours: Ints


def fit_ngrams(
    windows: Ints, times: Ints, *, orders: Sequence[int], vocabulary: int
) -> dict[int, NgramModel]:
    """Fit one interpolated model for each n of `orders`; they share the counting.

    Args:
        windows: (W, L + 1) token ids of distinct windows; a row's first token is context only.
        times: (W,) how often each window was seen.
        orders: Longest n-gram of each model.
        vocabulary: Number of token ids.

    Raises:
        DataError: there is no window, or an id is outside the vocabulary.
    """
    if windows.size == 0 or windows.shape[1] < 2:
        raise DataError("no token windows to fit n-grams on")
    if windows.min() < 0 or windows.max() >= vocabulary:
        raise DataError(f"token id {windows.max()} is outside the vocabulary of {vocabulary}")
    # No n-gram is longer than a window.
    longest = {n: min(n, windows.shape[1]) for n in orders}
    levels = _count(windows.astype(np.int64), times, max(longest.values()), vocabulary)
    inner = [_discounted(level, vocabulary, highest=False) for level in levels[:-1]]
    return {
        n: NgramModel([*inner[: k - 1], _discounted(levels[k - 1], vocabulary, highest=True)])
        for n, k in longest.items()
    }


def _count(windows: Ints, times: Ints, highest: int, vocabulary: int) -> list[_Level]:
    events = windows[:, 1:]
    levels = [
        _Level(
            keys=np.arange(vocabulary),
            contexts=1,
            occurrences=np.bincount(events.ravel(), minlength=vocabulary),
            weighted=_weighted(events, times, vocabulary),
            neighbours=np.zeros(vocabulary, dtype=np.int64),
        )
    ]
    ids = windows
    for k in range(2, highest + 1):
        keys, ids_here, example = _distinct(ids[:, :-1] * vocabulary + windows[:, k - 1 :])
        below = levels[-1]
        suffixes = ids[:, 1:].ravel()[example]
        levels[-1] = replace(below, neighbours=np.bincount(suffixes, minlength=len(below.keys)))
        levels.append(
            _Level(
                keys=keys,
                contexts=len(below.keys),
                occurrences=np.bincount(ids_here.ravel()),
                weighted=_weighted(ids_here, times, len(keys)),
                neighbours=np.zeros(len(keys), dtype=np.int64),
            )
        )
        ids = ids_here
    return levels


def _weighted(ids: Ints, times: Ints, size: int) -> Floats:
    weights = np.repeat(times.astype(np.float64), ids.shape[1])
    return _sums(ids.ravel(), weights, size)


def _sums(places: Ints, weights: Floats, size: int) -> Floats:
    return np.bincount(places, weights=weights, minlength=size).astype(np.float64)


def _distinct(keys: Ints) -> tuple[Ints, Ints, Ints]:
    """Sorted distinct keys, the place of each key among them, and one index of each."""
    flat = keys.ravel()
    order = np.argsort(flat)
    ranked = flat[order]
    first = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    places = np.empty_like(flat)
    places[order] = np.cumsum(first) - 1
    return ranked[first], places.reshape(keys.shape), order[first]


def _discounted(level: _Level, vocabulary: int, *, highest: bool) -> _Order:
    counts = level.occurrences if highest else level.neighbours
    weights = level.weighted if highest else counts.astype(np.float64)
    share = _discounts(counts)[np.minimum(counts, 3)] / np.maximum(counts, 1)
    contexts = level.keys // vocabulary
    return _Order(
        keys=level.keys,
        kept=weights * (1 - share),
        totals=_sums(contexts, weights, level.contexts),
        spread=_sums(contexts, weights * share, level.contexts),
    )


def _discounts(counts: Ints) -> Floats:
    """D(0) = 0, D(1), D(2), D(3+) from how many k-grams have count 1 … 4.

    A sample too small to have all four gets one plain discount.
    """
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(float)
    if min(n1, n2, n3, n4) == 0:
        return np.array([0.0, _PLAIN_DISCOUNT, _PLAIN_DISCOUNT, _PLAIN_DISCOUNT])
    y = n1 / (n1 + 2 * n2)
    estimates = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    # An estimate from few counts may leave its range; 0 would leave no mass for unseen tokens.
    clipped: Floats = np.clip(estimates, [0.0, 0.05, 0.05, 0.05], [0.0, 0.95, 1.9, 2.85])
    return clipped
