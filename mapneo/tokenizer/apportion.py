"""Share out a whole number by weights, under caps, exactly: used for samples and for mixtures."""

from collections.abc import Sequence
from fractions import Fraction

from mapneo.core.errors import DataError


def apportion(total: int, weights: Sequence[float], caps: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to `weights`, none above its cap, that add up to `total`.

    What a capped share can't take goes to the others in proportion to their weights. Rounding is by
    largest remainder; among equal remainders the earlier share wins. Exact arithmetic, so the
    result is the same on every machine.

    Raises:
        DataError: a number is negative, or the caps of shares with a weight do not reach `total`.
    """
    if min([total, *weights, *caps]) < 0:
        raise DataError(f"can't share out {total} by weights {list(weights)}, caps {list(caps)}")
    exact = [Fraction(weight) for weight in weights]
    still_open = [i for i, weight in enumerate(exact) if weight > 0 and caps[i] > 0]
    room = sum(caps[i] for i in still_open)
    if room < total:
        raise DataError(f"{total} asked for, but only {room} are there")
    given = [0] * len(exact)
    while still_open:
        rest = total - sum(given)
        per_weight = rest / sum((exact[i] for i in still_open), Fraction(0))
        ideal = {i: exact[i] * per_weight for i in still_open}
        full = {i for i in still_open if ideal[i] >= caps[i]}
        if not full:
            _round_to(rest, ideal, given)
            break
        for i in full:
            given[i] = caps[i]
        still_open = [i for i in still_open if i not in full]
    return given


def _round_to(total: int, ideal: dict[int, Fraction], given: list[int]) -> None:
    """Set `given` to the rounded `ideal`, which adds up to `total`, by largest remainder."""
    for i, share in ideal.items():
        given[i] = int(share)
    left = total - sum(given[i] for i in ideal)
    for i in sorted(ideal, key=lambda i: (given[i] - ideal[i], i))[:left]:
        given[i] += 1
