"""From answers to numbers: success, reward, length, win rate and loss of every policy.

Intervals are over what the prompts are about, so that two prompts on one document count as one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mapneo.align.answers import GREEDY
from mapneo.align.conversations import Conversation
from mapneo.core.canonical import Json
from mapneo.evaluate.floors import Resampling
from mapneo.evaluate.statistics import Interval, ratio_interval

Floats: TypeAlias = npt.NDArray[np.float64]
Row: TypeAlias = Mapping[str, Any]
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Numerator and denominator by unit (units,), over the same units for every policy."""

    above: Floats
    below: Floats

    @property
    def ratio(self) -> float:
        """All above over all below."""
        return float(self.above.sum() / self.below.sum())

    def interval(self, resampling: Resampling) -> Interval:
        """The ratio with its interval over units."""
        return ratio_interval(
            self.above, self.below, seed=resampling.seed, resamples=resampling.resamples
        )

    def minus(self, other: "Sums", resampling: Resampling) -> Interval:
        """Difference of the two ratios, on the same denominators, paired by unit."""
        return ratio_interval(
            self.above - other.above,
            self.below,
            seed=resampling.seed,
            resamples=resampling.resamples,
        )


class Answers:
    """The answers and losses of all policies, held together by what the prompts are about."""

    def __init__(
        self,
        heldout: Sequence[Conversation],
        responses: Mapping[str, Sequence[Row]],
        losses: Mapping[str, Sequence[Row]],
    ) -> None:
        """Rows of `responses/` and `losses/` by policy."""
        self.policies = tuple(responses)
        self._prompts = {each.conversation_id: each for each in heldout}
        names = sorted({_unit(each) for each in heldout})
        self._places = {name: place for place, name in enumerate(names)}
        self._responses = responses
        # A base model is asked without control tokens and so fits more: compare what all have.
        shared = [{row["conversation_id"] for row in rows} for rows in losses.values()]
        known = set.intersection(*shared)
        self._losses = {
            policy: [row for row in rows if row["conversation_id"] in known]
            for policy, rows in losses.items()
        }
        answered = [{row["conversation_id"] for row in rows} for rows in responses.values()]
        self._answered = set.intersection(*answered)

    def groups(self) -> list[tuple[str, str, str]]:
        """(kind, skill, language) of the verified prompts, `all` first on each axis."""
        found = {
            (each.kind, each.skill, each.language)
            for each in self._prompts.values()
            if each.reference is not None
        }
        kinds = {(kind, ALL, ALL) for kind, _, _ in found}
        return [(ALL, ALL, ALL), *sorted(kinds), *sorted(found)]

    def verified(
        self,
        policy: str,
        value: Callable[[Row], float],
        group: tuple[str, str, str] = (ALL, ALL, ALL),
        *,
        greedy: bool,
    ) -> Sums:
        """Sum of `value` over answers to verified prompts of a group, per answer."""
        above, below = self._zeros(), self._zeros()
        for row in self._responses[policy]:
            prompt = self._prompts[row["conversation_id"]]
            wanted = (
                row["content"] is not None
                and (row["sample"] == GREEDY) == greedy
                and row["conversation_id"] in self._answered
                and _within(prompt, group)
            )
            if wanted:
                place = self._places[_unit(prompt)]
                above[place] += value(row)
                below[place] += 1
        return Sums(above=above, below=below)

    def loss(self, policy: str, group: tuple[str, str, str] = (ALL, ALL, ALL)) -> Sums:
        """Nats of the reference answers, per token."""
        above, below = self._zeros(), self._zeros()
        for row in self._losses[policy]:
            prompt = self._prompts[row["conversation_id"]]
            if _within(prompt, group):
                place = self._places[_unit(prompt)]
                above[place] += row["nats"]
                below[place] += row["tokens"]
        return Sums(above=above, below=below)

    def loss_groups(self) -> list[tuple[str, str, str]]:
        """All (kind, skill, language), `all` first."""
        found = {(each.kind, each.skill, each.language) for each in self._prompts.values()}
        return [(ALL, ALL, ALL), *sorted(found)]

    def wins(self, policy: str, rival: str, value: str) -> Sums:
        """Share of sampled answers that beat the rival's answer of the same number; ties half."""
        rivals = {
            (row["conversation_id"], row["sample"]): row[value] for row in self._responses[rival]
        }
        return self.verified(
            policy, lambda row: _beats(row[value], rivals[_key(row)]), greedy=False
        )

    def _zeros(self) -> Floats:
        return np.zeros(len(self._places), dtype=np.float64)


