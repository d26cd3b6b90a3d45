"""A question to the points, from fits to JSON: what `mapneo scaling` asks and prints."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from mapneo.core.canonical import Json
from mapneo.scaling.bootstrap import DRAWS, LEVEL, By, Draws, bootstrap
from mapneo.scaling.budget import Best
from mapneo.scaling.fit import LEAST_ABSOLUTE, PAPER_DELTA, fit_law
from mapneo.scaling.judge import By as HoldOutBy
from mapneo.scaling.judge import Judged, choose_law, judge_laws, scores
from mapneo.scaling.laws import LAWS, Law, named_laws
from mapneo.scaling.points import Points
from mapneo.scaling.profile import profile

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """Which points judge the laws: all with one of the `count` highest values of `by`."""

    count: int
    by: HoldOutBy = "compute"


@dataclass(frozen=True, kw_only=True)
class Study:
    """Points, and how laws are fitted to them."""

    points: Points
    delta: float = PAPER_DELTA
    draws: int = DRAWS
    seed: int = 0
    by: By = "auto"

    def law(self, name: str) -> Law:
        """A law by name; `auto` is the one that predicts the largest fifth of the points best.

        Raises:
            ConfigError: there is no such law.
            DataError: the points determine none.
        """
        return self._best_law if name == AUTO else named_laws([name])[0]

    @cached_property
    def _best_law(self) -> Law:
        return choose_law(self.points, list(LAWS.values()), delta=self.delta)[0]

    def fitted(self, law: Law) -> Draws:
        """The law on all points, with its resamples.

        Raises:
            DataError: the points do not determine it.
        """
        fit = fit_law(self.points, law, delta=self.delta)
        return bootstrap(fit, draws=self.draws, seed=self.seed, by=self.by)

    def report(
        self, laws: Sequence[Law], *, hold_out: HoldOut | None = None, profiles: bool = False
    ) -> dict[str, Json]:
        """All that `mapneo scaling fit --json` prints; see docs/formats.md.

        Raises:
            DataError: the points do not determine a law, with or without those held out.
        """
        judged: list[Judged] = []
        if hold_out is not None:
            judged = judge_laws(
                self.points, laws, count=hold_out.count, by=hold_out.by, delta=self.delta
            )
        by_name = {each.fit.law.name: each for each in judged}
        return {
            "points": _described(self.points),
            "minimised": "absolute" if self.delta == LEAST_ABSOLUTE else "huber",
            "delta": self.delta,
            "level": LEVEL,
            "hold_out": None if hold_out is None else asdict(hold_out),
            "chosen": judged[0].fit.law.name if judged else None,
            "laws": {
                law.name: self._law_report(law, by_name.get(law.name), profiles) for law in laws
            },
        }

    def _law_report(self, law: Law, judged: Judged | None, profiles: bool) -> dict[str, Json]:
        draws = self.fitted(law)
        fit = draws.fit
        on_all = scores(fit, self.points)
        profiled = [profile(fit, name) for name in law.exponents] if profiles else []
        flat = [remark for each in profiled if (remark := each.remark()) is not None]
        report: dict[str, Json] = {
            "formula": law.formula,
            "source": law.source,
            "objective": fit.objective,
            "parameters": fit.parameters,
            "intervals": {name: asdict(each) for name, each in draws.intervals().items()},
            **{k: getattr(on_all, k) for k in ("n", "r2", "huber_mean", "mean_relative_error")},
            "resamples": {"count": self.draws, "of": draws.by, "drawn_again": draws.redrawn},
            "remarks": [*draws.remarks(), *flat],
            "notes": list(law.notes(fit.parameters)),
            "profiles": {
                each.exponent: {
                    "values": each.values.tolist(),
                    "objectives": each.objectives.tolist(),
                }
                for each in profiled
            },
            "held_out": None,
        }
        if judged is not None:
            report["held_out"] = {
                "parameters": judged.fit.parameters,
                "train": asdict(judged.train),
                "held_out": asdict(judged.held_out),
            }
        result: dict[str, Json] = finite(report)
        return result


def _described(points: Points) -> dict[str, Json]:
    return {
        "n": len(points),
        "runs": len(set(points.runs)),
        "parameters_count": points.counts,
        "loss": points.loss_name,
        "parameters_range": [float(points.parameters.min()), float(points.parameters.max())],
        "tokens_range": [float(points.tokens.min()), float(points.tokens.max())],
    }


def best_as_json(law: Law, best: Best) -> dict[str, Json]:
    """What `mapneo scaling choose --json` prints of the optimum."""
    found = best.prediction
    result: dict[str, Json] = finite(
        {
            "law": law.name,
            "parameters": found.parameters,
            "tokens": found.tokens,
            "compute": best.compute,
            "loss": found.loss,
            "intervals": {
                "parameters": asdict(best.parameters),
                "tokens": asdict(best.tokens),
                "loss": asdict(found.interval),
                "loss_of_a_run": asdict(found.run_interval),
            },
            "extrapolated": best.extrapolated,
            "beyond": list(found.beyond),
            "notes": list(best.notes),
        }
    )
    return result


def finite(value: Json) -> Json:
    """JSON has no NaN and no infinity: what has no finite value becomes null."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return None
    return value
