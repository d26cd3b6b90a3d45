"""Which run to make next: the (N, D) whose loss would narrow a prediction's interval most.

The resamples of a bootstrap say how the loss at a candidate and the loss at the target vary
together. Taken as jointly normal, a measurement at the candidate with the scatter of single runs
leaves the target the share 1 - cov² / (var_target · (var_candidate + scatter²)) of its variance.
Source: Cohn, Ghahramani and Jordan 1996, "Active learning with statistical models".
"""

from dataclasses import dataclass

import numpy as np

from mapneo.core.errors import DataError
from mapneo.scaling.bootstrap import Draws
from mapneo.scaling.laws import Floats
from mapneo.scaling.points import FLOPS_PER_PARAMETER_AND_TOKEN

_GRID = 32
_NORMAL_MAD = 1.4826
_APART = 1.5


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A run that could be made, and what it would be worth."""

    parameters: float
    tokens: float
    compute: float
    """6·N·D, FLOP."""
    width_left: float
    """Share of the target's interval that would be left: 1 is none the wiser."""


def next_runs(
    draws: Draws, *, compute: float, target: tuple[float, float], count: int = 5
) -> list[Candidate]:
    """The best candidates within `compute` FLOP, most telling first, not close to one another.

    Candidates have N and D from the smallest of the points to the largest of points and target.

    Args:
        draws: a bootstrapped fit.
        compute: FLOP that the run may cost, by 6·N·D.
        target: (N, D) whose predicted loss is to become surer.
        count: candidates to return at most.

    Raises:
        DataError: no candidate fits into the compute, or the target's loss is not open at all.
    """
    n, d = _candidates(draws, compute, target)
    if len(n) == 0:
        raise DataError(
            f"{compute:.3g} FLOP do not pay for the smallest of the points again: raise the compute"
        )
    left = _width_left(draws, n, d, target)
    order = np.lexsort((n * d, left))
    chosen: list[int] = []
    for place in order:
        apart = all(
            max(abs(np.log(n[place] / n[other])), abs(np.log(d[place] / d[other]))) > np.log(_APART)
            for other in chosen
        )
        if apart and len(chosen) < count:
            chosen.append(int(place))
    return [
        Candidate(
            parameters=float(n[place]),
            tokens=float(d[place]),
            compute=FLOPS_PER_PARAMETER_AND_TOKEN * float(n[place] * d[place]),
            width_left=float(left[place]),
        )
        for place in chosen
    ]


def scatter(draws: Draws) -> float:
    """Standard deviation of ln L of single runs about the law, from the median residual."""
    residuals = draws.fit.residuals
    middle = np.median(np.abs(residuals - np.median(residuals)))
    left = max(len(residuals) - draws.fit.law.size, 1)
    return float(_NORMAL_MAD * middle * np.sqrt(len(residuals) / left))


def _candidates(draws: Draws, compute: float, target: tuple[float, float]) -> tuple[Floats, Floats]:
    points = draws.fit.points
    axes = [
        np.geomspace(values.min(), max(values.max(), end), _GRID)
        for values, end in zip((points.parameters, points.tokens), target, strict=True)
    ]
    n, d = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    paid = FLOPS_PER_PARAMETER_AND_TOKEN * n * d <= compute * (1 + 1e-9)
    return n[paid], d[paid]


def _width_left(draws: Draws, n: Floats, d: Floats, target: tuple[float, float]) -> Floats:
    """Share of the target's standard deviation left after a run at each candidate (m,)."""
    law, centre = draws.fit.law, draws.fit.centre
    at_target = law.log_loss(draws.theta, centre, np.array([target[0]]), np.array([target[1]]))
    losses = law.log_loss(draws.theta, centre, n, d)
    whole = np.isfinite(at_target[:, 0]) & np.isfinite(losses).all(axis=1)
    wanted = at_target[whole, 0]
    if len(wanted) < 2 or not wanted.std() > 0:
        raise DataError("the loss at the target does not vary between resamples: nothing to learn")
    moved = losses[whole] - losses[whole].mean(axis=0)
    wanted = wanted - wanted.mean()
    shared = (moved * wanted[:, None]).mean(axis=0)
    spread = (moved**2).mean(axis=0) + scatter(draws) ** 2
    explained = shared**2 / (spread * (wanted**2).mean())
    result: Floats = np.sqrt(np.maximum(1 - explained, 0))
    return result
