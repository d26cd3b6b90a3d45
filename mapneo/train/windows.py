"""Which window of which bucket a step sees, and which steps saw a window: pure arithmetic.

sample index → position (past skipped positions) → shuffled position → bucket by cumulative quota
→ epoch and place in it → shuffled window of the bucket. Every arrow has an inverse, none needs a
table, and the world size does not occur: rank and world only choose a slice of a step's samples.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from mapneo.core.errors import ManifestError
from mapneo.mix import Bucket, PhaseQuotas, Quotas, windows_available
from mapneo.train.permutation import Permutation, key_of


@dataclass(frozen=True, kw_only=True)
class Window:
    """One training sample: a window of a bucket, drawn for the `epoch`-th time (0-based)."""

    bucket: int
    epoch: int
    window: int


@dataclass(frozen=True)
class Order:
    """The order of one phase's samples.

    `skipped` are positions that this run leaves out (recorded when a run decides to skip data);
    the samples after a skipped position move up by one.
    """

    quotas: Quotas
    phase: int
    skipped: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check the phase's buckets and that the skip list is sorted, unique and inside.

        Raises:
            ManifestError: the quotas lack the phase or contradict themselves.
            ValueError: the skip list is not an increasing list of the phase's positions.
        """
        _check_buckets(self.quotas, self._phase)
        increasing = all(a < b for a, b in zip(self.skipped, self.skipped[1:], strict=False))
        last = self._ends[-1] - 1
        if not increasing or (
            self.skipped and not 0 <= self.skipped[0] <= self.skipped[-1] <= last
        ):
            raise ValueError(f"skipped positions must increase and lie in 0 … {last}")

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The phase's buckets, as `Window.bucket` counts them."""
        return self._phase.buckets

    @property
    def samples(self) -> int:
        """How many samples the phase has left after skipping."""
        return self._ends[-1] - len(self.skipped)

    def position(self, sample: int) -> int:
        """The position in the phase that sample number `sample` takes.

        Raises:
            IndexError: the phase has no such sample.
        """
        if not 0 <= sample < self.samples:
            raise IndexError(f"sample {sample} is outside the phase's 0 … {self.samples - 1}")
        # The i-th skipped position has skipped[i] - i samples before it.
        return sample + bisect_right(self._samples_before_skip, sample)

    def locate(self, sample: int) -> Window:
        """The window that sample number `sample` shows."""
        place = self._shuffle.forward(self.position(sample))
        bucket = bisect_right(self._ends, place)
        place -= self._ends[bucket] - self.buckets[bucket].quota_windows
        epoch, rank = divmod(place, self.buckets[bucket].windows_available)
        window = self._bucket_shuffle(bucket, epoch).forward(rank)
        return Window(bucket=bucket, epoch=epoch, window=window)

    def locate_many(self, samples: Sequence[int]) -> list[Window]:
        """`locate` of a step's samples, with the phase-wide shuffle done at once."""
        positions = [self.position(sample) for sample in samples]
        places = self._shuffle.forward_many(positions).astype(np.int64)
        buckets = np.searchsorted(np.asarray(self._ends, dtype=np.int64), places, side="right")
        found: list[Window | None] = [None] * len(samples)
        for bucket, epoch, rows, ranks in self._groups(places, buckets):
            windows = self._bucket_shuffle(bucket, epoch).forward_many(ranks)
            for row, window in zip(rows.tolist(), windows.tolist(), strict=True):
                found[row] = Window(bucket=bucket, epoch=epoch, window=window)
        return [window for window in found if window is not None]

    def samples_of(self, bucket: int, window: int) -> list[int]:
        """The samples, in order, that show `window` of `bucket`: the inverse of `locate`."""
        quota = self.buckets[bucket].quota_windows
        available = self.buckets[bucket].windows_available
        if not 0 <= window < available:
            raise IndexError(f"window {window} is outside the bucket's 0 … {available - 1}")
        samples = []
        for epoch in range(-(-quota // available)):
            place = epoch * available + self._bucket_shuffle(bucket, epoch).inverse(window)
            if place < quota:
                position = self._shuffle.inverse(self._ends[bucket] - quota + place)
                before = bisect_left(self.skipped, position)
                if before == len(self.skipped) or self.skipped[before] != position:
                    samples.append(position - before)
        return sorted(samples)

    @cached_property
    def _samples_before_skip(self) -> list[int]:
        return [position - n for n, position in enumerate(self.skipped)]

    @cached_property
    def _shuffle(self) -> Permutation:
        return Permutation(size=self._ends[-1], key=key_of(self.quotas.seed, self.phase))

    @cached_property
    def _phase(self) -> PhaseQuotas:
        for phase in self.quotas.phases:
            if phase.phase == self.phase:
                return phase
        raise ManifestError(f"the quotas have no phase {self.phase}: add it to the mix and run it")

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(bucket.quota_windows for bucket in self.buckets))

    def _bucket_shuffle(self, bucket: int, epoch: int) -> Permutation:
        entry = self.buckets[bucket]
        name = (entry.source, entry.language, entry.category)
        key = key_of(self.quotas.seed, self.phase, *name, epoch)
        return Permutation(size=entry.windows_available, key=key)

    def _groups(
        self, places: npt.NDArray[np.int64], buckets: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Rows of equal bucket and epoch: bucket, epoch, rows, places within the epoch."""
        for bucket in np.unique(buckets).tolist():
            rows = np.flatnonzero(buckets == bucket)
            entry = self.buckets[bucket]
            inside = places[rows] - (self._ends[bucket] - entry.quota_windows)
            epochs, ranks = np.divmod(inside, entry.windows_available)
            for epoch in np.unique(epochs).tolist():
                here = epochs == epoch
                yield bucket, epoch, rows[here], ranks[here]


def step_samples(step: int, batch: int, *, rank: int = 0, world: int = 1) -> range:
    """Sample numbers that `rank` of `world` sees in the `step`-th step (1-based).

    Raises:
        ValueError: the batch can't be shared evenly.
    """
    if batch % world:
        raise ValueError(f"{batch} windows can't be shared evenly by {world} ranks")
    share = batch // world
    start = (step - 1) * batch + rank * share
    return range(start, start + share)


def step_of(sample: int, batch: int) -> int:
    """The step (1-based) that sees sample number `sample`."""
    return sample // batch + 1


def _check_buckets(quotas: Quotas, phase: PhaseQuotas) -> None:
    if phase.windows != sum(bucket.quota_windows for bucket in phase.buckets) or not phase.windows:
        raise ManifestError(
            f"phase {phase.phase} states {phase.windows} windows, its buckets sum to "
            f"{sum(bucket.quota_windows for bucket in phase.buckets)}: run the stage mix again"
        )
    for bucket in phase.buckets:
        most = windows_available(sum(file.tokens for file in bucket.files), quotas.seq_len)
        if bucket.quota_windows and not 1 <= bucket.windows_available <= most:
            raise ManifestError(
                f"{bucket.source}/{bucket.language}/{bucket.category} offers "
                f"{bucket.windows_available} windows, its files hold {most}: run mix again"
            )
