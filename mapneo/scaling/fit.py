"""A law on points: the parameters that minimise the sum of Huber's function of ln L_pred - ln L."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from mapneo.core.errors import ConfigError, DataError
from mapneo.scaling.laws import MAX_EXPONENT, MIN_POWER, Centre, Floats, Ints, Law
from mapneo.scaling.points import Points, check_identified
from mapneo.scaling.solver import descend
from mapneo.scaling.starts import best_nodes, node_columns

PAPER_DELTA = 1e-3
"""Huber's δ of the published fits. Source: Hoffmann et al. 2022, §D.2; MAP-Neo §8."""
LEAST_ABSOLUTE = 0.0
"""As δ: minimise the sum of |ln L_pred - ln L|."""
GRID = (0.02, 0.05, 0.09, 0.14, 0.2, 0.26, 0.32, 0.38, 0.45, 0.55, 0.7, 0.9, 1.2, 1.7, 2.6)
STARTS = 12
_ABSOLUTE_STAGES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
_SAME_BASIN = 1e-6


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted law. `theta` (p,) is the solver's form; `parameters` the law's."""

    law: Law
    points: Points
    delta: float
    theta: Floats
    centre: Centre
    objective: float
    """The weighted sum that was minimised: of Huber(δ), or of |r|."""
    starts: Floats
    """(S, p) points that descents from different starts ended at, best first, without repeats."""

    @property
    def parameters(self) -> dict[str, float]:
        """Parameters by name, in the law's order."""
        values = self.law.natural(self.theta, self.centre)
        return {name: float(values[name]) for name in self.law.parameter_names}

    def predict(self, n: Floats, d: Floats) -> Floats:
        """Loss at n parameters and d tokens, (m,); NaN where the law gives no positive loss."""
        result: Floats = np.exp(self.law.log_loss(self.theta, self.centre, n, d))
        return result

    @property
    def residuals(self) -> Floats:
        """The points' ln L_pred - ln L (n,)."""
        predicted = self.law.log_loss(
            self.theta, self.centre, self.points.parameters, self.points.tokens
        )
        result: Floats = predicted - np.log(self.points.loss)
        return result


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A law and points as the kernels take them."""

    law: Law
    form: Ints
    rows: Floats
    """(4, n): centred ln N, centred ln D, ln D, ln L."""
    deltas: Floats
    """Huber's δ, from coarse to the one asked for."""
    box: Floats
    """(2, p): lowest and highest values."""

    @staticmethod
    def of(
        law: Law, points: Points, delta: float, fixed: Mapping[str, float], centre: Centre
    ) -> "Problem":
        """Bounds: coefficients >= 0, exponents in [0, 3], those in `fixed` at their value."""
        terms = len(law.terms)
        low, high = np.zeros(law.size), np.full(law.size, np.inf)
        high[terms:] = MAX_EXPONENT
        if law.power is not None:
            low[law.power_place(exponents_from=terms)] = MIN_POWER
        for name, value in fixed.items():
            place = terms + law.exponents.index(name)
            low[place] = high[place] = value
        log_n, log_d = np.log(points.parameters), np.log(points.tokens)
        centred = log_n - centre.log_parameters, log_d - centre.log_tokens
        stages = _ABSOLUTE_STAGES if delta == LEAST_ABSOLUTE else (delta,)
        return Problem(
            law=law,
            form=law.form(exponents_from=terms),
            rows=np.stack([*centred, log_d, np.log(points.loss)]),
            deltas=np.array(stages),
            box=np.stack([low, high]),
        )

    def starts(self, weights: Floats, count: int, grid: tuple[float, ...]) -> Floats:
        """(B, count, p): for each weighting, the best nodes of the grid of exponents."""
        terms = len(self.law.terms)
        axes = [(low,) if low == high else grid for low, high in self.box[:, terms:].T]
        nodes = np.array(list(product(*axes)))
        places = np.array(list(product(*(range(len(axis)) for axis in axes))), dtype=np.int64)
        form, power = self.law.form(), self.law.power_place()
        table = node_columns(nodes, form, power, self.rows)
        out = np.empty((len(weights), count, self.law.size))
        best_nodes(table, nodes, places, power, weights, self.deltas[-1], out)
        return out

    def descend(self, starts: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Local optima (B, S) and where they are (B, S, p), from starts (B, S, p)."""
        power = self.law.power_place(exponents_from=len(self.law.terms))
        reached, ends = descend(starts, self.box, self.form, power, self.rows, weights, self.deltas)
        return reached, ends


def fit_law(
    points: Points,
    law: Law,
    *,
    delta: float = PAPER_DELTA,
    fixed: Mapping[str, float] | None = None,
) -> Fit:
    """The global optimum over the bounds, the same for every order of rows.

    Args:
        points: at least as many as the law has parameters.
        law: the law.
        delta: Huber's δ, or 0 for least absolute residuals.
        fixed: exponents held at a value, for profiles.

    Raises:
        DataError: the points leave parameters undetermined.
        ConfigError: δ is below 0.
    """
    check_identified(points, law)
    if not delta >= 0:
        raise ConfigError(f"delta must be 0 (least absolute) or above, not {delta}")
    centre = points.centre
    problem = Problem.of(law, points, delta, fixed or {}, centre)
    weights = np.ones((1, len(points)))
    starts = problem.starts(weights, STARTS, GRID)
    reached, ends = problem.descend(starts, weights)
    if not np.isfinite(reached).any():
        raise DataError(
            f"{law.name} has no parameters that give a positive loss at all {len(points)} points"
        )
    order = np.argsort(reached[0], kind="stable")
    theta = ends[0, order[0]]
    residuals = law.log_loss(theta, centre, points.parameters, points.tokens) - problem.rows[3]
    absolute = float(np.abs(residuals).sum())
    return Fit(
        law=law,
        points=points,
        delta=delta,
        theta=theta,
        centre=centre,
        objective=absolute if delta == LEAST_ABSOLUTE else float(reached[0, order[0]]),
        starts=_apart(ends[0, order], reached[0, order]),
    )


def _apart(ends: Floats, reached: Floats) -> Floats:
    """Ends of descents, best first, without those that agree with a better one."""
    kept: list[Floats] = []
    for end, value in zip(ends, reached, strict=True):
        if np.isfinite(value) and not any(
            np.allclose(end, other, rtol=_SAME_BASIN, atol=1e-12) for other in kept
        ):
            kept.append(end)
    return np.array(kept)
