"""What a trained model must reach before anything else is said about it, and what it should."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mapneo.evaluate.config import PHASE_1, PHASE_2
from mapneo.evaluate.scores import Scores
from mapneo.evaluate.statistics import bits_per_byte, paired_difference
from mapneo.mix import PhaseQuotas, Quotas

_SHOWN = {
    PHASE_1: "the model after phase 1",
    PHASE_2: "the model after phase 2",
    "unigram": "a unigram model",
    "bigram": "an interpolated bigram model",
    "five_gram": "an interpolated 5-gram model",
}


@dataclass(frozen=True, kw_only=True)
class Floor:
    """One comparison of two models on the same held-out documents.

    `value` is the upper end of the 95 % interval of the difference in bits per byte, None if there
    is no such text; the floor is passed if it lies below `bound`.
    """

    name: str
    kind: Literal["floor", "aim"]
    passed: bool
    value: float | None
    bound: float
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """Seed and number of bootstrap resamples."""

    seed: int
    resamples: int


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """The model after phase 2 against `rival` on the `chosen` (documents,)."""

    name: str
    rival: str
    where: str
    chosen: npt.NDArray[np.bool_]


def quality_floors(
    scores: Scores,
    quotas: Quotas,
    resampling: Resampling,
    *,
    languages: Sequence[str],
    min_lift: float,
) -> list[Floor]:
    """Phase 2 against n-grams in each language, and against phase 1 where phase 2 leans."""
    rivals = ("unigram", "bigram", "five_gram")
    comparisons = [
        _Comparison(
            name=f"below_{rival}_{language}",
            rival=rival,
            where=f"held-out {language} text",
            chosen=scores.where(language),
        )
        for language in languages
        for rival in rivals
    ]
    lifted = up_weighted(quotas, min_lift)
    if lifted:
        names = ", ".join(f"{language} {category}" for language, category in lifted)
        comparisons.append(
            _Comparison(
                name="phase_2_below_phase_1",
                rival=PHASE_1,
                where=f"held-out text that phase 2 up-weights ({names})",
                chosen=np.logical_or.reduce([scores.where(*group) for group in lifted]),
            )
        )
    return [_compare(scores, comparison, resampling) for comparison in comparisons]


def up_weighted(quotas: Quotas, min_lift: float) -> list[tuple[str, str]]:
    """Languages and categories with at least `min_lift` times their share of the first phase."""
    if len(quotas.phases) < 2:
        return []
    before, after = _shares(quotas.phases[0]), _shares(quotas.phases[-1])
    return sorted(
        group for group, share in after.items() if share >= min_lift * before.get(group, 0.0)
    )


def _shares(phase: PhaseQuotas) -> dict[tuple[str, str], float]:
    shares: dict[tuple[str, str], float] = {}
    for bucket in phase.buckets:
        group = (bucket.language, bucket.category)
        shares[group] = shares.get(group, 0.0) + bucket.quota_windows / phase.windows
    return shares


def _compare(scores: Scores, comparison: _Comparison, resampling: Resampling) -> Floor:
    kind: Literal["floor", "aim"] = "aim" if comparison.rival == "five_gram" else "floor"
    chosen = comparison.chosen
    if not chosen.any():
        return Floor(
            name=comparison.name,
            kind=kind,
            passed=False,
            value=None,
            bound=0.0,
            sentence=f"Not measured: there is no {comparison.where}.",
        )
    ours = scores.nats[PHASE_2][chosen]
    theirs = scores.nats[comparison.rival][chosen]
    sizes = scores.bytes[chosen]
    difference = paired_difference(
        ours, theirs, sizes, seed=resampling.seed, resamples=resampling.resamples
    )
    sentence = (
        f"On {comparison.where}, {_SHOWN[PHASE_2]} needs "
        f"{bits_per_byte(ours, sizes):.3f} bits per byte, {_SHOWN[comparison.rival]} "
        f"{bits_per_byte(theirs, sizes):.3f}: difference {difference.value:+.3f} "
        f"(95 % interval {difference.low:+.3f} to {difference.high:+.3f})."
    )
    return Floor(
        name=comparison.name,
        kind=kind,
        passed=difference.high < 0,
        value=difference.high,
        bound=0.0,
        sentence=sentence,
    )
