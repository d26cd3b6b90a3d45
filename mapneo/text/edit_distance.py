"""Edit distance up to a limit."""

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel

_NOWHERE = -(1 << 30)


@kernel
def distance_within(
    left: npt.NDArray[np.int32], right: npt.NDArray[np.int32], limit: int
) -> tuple[int, int]:
    """Levenshtein distance (unit costs), as long as it is at most `limit`.

    For e = 0, 1, … it holds, on each diagonal that can still matter, how far into `left` e edits
    reach (Ukkonen 1985). Time: (limit + 1)² for the diagonals, and what they slide along, at most
    (2 · limit + 1) · length.

    Returns:
        (the distance, or `limit + 1` if it is larger; steps taken).
    """
    size, delta = left.size, right.size - left.size
    if abs(delta) > limit:
        return limit + 1, 1
    steps = 0
    while steps < size and steps < right.size and left[steps] == right[steps]:
        steps += 1
    if delta == 0 and steps == size:
        return 0, steps
    middle = limit + 1
    before = np.full(2 * limit + 3, _NOWHERE, dtype=np.int64)
    now = before.copy()
    before[middle] = steps
    for edits in range(1, limit + 1):
        left_over = limit - edits
        low, high = max(-edits, delta - left_over), min(edits, delta + left_over)
        for diagonal in range(low, high + 1):
            place = middle + diagonal
            reach = max(before[place - 1], before[place] + 1, before[place + 1] + 1)
            reach = min(reach, size, right.size - diagonal)
            steps += 1
            if reach >= 0:
                while (
                    reach < size
                    and reach + diagonal < right.size
                    and left[reach] == right[reach + diagonal]
                ):
                    reach += 1
                    steps += 1
            now[place] = reach
        if low <= delta <= high and now[middle + delta] == size:
            return edits, steps
        before, now = now, before
        now[:] = _NOWHERE
    return limit + 1, steps
