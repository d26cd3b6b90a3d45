"""Tables and floors from answers whose numbers are worked out by hand."""

from dataclasses import replace

import pytest

from mapneo.align.answers import GREEDY, PlainTemplate
from mapneo.align.answers_floors import alignment_floors
from mapneo.align.answers_table import Answers, round_rows, success, success_rows
from mapneo.align.conversations import turns
from mapneo.align.summarise import side_by_side
from mapneo.evaluate.floors import Resampling
from tests.align.test_preference import prompt

RESAMPLING = Resampling(seed=1, resamples=200)
POLICIES = ("pretrain_2", "sft_1", "sft_2", "dpo_1")
SKILL = {"pretrain_2": 0.0, "sft_1": 0.3, "sft_2": 0.5, "dpo_1": 0.8}
LOSS = {"pretrain_2": 3.0, "sft_1": 1.0, "sft_2": 0.9, "dpo_1": 0.95}
PROMPTS = [
    *(prompt(f"v{n:02d}", kind="chat" if n % 2 else "foundation") for n in range(40)),
    prompt("free", reference=None, form=None, kind="foundation", skill="faq"),
]
REWARD = {"accuracy": 0.8, "low": 0.7, "high": 0.88, "pairs": 90}


def rows_of(policy, samples=2, tokens=10):
    rows = []
    for number, each in enumerate(PROMPTS):
        for sample in (GREEDY, *range(samples)):
            if each.reference is None and sample != GREEDY:
                continue
            right = number < 40 * SKILL[policy]
            verifiable = each.reference is not None
            rows.append(
                {
                    "conversation_id": each.conversation_id,
                    "sample": sample,
                    "response": policy,
                    "tokens": tokens,
                    "ended": True,
                    "content": right if verifiable else None,
                    "form": True if verifiable else None,
                    "verifiable_reward": (1.0 if right else 0.5) if verifiable else None,
                    "score": SKILL[policy],
                    "log_ratio": 0.1 if policy == "dpo_1" else 0.0,
                }
            )
    return rows


def losses_of(policy):
    return [
        {"conversation_id": each.conversation_id, "nats": 4 * LOSS[policy], "tokens": 4}
        for each in PROMPTS
    ]


def answers(skip=(), **tokens):
    return Answers(
        PROMPTS,
        {name: rows_of(name, tokens=tokens.get(name, 10)) for name in POLICIES},
        {
            name: [row for row in losses_of(name) if (name, row["conversation_id"]) not in skip]
            for name in POLICIES
        },
    )


def floors(made):
    found = alignment_floors(made, REWARD, RESAMPLING, max_length_ratio=4 / 3)
    return {floor.name: floor for floor in found}


def test_success_reward_and_loss_are_the_counted_ones():
    made = answers()
    assert made.verified("sft_2", success, greedy=True).ratio == 0.5
    assert made.loss("sft_1").ratio == 1.0
    rows = success_rows(made, RESAMPLING)
    [row] = [r for r in rows if r["policy"] == "dpo_1" and r["kind"] == "all"]
    assert (row["prompts"], row["samples"]) == (40, 80)
    assert row["success"]["value"] == 0.8
    assert row["sampled_reward"]["value"] == pytest.approx(0.9)
    assert row["success"]["low"] < 0.8 < row["success"]["high"]


def test_floors_that_hold_pass_with_the_end_of_the_interval_that_counts():
    found = floors(answers())
    assert all(floor.passed for floor in found.values()), found
    assert found["dpo_lifts_reward"].value > 0
    assert found["sft_lowers_loss"].value < 0
    assert found["reward_model_orders_pairs"].value == 0.7


@pytest.mark.parametrize(("tokens", "passed"), [(13, True), (14, False), (20, False)])
def test_dpo_may_not_buy_its_reward_with_length(tokens, passed):
    assert floors(answers(dpo_1=tokens))["dpo_keeps_length"].passed == passed


def test_no_difference_passes_no_floor(monkeypatch):
    for name in POLICIES:
        monkeypatch.setitem(SKILL, name, 0.5)
        monkeypatch.setitem(LOSS, name, 1.0)
    found = floors(answers())
    for name in ("sft_lowers_loss", "sft_lifts_success", "dpo_lifts_reward", "dpo_lifts_success"):
        assert not found[name].passed


def test_without_heldout_pairs_the_reward_floor_is_missed_and_says_so():
    found = alignment_floors(answers(), None, RESAMPLING, max_length_ratio=4 / 3)
    [floor] = [floor for floor in found if floor.name == "reward_model_orders_pairs"]
    assert not floor.passed
    assert "no pair was held out" in floor.sentence


def test_losses_are_compared_on_answers_that_fit_for_every_policy():
    made = answers(skip={("sft_2", "v00")})
    sums = {name: made.loss(name).below.sum() for name in POLICIES}
    assert set(sums.values()) == {4 * 40}


def test_win_rates_count_ties_half():
    first, last = round_rows(answers(), ["sft_2", "dpo_1"], RESAMPLING)
    assert first["win_rate_score"]["value"] == 0.5
    assert last["win_rate_score"]["value"] == 1.0
    assert last["win_rate_verifiable"]["value"] == pytest.approx((12 + 28 / 2) / 40)
    assert last["kl_nats"]["value"] == pytest.approx(0.1)


def test_shown_prompts_are_drawn_without_looking_and_only_what_may_be_shown():
    rows = {name: rows_of(name) for name in POLICIES}
    secret = [replace(each, publish="ids") for each in PROMPTS]
    assert side_by_side(secret, rows, 3) == []
    shown = side_by_side(PROMPTS, rows, 3)
    assert {(row["kind"], row["skill"]) for row in shown} == {
        ("chat", "arithmetic"),
        ("foundation", "arithmetic"),
        ("foundation", "faq"),
    }
    assert [each["policy"] for each in shown[0]["answers"]] == list(POLICIES)
    assert {row["answers"][0]["success"] for row in shown if row["skill"] == "faq"} == {None}


def test_a_base_model_is_asked_in_lines_and_answers_with_one(tokenizer):
    plain = PlainTemplate(tokenizer)
    ids = plain.prompt(turns("1 + 2?", "3", "again", "")[:-1])
    assert ids == [tokenizer.eod, *tokenizer.encode("1 + 2?\n3\nagain\n")]
    assert plain.text(tokenizer.encode("\n  3 \nWhat")) == "3"
