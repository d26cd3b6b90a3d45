"""How well a law predicts points it was not fitted to, and which law does so best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mapneo.core.errors import DataError
from mapneo.scaling.fit import PAPER_DELTA, Fit, fit_law
from mapneo.scaling.laws import Floats, Law
from mapneo.scaling.points import Points, distinct

By = Literal["compute", "parameters", "tokens"]
AUTO_SHARE = 0.2
"""Share of the points, the largest by compute, that choosing a law holds out."""
_SAME = 2e-6


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Agreement of a law with points."""

    n: int
    huber_mean: float
    """Mean of Huber(1e-3) of ln L_pred - ln L, whatever the fit minimised (MAP-Neo §8)."""
    r2: float
    """1 - residual over total sum of squares, of the loss; NaN where all losses are equal."""
    mean_relative_error: float
    """Mean of |L_pred - L| / L."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A law fitted without the held-out points, beside them."""

    fit: Fit
    train: Scores
    held_out: Scores
    held_points: Points


def scores(fit: Fit, points: Points) -> Scores:
    """How well `fit` predicts `points`.

    Raises:
        DataError: the law gives no positive loss at some of them.
    """
    predicted = fit.predict(points.parameters, points.tokens)
    outside = np.flatnonzero(~np.isfinite(predicted))
    if len(outside):
        rows = ", ".join(str(row) for row in points.rows[outside][:8])
        raise DataError(
            f"{fit.law.name} gives no positive loss at rows {rows}: they lie too far beyond the "
            "points it was fitted to"
        )
    return Scores(
        n=len(points),
        huber_mean=float(_huber(np.log(predicted / points.loss)).mean()),
        r2=_r2(predicted, points.loss),
        mean_relative_error=float(np.mean(np.abs(predicted / points.loss - 1))),
    )


def hold_out_top(points: Points, count: int, by: By) -> tuple[Points, Points]:
    """Split off all points with one of the `count` highest different values of `by`.

    So `parameters` holds out whole sizes, `tokens` whole token counts; compute is mostly different
    for each point. Returns (train, held out).

    Raises:
        DataError: nothing would be left.
    """
    values = {
        "compute": points.compute,
        "parameters": points.parameters,
        "tokens": points.tokens,
    }[by]
    different = distinct(values)
    if not 0 < count < len(different):
        raise DataError(
            f"can't hold out the {count} highest of {len(different)} different values of {by}: "
            f"choose from 1 to {len(different) - 1}"
        )
    held = values >= different[-count] * (1 - _SAME)
    return points.take(~held), points.take(held)


def judge_laws(
    points: Points, laws: Sequence[Law], *, count: int, by: By, delta: float
) -> list[Judged]:
    """Each law fitted without the top `count` by `by`, best held-out Huber mean first.

    Raises:
        DataError: what is left can't determine a law.
    """
    train, held = hold_out_top(points, count, by)
    judged = []
    for law in laws:
        fit = fit_law(train, law, delta=delta)
        judged.append(
            Judged(
                fit=fit,
                train=scores(fit, train),
                held_out=scores(fit, held),
                held_points=held,
            )
        )
    return sorted(judged, key=lambda each: each.held_out.huber_mean)


def default_hold_out(points: Points) -> int:
    """A fifth of the different values of compute, at least one."""
    return max(1, round(AUTO_SHARE * len(distinct(points.compute))))


def choose_law(points: Points, laws: Sequence[Law], *, delta: float) -> tuple[Law, list[Judged]]:
    """The law that predicts the largest fifth of the points best from the others.

    Laws that the others can't determine are left out, as long as one remains.

    Raises:
        DataError: the points determine none of the laws.
    """
    count = default_hold_out(points)
    judged: list[Judged] = []
    problems = []
    for law in laws:
        try:
            judged += judge_laws(points, [law], count=count, by="compute", delta=delta)
        except DataError as error:
            problems.append(str(error))
    if not judged:
        raise DataError("no law could be chosen: " + "; ".join(problems))
    judged.sort(key=lambda each: each.held_out.huber_mean)
    return judged[0].fit.law, judged


def _huber(residuals: Floats) -> Floats:
    size = np.abs(residuals)
    inside = 0.5 * residuals**2
    result: Floats = np.where(size <= PAPER_DELTA, inside, PAPER_DELTA * (size - PAPER_DELTA / 2))
    return result


def _r2(predicted: Floats, loss: Floats) -> float:
    total = float(((loss - loss.mean()) ** 2).sum())
    return 1 - float(((predicted - loss) ** 2).sum()) / total if total > 0 else float("nan")