def _key(row: Row) -> tuple[str, int]:
    return row["conversation_id"], row["sample"]


def _beats(value: float, other: float) -> float:
    return 1.0 if value > other else 0.5 if value == other else 0.0


def _unit(each: Conversation) -> str:
    return each.cluster_id or each.about


def _within(each: Conversation, group: tuple[str, str, str]) -> bool:
    own = (each.kind, each.skill, each.language)
    return all(wanted in (ALL, value) for wanted, value in zip(group, own, strict=True))


def success(row: Row) -> float:
    """Right value in the right form."""
    return float(row["content"] and row["form"])


def success_rows(answers: Answers, resampling: Resampling) -> list[dict[str, Json]]:
    """Success, content, form, reward and length by policy and group."""
    measures: dict[str, tuple[Callable[[Row], float], bool]] = {
        "success": (success, True),
        "content": (lambda row: float(row["content"]), True),
        "form": (lambda row: float(row["form"]), True),
        "sampled_reward": (lambda row: float(row["verifiable_reward"]), False),
        "sampled_tokens": (lambda row: float(row["tokens"]), False),
    }
    rows = []
    for group in answers.groups():
        for policy in answers.policies:
            row: dict[str, Json] = _named(group) | {"policy": policy}
            for name, (value, greedy) in measures.items():
                sums = answers.verified(policy, value, group, greedy=greedy)
                row[name] = _interval(sums.interval(resampling)) if sums.below.any() else None
                row["prompts" if greedy else "samples"] = int(sums.below.sum())
            rows.append(row)
    return rows


def loss_rows(answers: Answers, resampling: Resampling) -> list[dict[str, Json]]:
    """Nats per token of the reference answers, by policy and group."""
    return [
        _named(group)
        | {"policy": policy, "tokens": int(sums.below.sum())}
        | {"nats_per_token": _interval(sums.interval(resampling))}
        for group in answers.loss_groups()
        for policy in answers.policies
        if (sums := answers.loss(policy, group)).below.any()
    ]


def round_rows(
    answers: Answers, rounds: Sequence[str], resampling: Resampling
) -> list[dict[str, Json]]:
    """What each round of DPO did, beside the policy it started from (round 0)."""
    start = rounds[0]
    return [
        {
            "round": number,
            "policy": policy,
            "verifiable_reward": _sampled(answers, policy, "verifiable_reward", resampling),
            "score": _sampled(answers, policy, "score", resampling),
            "tokens": _sampled(answers, policy, "tokens", resampling),
            "kl_nats": _sampled(answers, policy, "log_ratio", resampling),
            "win_rate_score": _interval(answers.wins(policy, start, "score").interval(resampling)),
            "win_rate_verifiable": _interval(
                answers.wins(policy, start, "verifiable_reward").interval(resampling)
            ),
        }
        for number, policy in enumerate(rounds)
    ]


def _sampled(answers: Answers, policy: str, field: str, resampling: Resampling) -> Json:
    sums = answers.verified(policy, lambda row: float(row[field]), greedy=False)
    return _interval(sums.interval(resampling))


def _named(group: tuple[str, str, str]) -> dict[str, Json]:
    return dict(zip(("kind", "skill", "language"), group, strict=True))


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}
