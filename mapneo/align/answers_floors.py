"""What alignment must reach: SFT, reward model and DPO each against what stood before."""

from typing import Literal

from mapneo.align.answers_table import Answers, Sums, success
from mapneo.core.canonical import Json
from mapneo.evaluate.floors import Floor, Resampling
from mapneo.evaluate.statistics import Interval, ratio_interval

FOUNDATION, SFT = "sft_1", "sft_2"
MAX_FORGOTTEN_NATS = 0.05
"""What stage 2 may lose per token on answers of the foundation kind and still be said to keep."""


def alignment_floors(
    answers: Answers,
    reward: Json,
    resampling: Resampling,
    *,
    max_length_ratio: float,
) -> list[Floor]:
    """Floors (may be asserted) and aims (reported only).

    `reward` is the row of `reward.json` over all held-out pairs, None if there is none. Policies
    are named by their stages; the first is the base model, the last the newest DPO round.
    """
    base, last = answers.policies[0], answers.policies[-1]
    return [
        *_sft_floors(answers, base, resampling),
        _reward_floor(reward),
        *_dpo_floors(answers, last, resampling, max_length_ratio),
    ]


def _sft_floors(answers: Answers, base: str, resampling: Resampling) -> list[Floor]:
    after, before = answers.loss(SFT), answers.loss(base)
    solved, solved_before = _greedy(answers, SFT), _greedy(answers, base)
    kept, known = _foundation(answers, SFT), _foundation(answers, FOUNDATION)
    return [
        _below(
            "sft_lowers_loss",
            after.minus(before, resampling),
            f"On held-out answers, the model after SFT needs {after.ratio:.3f} nats per token, "
            f"the base model {before.ratio:.3f}",
        ),
        _above(
            "sft_lifts_success",
            solved.minus(solved_before, resampling),
            f"Of the held-out tasks, the model after SFT solves {solved.ratio:.1%}, "
            f"the base model (asked in plain text) {solved_before.ratio:.1%}",
        ),
        _below(
            "sft_2_keeps_skills",
            kept.minus(known, resampling),
            f"On held-out answers of the foundation kind, SFT stage 2 needs {kept.ratio:.3f} nats "
            f"per token, stage 1 {known.ratio:.3f}",
            bound=MAX_FORGOTTEN_NATS,
            kind="aim",
        ),
    ]


def _dpo_floors(
    answers: Answers, last: str, resampling: Resampling, max_length_ratio: float
) -> list[Floor]:
    earned, earned_before = _reward(answers, last), _reward(answers, SFT)
    solved, solved_before = _greedy(answers, last), _greedy(answers, SFT)
    lengths = _lengths(answers, last, SFT, resampling)
    return [
        _above(
            "dpo_lifts_reward",
            earned.minus(earned_before, resampling),
            "Sampled answers to held-out prompts earn a verifiable reward of "
            f"{earned.ratio:.3f} after DPO, {earned_before.ratio:.3f} before",
        ),
        Floor(
            name="dpo_keeps_length",
            kind="floor",
            passed=lengths.high < max_length_ratio,
            value=lengths.high,
            bound=max_length_ratio,
            sentence=f"After DPO, sampled answers are {lengths.value:.2f} times as long as before "
            f"(95 % interval {lengths.low:.2f} to {lengths.high:.2f}).",
        ),
        _above(
            "dpo_lifts_success",
            solved.minus(solved_before, resampling),
            f"Greedy answers solve {solved.ratio:.1%} of the held-out tasks after DPO, "
            f"{solved_before.ratio:.1%} before",
            kind="aim",
        ),
    ]


def _greedy(answers: Answers, policy: str) -> Sums:
    return answers.verified(policy, success, greedy=True)


def _reward(answers: Answers, policy: str) -> Sums:
    return answers.verified(policy, lambda row: float(row["verifiable_reward"]), greedy=False)


def _foundation(answers: Answers, policy: str) -> Sums:
    return answers.loss(policy, ("foundation", "all", "all"))


def _lengths(answers: Answers, policy: str, rival: str, resampling: Resampling) -> Interval:
    """Ratio of the mean lengths of sampled answers."""
    ours, theirs = (
        answers.verified(each, lambda row: float(row["tokens"]), greedy=False)
        for each in (policy, rival)
    )
    return ratio_interval(
        ours.above, theirs.above, seed=resampling.seed, resamples=resampling.resamples
    )


def _reward_floor(row: Json) -> Floor:
    name = "reward_model_orders_pairs"
    if row is None:
        return Floor(
            name=name,
            kind="floor",
            passed=False,
            value=None,
            bound=0.5,
            sentence="Not measured: no pair was held out.",
        )
    return Floor(
        name=name,
        kind="floor",
        passed=row["low"] > 0.5,
        value=row["low"],
        bound=0.5,
        sentence=f"The reward model orders {row['accuracy']:.1%} of {row['pairs']} held-out pairs "
        f"as the verifier does (95 % interval {row['low']:.1%} to {row['high']:.1%}).",
    )


def _below(
    name: str,
    difference: Interval,
    sentence: str,
    *,
    bound: float = 0.0,
    kind: Literal["floor", "aim"] = "floor",
) -> Floor:
    return _floor(name, kind, difference, difference.high, difference.high < bound, bound, sentence)


def _above(
    name: str, difference: Interval, sentence: str, *, kind: Literal["floor", "aim"] = "floor"
) -> Floor:
    return _floor(name, kind, difference, difference.low, difference.low > 0.0, 0.0, sentence)


def _floor(
    name: str,
    kind: Literal["floor", "aim"],
    difference: Interval,
    end: float,
    passed: bool,
    bound: float,
    sentence: str,
) -> Floor:
    return Floor(
        name=name,
        kind=kind,
        passed=passed,
        value=end,
        bound=bound,
        sentence=f"{sentence}: difference {difference.value:+.3f} "
        f"(95 % interval {difference.low:+.3f} to {difference.high:+.3f}).",
    )
