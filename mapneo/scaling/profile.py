"""Profile of the objective over an exponent: how well all other parameters make up for it."""

from dataclasses import dataclass

import numpy as np

from mapneo.core.errors import ConfigError
from mapneo.scaling.fit import GRID, LEAST_ABSOLUTE, Fit, Problem
from mapneo.scaling.laws import MAX_EXPONENT, MIN_POWER, Floats

STEPS = 41
_STARTS = 4
_REACH = 3.0
_FLAT = 0.01


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The lowest objective at each value of an exponent."""

    exponent: str
    values: Floats
    """(m,), from a third of the fitted exponent to three times it, within the bounds."""
    objectives: Floats
    """(m,), in the unit of the fit's objective; infinite where no parameters give a loss."""
    lowest: float

    @property
    def flat(self) -> tuple[float, float]:
        """Values between which the objective stays within 1 % of the lowest."""
        low = self.values[self.objectives <= (1 + _FLAT) * self.lowest]
        return (float(low.min()), float(low.max())) if len(low) else (np.nan, np.nan)

    def remark(self) -> str | None:
        """A sentence if the objective hardly depends on the exponent."""
        low, high = self.flat
        if not high > 2 * low:
            return None
        return (
            f"{self.exponent} is hardly identified: between {low:.3g} and {high:.3g} the objective "
            "stays within 1 % of its lowest"
        )


def profile(fit: Fit, exponent: str) -> Profile:
    """The objective over `exponent`, all other parameters fitted again at each value.

    Raises:
        ConfigError: the law has no such exponent.
    """
    law = fit.law
    if exponent not in law.exponents:
        raise ConfigError(
            f"{law.name} has no exponent {exponent}: exponents are {', '.join(law.exponents)}"
        )
    place = len(law.terms) + law.exponents.index(exponent)
    best = float(fit.theta[place])
    least = MIN_POWER if exponent == law.power else 0.0
    middle = max(best, 0.05)
    grid = np.geomspace(max(middle / _REACH, least), min(middle * _REACH, MAX_EXPONENT), STEPS - 1)
    values = np.unique(np.append(grid, best))
    weights = np.ones((1, len(fit.points)))
    objectives = []
    for value in values:
        held = {exponent: float(value)}
        problem = Problem.of(law, fit.points, fit.delta, held, fit.centre)
        starts = problem.starts(weights, _STARTS, GRID)
        near = fit.theta.copy()
        near[place] = value
        reached, ends = problem.descend(np.concatenate([starts, near[None, None]], axis=1), weights)
        lowest = int(np.argmin(reached[0]))
        objectives.append(_objective(fit, ends[0, lowest], float(reached[0, lowest])))
    return Profile(
        exponent=exponent,
        values=values,
        objectives=np.array(objectives),
        lowest=min(fit.objective, *objectives),
    )


def _objective(fit: Fit, theta: Floats, reached: float) -> float:
    if fit.delta != LEAST_ABSOLUTE or not np.isfinite(reached):
        return reached
    points = fit.points
    predicted = fit.law.log_loss(theta, fit.centre, points.parameters, points.tokens)
    return float(np.abs(predicted - np.log(points.loss)).sum())
