"""Answers of `mapneo scaling predict`, `choose` and `next` as JSON."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.scaling import predict
from mapneo.scaling.budget import Budget, best
from mapneo.scaling.fit import Fit
from mapneo.scaling.next_run import next_runs
from mapneo.scaling.study import Study, best_as_json, finite

_CURVE_POINTS = 41


def prediction_answer(
    study: Study,
    law_name: str,
    *,
    points: Sequence[tuple[float, float]],
    iso_flop: Sequence[float] = (),
    iso_loss: Sequence[float] = (),
) -> dict[str, Json]:
    """Losses at `points` (N, D) with intervals, and curves over the points' range of N.

    Raises:
        ConfigError: nothing is asked, or with a number that is not above 0.
        DataError: the points do not determine the law, or it gives no positive loss there.
    """
    asked = [value for pair in points for value in pair] + [*iso_flop, *iso_loss]
    if not asked or not all(np.isfinite(value) and value > 0 for value in asked):
        raise ConfigError(
            "ask for --parameters with --tokens, --iso-flop or --iso-loss, with numbers above 0"
        )
    law = study.law(law_name)
    draws = study.fitted(law)
    answer: dict[str, Json] = finite(
        {
            "law": law.name,
            "fitted": draws.fit.parameters,
            "parameters_count": study.points.counts,
            "predictions": [asdict(predict.predict(draws, n, d)) for n, d in points],
            "iso_flop": [_iso_flop(draws.fit, compute) for compute in iso_flop],
            "iso_loss": [_iso_loss(draws.fit, loss) for loss in iso_loss],
            "notes": list(law.notes(draws.fit.parameters)),
        }
    )
    return answer


def best_answer(
    study: Study, law_name: str, budget: Budget, *, extrapolate: bool
) -> dict[str, Json]:
    """The best N and D for a budget.

    Raises: as `budget.best`.
    """
    budget.check()
    law = study.law(law_name)
    found = best(study.fitted(law), budget, extrapolate=extrapolate)
    return {
        **best_as_json(law, found),
        "budget": asdict(budget),
        "parameters_count": study.points.counts,
    }


def next_answer(
    study: Study, law_name: str, *, compute: float, target: tuple[float, float]
) -> dict[str, Json]:
    """The most telling runs within `compute` FLOP for the loss at `target` (N, D).

    Raises: as `next_run.next_runs`.
    """
    if not all(np.isfinite(value) and value > 0 for value in (compute, *target)):
        raise ConfigError("--budget, --target-parameters and --target-tokens must be above 0")
    law = study.law(law_name)
    draws = study.fitted(law)
    found = next_runs(draws, compute=compute, target=target)
    answer: dict[str, Json] = finite(
        {
            "law": law.name,
            "parameters_count": study.points.counts,
            "target": asdict(predict.predict(draws, *target)),
            "candidates": [asdict(each) for each in found],
        }
    )
    return answer


def _iso_flop(fit: Fit, compute: float) -> dict[str, Json]:
    n = _sizes(fit)
    d, loss = predict.iso_flop(fit, compute, n)
    return {
        "compute": compute,
        "parameters": n.tolist(),
        "tokens": d.tolist(),
        "loss": loss.tolist(),
        "is_beyond_points": _beyond(fit, n, d),
    }


def _iso_loss(fit: Fit, loss: float) -> dict[str, Json]:
    n = _sizes(fit)
    d = predict.iso_loss(fit, loss, n)
    return {
        "loss": loss,
        "parameters": n.tolist(),
        "tokens": d.tolist(),
        "is_beyond_points": _beyond(fit, n, d),
    }


def _sizes(fit: Fit) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    n = fit.points.parameters
    return np.geomspace(n.min(), n.max(), _CURVE_POINTS)


def _beyond(
    fit: Fit,
    n: np.ndarray[tuple[int], np.dtype[np.float64]],
    d: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> list[bool]:
    return [
        bool(predict.beyond_points(fit.points, float(each_n), float(each_d)))
        for each_n, each_d in zip(n, d, strict=True)
    ]
