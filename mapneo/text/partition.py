"""Which partition a key belongs to, and many keys sorted by that."""

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel


@kernel
def partition_of(key: np.uint64, partitions: int) -> int:
    """The partition of a key, by its upper half."""
    return int(np.int64(((key >> np.uint64(32)) * np.uint64(partitions)) >> np.uint64(32)))


@kernel
def by_partition(
    keys: npt.NDArray[np.uint64], partitions: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sort positions by the partition of their key, stably.

    Returns:
        int64 positions, shape (keys,), and int64, shape (partitions + 1,), where each begins.
    """
    starts = np.zeros(partitions + 1, dtype=np.int64)
    for key in keys:
        starts[partition_of(key, partitions) + 1] += 1
    for p in range(partitions):
        starts[p + 1] += starts[p]
    order = np.empty(keys.size, dtype=np.int64)
    cursors = starts[:-1].copy()
    for position in range(keys.size):
        p = partition_of(keys[position], partitions)
        order[cursors[p]] = position
        cursors[p] += 1
    return order, starts
