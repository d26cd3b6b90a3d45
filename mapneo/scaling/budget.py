"""The best N and D for a budget of compute, data or inference.

Compute: the lowest loss on 6·N·D + 2·N·served <= C, with D and N capped if they are. Source of the
second term: Sardana et al. 2023, arXiv 2401.00448, Eq. 2. Without compute: the point of the
compute-optimal frontier that has the given D (data) or the given N (inference).

The frontier is where a percent more N and a percent more D lower the loss alike. On Chinchilla's
law that is αA/N^α = βB/D^β; on NEO's αA/N^α = βB/D^β + d, so N stops at (αA/d)^(1/α) as C grows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mapneo.core.errors import ConfigError, DataError
from mapneo.scaling.bootstrap import LEVEL, Draws, Interval, percentiles
from mapneo.scaling.laws import Centre, Floats, Law
from mapneo.scaling.points import FLOPS_PER_PARAMETER_AND_TOKEN
from mapneo.scaling.predict import Prediction, predict

FLOPS_PER_PARAMETER_AND_SERVED_TOKEN = 2.0
_GRID = 400
_ROUNDS = 60
_GOLDEN = (5**0.5 - 1) / 2
_STEP = 1e-4
_MAX_LOG = 60.0
_BALANCED = 1e-5


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a model may cost. At least one of the first three."""

    compute: float | None = None
    """Training FLOP, and inference's where `served_tokens` says how much."""
    max_tokens: float | None = None
    """Tokens of training data at most."""
    max_parameters: float | None = None
    """N at most: what inference can bear, at 2·N FLOP a token."""
    served_tokens: float = 0.0
    """Tokens that the model will read and write in its life; counted into `compute`."""

    def check(self) -> None:
        """Raise ConfigError for a budget that says nothing, or too little."""
        given = [
            value
            for value in (self.compute, self.max_tokens, self.max_parameters)
            if value is not None
        ]
        if not given or not all(np.isfinite(value) and value > 0 for value in given):
            raise ConfigError("a budget needs compute, tokens or parameters, each a number above 0")
        if self.compute is None and len(given) == 2:
            raise ConfigError(
                "tokens and parameters are both given: nothing is left to choose; ask for a "
                "prediction instead, or state compute"
            )
        if self.served_tokens and self.compute is None:
            raise ConfigError("served tokens need compute that they are part of")


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best (N, D) for a budget, what it costs, and how sure that is."""

    prediction: Prediction
    parameters: Interval
    tokens: Interval
    compute: float
    """6·N·D, FLOP."""
    notes: tuple[str, ...]

    @property
    def extrapolated(self) -> bool:
        """Whether it lies outside the fitted points."""
        return bool(self.prediction.beyond)


def best(draws: Draws, budget: Budget, *, extrapolate: bool = False, level: float = LEVEL) -> Best:
    """The best N and D for `budget`.

    Raises:
        ConfigError: the budget says nothing, or the optimum lies outside the fitted points and
            `extrapolate` is false.
        DataError: the law has no optimum there.
    """
    budget.check()
    fit = draws.fit
    every = np.concatenate([fit.theta[None], draws.theta])
    n, d = _optimum(fit.law, fit.centre, every, budget)
    if not (np.isfinite(n[0]) and np.isfinite(d[0])):
        raise DataError(
            f"{fit.law.name} has no best N and D for this budget at its fitted parameters"
            + "".join(f"; {note}" for note in fit.law.notes(fit.parameters))
        )
    found = predict(draws, float(n[0]), float(d[0]), level=level)
    if found.beyond and not extrapolate:
        raise ConfigError(
            f"the best N and D by {fit.law.name} lie outside the fitted points: "
            f"{'; '.join(found.beyond)}. Add runs there, or say --extrapolate"
        )
    return Best(
        prediction=found,
        parameters=percentiles(n[1:], level),
        tokens=percentiles(d[1:], level),
        compute=FLOPS_PER_PARAMETER_AND_TOKEN * float(n[0]) * float(d[0]),
        notes=fit.law.notes(fit.parameters),
    )


def _optimum(law: Law, centre: Centre, theta: Floats, budget: Budget) -> tuple[Floats, Floats]:
    """N and D, each (B,), for thetas (B, p)."""
    if budget.compute is None:
        known = budget.max_tokens if budget.max_parameters is None else budget.max_parameters
        assert known is not None
        given = np.full(len(theta), known)
        if budget.max_parameters is None:
            return _on_frontier(lambda x: _balance(law, centre, theta, x, given)), given
        return given, _on_frontier(lambda x: -_balance(law, centre, theta, given, x))
    return _on_budget(law, centre, theta, budget, budget.compute)


def _on_budget(
    law: Law, centre: Centre, theta: Floats, budget: Budget, compute: float
) -> tuple[Floats, Floats]:
    served = FLOPS_PER_PARAMETER_AND_SERVED_TOKEN * budget.served_tokens

    def tokens(n: Floats) -> Floats:
        d = (compute / n - served) / FLOPS_PER_PARAMETER_AND_TOKEN
        result: Floats = np.minimum(d, budget.max_tokens or np.inf)
        return result

    largest = compute / (FLOPS_PER_PARAMETER_AND_TOKEN + served)
    largest = min(largest, budget.max_parameters or np.inf)

    def loss(x: Floats) -> Floats:
        n = np.exp(x)
        value = _log_loss_each(law, centre, theta, n, tokens(n))
        result: Floats = np.where(np.isfinite(value), value, np.inf)
        return result

    grid = np.linspace(0.0, np.log(max(largest, 1.0)), _GRID)
    values = np.array([loss(np.full(len(theta), x)) for x in grid])
    place = np.argmin(values, axis=0)
    x = _golden(loss, grid[np.maximum(place - 1, 0)], grid[np.minimum(place + 1, _GRID - 1)])
    n = np.where(np.isfinite(values.min(axis=0)), np.exp(x), np.nan)
    return n, tokens(n)


def _golden(value: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Golden-section search for the minimum of each of B functions between low and high (B,)."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = value(left), value(right)
    for _ in range(_ROUNDS):
        goes_left = at_left <= at_right
        low, high = np.where(goes_left, low, left), np.where(goes_left, right, high)
        fresh = np.where(goes_left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_fresh = value(fresh)
        left, right, at_left, at_right = (
            np.where(goes_left, fresh, right),
            np.where(goes_left, left, fresh),
            np.where(goes_left, at_fresh, at_right),
            np.where(goes_left, at_left, at_fresh),
        )
    result: Floats = 0.5 * (low + high)
    return result


def _balance(law: Law, centre: Centre, theta: Floats, n: Floats, d: Floats) -> Floats:
    """∂ ln L/∂ ln N - ∂ ln L/∂ ln D (B,): below 0 where compute should go to N."""
    up, down = np.exp(_STEP), np.exp(-_STEP)
    along_n = _log_loss_each(law, centre, theta, n * up, d) - _log_loss_each(
        law, centre, theta, n * down, d
    )
    along_d = _log_loss_each(law, centre, theta, n, d * up) - _log_loss_each(
        law, centre, theta, n, d * down
    )
    result: Floats = (along_n - along_d) / (2 * _STEP)
    return result


def _on_frontier(balance: Callable[[Floats], Floats]) -> Floats:
    """Where a rising function of a positive variable is 0, (B,); NaN where it is nowhere.

    Where it has no value, because the law gives no positive loss, the variable is too large.
    """
    first = balance(np.ones(1))
    low, high = np.zeros(len(first)), np.full(len(first), _MAX_LOG)
    for _ in range(2 * _ROUNDS):
        middle = 0.5 * (low + high)
        below = balance(np.exp(middle)) <= 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found = np.exp(0.5 * (low + high))
    result: Floats = np.where(np.abs(balance(found)) < _BALANCED, found, np.nan)
    return result


def _log_loss_each(law: Law, centre: Centre, theta: Floats, n: Floats, d: Floats) -> Floats:
    """Logarithm of the loss (B,) of each theta (B, p) at its own n, d (B,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return law.log_loss_each(theta, centre, n, d)
