"""The loss of a run not made yet, with intervals; curves of equal compute and of equal loss."""

from dataclasses import dataclass

import numpy as np

from mapneo.core.errors import DataError
from mapneo.scaling.bootstrap import LEVEL, Draws, Interval, percentiles
from mapneo.scaling.fit import Fit
from mapneo.scaling.laws import Floats
from mapneo.scaling.points import FLOPS_PER_PARAMETER_AND_TOKEN, Points

_EDGE = 1e-6
_HALVINGS = 80
_MAX_LOG_TOKENS = 60.0


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The loss at one (N, D)."""

    parameters: float
    tokens: float
    loss: float
    interval: Interval
    """Of the law: where its curve may run."""
    run_interval: Interval
    """Of one run: the law's, widened by how far single points lie from it."""
    beyond: tuple[str, ...]
    """In what the point lies outside the fitted points; empty inside."""


def predict(draws: Draws, n: float, d: float, *, level: float = LEVEL) -> Prediction:
    """Loss of a model of n parameters after d tokens.

    Raises:
        DataError: the law gives no positive loss there.
    """
    at_n, at_d = np.array([n]), np.array([d])
    loss = float(draws.fit.predict(at_n, at_d)[0])
    if not np.isfinite(loss):
        raise DataError(
            f"{draws.fit.law.name} gives no positive loss at {n:.4g} parameters and {d:.4g} "
            "tokens: it is not meant to be used so far beyond its points"
        )
    curves = draws.predict(at_n, at_d)[:, 0]
    return Prediction(
        parameters=n,
        tokens=d,
        loss=loss,
        interval=percentiles(curves, level),
        run_interval=percentiles(curves * np.exp(-_scatter(draws)), level),
        beyond=beyond_points(draws.fit.points, n, d),
    )


def _scatter(draws: Draws) -> Floats:
    """A residual of the fit for each resample (B,), drawn at random.

    Fitted residuals are too small by about sqrt((n - p) / n), which is put back.
    """
    residuals = draws.fit.residuals
    left = max(len(residuals) - draws.fit.law.size, 1)
    generator = np.random.default_rng([draws.seed, 1])
    drawn = generator.choice(residuals, size=len(draws.theta))
    result: Floats = drawn * np.sqrt(len(residuals) / left)
    return result


def beyond_points(points: Points, n: float, d: float) -> tuple[str, ...]:
    """In what (n, d) lies outside the points' ranges, in words; empty if it does not."""
    found = []
    for name, value, values in (
        ("parameters", n, points.parameters),
        ("tokens", d, points.tokens),
    ):
        low, high = float(values.min()), float(values.max())
        if value > high * (1 + _EDGE):
            found.append(f"{value:.4g} {name} is {value / high:.3g} times the points' largest")
        elif value < low * (1 - _EDGE):
            found.append(
                f"{value:.4g} {name} is {low / value:.3g} times below the points' smallest"
            )
    return tuple(found)


def iso_flop(fit: Fit, compute: float, n: Floats) -> tuple[Floats, Floats]:
    """Tokens and loss (m,) of models of n parameters that cost `compute` FLOP to train."""
    d = compute / (FLOPS_PER_PARAMETER_AND_TOKEN * n)
    return d, fit.predict(n, d)


def iso_loss(fit: Fit, loss: float, n: Floats) -> Floats:
    """Tokens (m,) that bring models of n parameters to `loss`; NaN where none do."""
    low, high = np.zeros(len(n)), np.full(len(n), _MAX_LOG_TOKENS)
    with np.errstate(invalid="ignore"):
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            # Where a falling logarithm leaves no positive loss, D is too large, not too small.
            above = fit.predict(n, np.exp(middle)) > loss
            low, high = np.where(above, middle, low), np.where(above, high, middle)
    reached = fit.predict(n, np.exp(high))
    tokens: Floats = np.where(np.isclose(reached, loss, rtol=1e-6), np.exp(high), np.nan)
    return tokens
