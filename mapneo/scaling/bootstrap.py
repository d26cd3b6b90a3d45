"""What the points leave open: the law fitted again to thousands of resamples of them.

*Case* bootstrap draws rows; *block* bootstrap draws whole runs, for points along one run, which err
together. A resample that can't determine the law (one size left, say) is drawn again, and how many
were is part of the result.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from mapneo.core.errors import DataError
from mapneo.scaling.fit import LEAST_ABSOLUTE, Fit, Problem
from mapneo.scaling.laws import MAX_EXPONENT, Floats
from mapneo.scaling.points import distinct

By = Literal["auto", "rows", "runs"]

DRAWS = 4000
LEVEL = 0.95
GRID = (0.05, 0.15, 0.3, 0.5, 0.9, 1.6)
STARTS = 2
_CHUNK = 500
_MAX_REDRAWS = 0.5
_CORRELATED = 0.95
_WIDE = 0.5
_AT_BOUND = 0.025


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The ends of a percentile interval."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Draws:
    """A fit and the same law on resamples of its points."""

    fit: Fit
    theta: Floats
    """(B, p), the solver's form."""
    by: Literal["rows", "runs"]
    redrawn: int
    """Resamples that could not determine the law and were drawn again."""
    seed: int

    @cached_property
    def parameters(self) -> dict[str, Floats]:
        """Parameters by name, each (B,)."""
        values = self.fit.law.natural(self.theta, self.fit.centre)
        return {name: values[name] for name in self.fit.law.parameter_names}

    def intervals(self, level: float = LEVEL) -> dict[str, Interval]:
        """Percentile interval of each parameter; NaN if it has no value in too many resamples."""
        return {name: percentiles(values, level) for name, values in self.parameters.items()}

    def predict(self, n: Floats, d: Floats) -> Floats:
        """Loss at n, d (m,) under each resample: (B, m)."""
        result: Floats = np.exp(self.fit.law.log_loss(self.theta, self.fit.centre, n, d))
        return result

    def remarks(self) -> tuple[str, ...]:
        """Which parameters the points do not pin down, in sentences."""
        return (*self._not_identified(), *self._correlated())

    def _not_identified(self) -> list[str]:
        said = []
        law = self.fit.law
        for name, values in self.parameters.items():
            known = values[np.isfinite(values)]
            if len(known) < (1 - _AT_BOUND) * len(values):
                share = 1 - len(known) / len(values)
                said.append(f"{name} has no finite value in {share:.0%} of the resamples")
                continue
            is_exponent = name in law.exponents
            stuck = np.mean((known <= 1e-9) | (is_exponent & (known >= MAX_EXPONENT - 1e-9)))
            if stuck > _AT_BOUND:
                said.append(f"{name} lies at its bound in {stuck:.0%} of the resamples")
            spread = percentiles(known, LEVEL)
            if is_exponent and spread.high - spread.low > _WIDE:
                said.append(
                    f"{name} is hardly identified: its interval is {spread.low:.3g} to "
                    f"{spread.high:.3g}"
                )
        return said

    def _correlated(self) -> list[str]:
        names, columns = [], []
        for name, values in self.parameters.items():
            scaled = np.log(values) if np.all(values > 0) else values
            if np.isfinite(scaled).all() and np.ptp(scaled) > 0:
                names.append(name)
                columns.append(scaled)
        if len(columns) < 2:
            return []
        table = np.corrcoef(np.array(columns))
        return [
            f"{names[i]} and {names[j]} move together (correlation {table[i, j]:+.2f}): "
            "neither means much alone"
            for i in range(len(names))
            for j in range(i)
            if abs(table[i, j]) > _CORRELATED
        ]


def percentiles(values: Floats, level: float = LEVEL) -> Interval:
    """Percentile interval of (B,) draws; NaN where over 2.5 % of them are not finite."""
    if np.mean(~np.isfinite(values)) > _AT_BOUND:
        return Interval(low=float("nan"), high=float("nan"))
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=float(low), high=float(high))


def bootstrap(fit: Fit, *, draws: int = DRAWS, seed: int = 0, by: By = "auto") -> Draws:
    """Fit the law to resamples of the points.

    Args:
        fit: the law on all points.
        draws: number of resamples, B.
        seed: seeds the resampling.
        by: draw rows, or runs as wholes; `auto` draws runs where one has several rows.

    Raises:
        DataError: more than half of the resamples can't determine the law.
    """
    unit: Literal["rows", "runs"] = "rows"
    if by == "runs" or (by == "auto" and len(set(fit.points.runs)) < len(fit.points)):
        unit = "runs"
    weights, redrawn = _resamples(fit, draws, seed, unit)
    problem = Problem.of(fit.law, fit.points, fit.delta, {}, fit.centre)
    parts = [
        _fit_again(fit, problem, weights[start : start + _CHUNK])
        for start in range(0, draws, _CHUNK)
    ]
    return Draws(fit=fit, theta=np.concatenate(parts), by=unit, redrawn=redrawn, seed=seed)


def _fit_again(fit: Fit, problem: Problem, weights: Floats) -> Floats:
    """(B, p): descents from the optimum of all points and from the best nodes of a coarse grid."""
    near = np.broadcast_to(fit.theta, (len(weights), 1, fit.law.size))
    starts = np.concatenate([near, problem.starts(weights, STARTS, GRID)], axis=1)
    reached, ends = problem.descend(np.ascontiguousarray(starts), weights)
    best = np.argmin(reached, axis=1)
    result: Floats = ends[np.arange(len(weights)), best]
    return result


def _resamples(fit: Fit, draws: int, seed: int, by: Literal["rows", "runs"]) -> tuple[Floats, int]:
    """How often each resample draws each row (B, n), and how many were drawn again."""
    units, place = np.unique(
        np.array(fit.points.runs) if by == "runs" else np.arange(len(fit.points)),
        return_inverse=True,
    )
    generator = np.random.default_rng(seed)
    chances = np.full(len(units), 1 / len(units))
    kept: list[Floats] = []
    redrawn = 0
    while len(kept) < draws:
        counts = generator.multinomial(len(units), chances)[place].astype(np.float64)
        if _determines(fit, counts):
            kept.append(counts)
            continue
        redrawn += 1
        if redrawn > _MAX_REDRAWS * draws + 100:
            raise DataError(
                f"{fit.law.name}: {redrawn} of {redrawn + len(kept)} resamples of {by} have too "
                "few sizes or token counts to determine the law: add runs"
            )
    return np.array(kept), redrawn


def _determines(fit: Fit, counts: Floats) -> bool:
    points, law, drawn = fit.points, fit.law, counts > 0
    return (
        int(drawn.sum()) >= law.size
        and len(distinct(points.parameters[drawn])) >= law.least_sizes
        and len(distinct(points.tokens[drawn])) >= law.least_token_counts
        and len(distinct(points.tokens[drawn] / points.parameters[drawn])) > 1
    )


def level_name(delta: float) -> str:
    """How results name what was minimised."""
    return "absolute" if delta == LEAST_ABSOLUTE else f"huber({delta:g})"
