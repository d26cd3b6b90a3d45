"""Intervals: by resampling documents for ratios, Wilson's for counts, Student's for seeds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapneo.core.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVEL = 0.95
_CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def bits_per_byte(nats: Floats, sizes_bytes: Ints) -> float:
    """Surprisal of all documents together, in bits per byte of their text.

    Args:
        nats: (documents,) surprisal of each document.
        sizes_bytes: (documents,) UTF-8 bytes of each document's text.

    Raises:
        DataError: the documents hold no bytes.
    """
    total = int(sizes_bytes.sum())
    if total == 0:
        raise DataError("bits per byte of no text: there are no held-out documents with text")
    return float(nats.sum() / np.log(2) / total)


def bits_per_byte_interval(
    nats: Floats, sizes_bytes: Ints, *, seed: int, resamples: int
) -> Interval:
    """Pooled bits per byte and its interval over documents.

    Raises:
        DataError: the documents hold no bytes.
    """
    bits_per_byte(nats, sizes_bytes)
    return ratio_interval(nats / np.log(2), sizes_bytes, seed=seed, resamples=resamples)


def ratio_interval(
    numerators: Floats, denominators: Floats | Ints, *, seed: int, resamples: int
) -> Interval:
    """Sum of `numerators` over sum of `denominators`, and its interval over units.

    A unit (a document, a cluster of prompts) is drawn or left out as a whole, so what belongs
    together is not counted as independent.

    Args:
        numerators: (units,)
        denominators: (units,), with a sum above 0.
        seed: seeds the resampling.
        resamples: number of bootstrap resamples.
    """
    draws = [
        _pooled(weights, numerators, denominators)
        for weights in _resampled(len(numerators), seed=seed, resamples=resamples)
    ]
    value = float(numerators.sum() / denominators.sum())
    return _interval(value, np.concatenate(draws))


def proportion_interval(successes: int, trials: int) -> Interval:
    """Share of successes with Wilson's score interval; trials are independent.

    Raises:
        DataError: there was no trial.
    """
    if trials == 0:
        raise DataError("a share of no trials: there is nothing to count")
    from scipy import stats  # here: half a second that no start of a command should wait for

    ends = stats.binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return Interval(value=successes / trials, low=float(ends.low), high=float(ends.high))


def paired_difference(
    nats: Floats, other_nats: Floats, sizes_bytes: Ints, *, seed: int, resamples: int
) -> Interval:
    """Bits per byte of `nats` less those of `other_nats` on the same documents.

    Each resample takes the same documents for both, so what makes a document hard cancels out.
    """
    return bits_per_byte_interval(nats - other_nats, sizes_bytes, seed=seed, resamples=resamples)


def mean_interval(values: Floats) -> Interval:
    """Mean of independent values and Student's t interval; equal values give no width.

    Args:
        values: (n,) with n >= 2, such as one paired difference per seed.

    Raises:
        DataError: there are fewer than two values, which say nothing about their spread.
    """
    if len(values) < 2:
        raise DataError(f"an interval needs two values or more, not {len(values)}")
    from scipy import stats  # here: as above

    mean = float(values.mean())
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values))
    return Interval(value=mean, low=mean - half, high=mean + half)


def _resampled(documents: int, *, seed: int, resamples: int) -> Iterator[Ints]:
    """How often each document is drawn: blocks of (resamples, documents)."""
    generator = np.random.default_rng(seed)
    chances = np.full(documents, 1 / documents)
    step = max(1, _CHUNK_NUMBERS // documents)
    for start in range(0, resamples, step):
        yield generator.multinomial(documents, chances, size=min(step, resamples - start))


def _pooled(weights: Ints, numerators: Floats, denominators: Floats | Ints) -> Floats:
    # Sums, not a matrix product: BLAS may add in an order that depends on the number of threads.
    above = (weights * numerators).sum(axis=1)
    below = (weights * denominators).sum(axis=1)
    pooled: Floats = above / np.where(below > 0, below, 1)
    return pooled


def _interval(value: float, draws: Floats) -> Interval:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value=value, low=float(low), high=float(high))
