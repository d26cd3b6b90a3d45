"""The section on alignment: its words follow its numbers, and it says what is missing."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mapneo.core.canonical import Json
from mapneo.core.files import read_json, write_json
from mapneo.pipeline import ALIGNMENT
from mapneo.report.collect import Collected, collect
from mapneo.report.page import render
from mapneo.report.sections.alignment.samples import words_in
from tests.report.conftest import collect_run
from tests.report.run_factory import HOSTILE, STAGES
from tests.report.test_page import gaps, section

ALIGNMENT_STAGES = ("conversations", *ALIGNMENT)


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    shutil.copytree(run, tmp_path / "tiny")
    return tmp_path / "tiny"


def words(html: str) -> str:
    """The text between the tags, white space as single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def shown(run: Path) -> str:
    return words(section(render(collect_run(run)), "alignment"))


def change(run: Path, file: str, edit: Callable[[Json], None]) -> None:
    value = read_json(run / file)
    edit(value)
    write_json(run / file, value)


def interval(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def win_rates(run: Path, verifiable: Json, score: Json) -> str:
    def edit(table: Json) -> None:
        last = table["rounds"][-1]
        last["win_rate_verifiable"], last["win_rate_score"] = verifiable, score

    change(run, "answers/answers.json", edit)
    return shown(run)


def test_round_that_shows_nothing_says_so(copy: Path, no_drawing: None):
    said = win_rates(copy, interval(0.52, 0.03), interval(0.47, 0.04))
    assert "By the verifier, DPO 1 shows no difference" in said
    assert "the interval from 49.0 % to 55.0 % contains one half" in said
    assert "By the reward model, DPO 1 shows no difference" in said
    assert "no sign of better answers" not in said


def test_round_that_is_worse_says_so_and_so_does_the_head(copy: Path, no_drawing: None):
    said = win_rates(copy, interval(0.4, 0.03), interval(0.9, 0.03))
    assert "DPO 1 is worse than the policy before the first round by the verifier" in said
    assert "DPO 1 beats the policy before the first round by the reward model" in said
    assert "score is no sign of better answers" in said
    head = words(section(render(collect_run(copy)), "head"))
    assert "after DPO: worse than before, win rate 40.0 %" in head


def test_round_that_wins_by_both_judges_is_not_called_taste(copy: Path, no_drawing: None):
    said = win_rates(copy, interval(0.6, 0.03), interval(0.9, 0.03))
    assert "DPO 1 beats the policy before the first round by the verifier" in said
    assert "no sign of better answers" not in said


def solve(run: Path, policy: str, share: Json, *, language: str | None = None) -> str:
    def edit(table: Json) -> None:
        for row in table["success"]:
            if row["policy"] == policy and language in (None, row["language"]):
                row["success"] = share

    change(run, "answers/answers.json", edit)
    return shown(run)


def test_steps_between_policies_are_put_in_words(run: Path):
    said = shown(run)
    assert "SFT 1 solves more than base: 2.0 % → 36.0 % of all tasks." in said
    assert "its interval lies higher in 12 and overlaps in 0." in said
    assert "DPO 1 beside SFT 2: 62.0 % → 66.0 % of all tasks; the intervals overlap" in said
    assert "is not the best" not in said


def test_policy_that_lost_what_an_earlier_one_had_is_named(copy: Path, no_drawing: None):
    said = solve(copy, "dpo_1", interval(0.3, 0.02))
    assert "DPO 1 solves less than SFT 2: 62.0 % → 30.0 % of all tasks." in said
    assert (
        "The last policy is not the best: SFT 2 solves 62.0 % of all tasks, DPO 1 30.0 %." in said
    )
    assert "It lies lower in: arithmetic, English, plain;" in said


def test_only_the_groups_that_got_worse_are_listed(copy: Path, no_drawing: None):
    said = solve(copy, "dpo_1", interval(0.1, 0.02), language="zh")
    listed = re.search(r"It lies lower in: ([^.]+)\.", said)
    assert listed is not None
    assert len(listed[1].split(";")) == 6
    assert "English" not in listed[1]


@pytest.mark.parametrize(
    ("accuracy", "sentence"),
    [
        (interval(0.72, 0.04), "Better than a coin: it orders 72.0 % of 400 held-out pairs"),
        (interval(0.52, 0.04), "Not shown to be better than a coin"),
        (interval(0.42, 0.04), "Worse than a coin: it orders 42.0 %"),
    ],
)
def test_reward_model_is_held_against_a_coin(
    copy: Path, no_drawing: None, accuracy: dict[str, float], sentence: str
):
    def edit(table: Json) -> None:
        row = table["rows"][0]
        row["accuracy"], row["low"], row["high"] = accuracy.values()

    change(copy, "reward/reward.json", edit)
    assert sentence in shown(copy)


def test_reward_model_that_likes_length_is_told(run: Path, copy: Path, no_drawing: None):
    assert "part of what it rewards is length" in shown(run)

    def edit(table: Json) -> None:
        rows = {row["value"]: row for row in table["rows"] if row["group"] == "longer"}
        rows["rejected"].update(accuracy=0.83, low=0.78, high=0.88)

    change(copy, "reward/reward.json", edit)
    said = shown(copy)
    assert "makes no difference that the intervals show" in said
    assert "part of what it rewards" not in said


def test_undefined_correlation_is_a_sentence(copy: Path, no_drawing: None):
    def edit(manifest: Json) -> None:
        manifest["facts"]["score_length_correlation"] = None

    change(copy, "reward/manifest.json", edit)
    assert "The correlation of score and answer length is undefined" in shown(copy)


def test_held_out_loss_that_rose_in_stage_two_is_counted(run: Path):
    said = shown(run)
    assert "In 1 of 15 groups the loss after the last stage is higher" in said
    assert "than after the stage before: word, Chinese, plain." in said
    assert "after step 60 of the first stage" in said


def test_verifier_that_policies_train_on_is_not_called_a_judge_from_outside(
    run: Path, copy: Path, no_drawing: None
):
    assert "No policy trains on the verifier's judgement here" in shown(run)

    def edit(manifest: Json) -> None:
        manifest["facts"]["scorer"] = "1·verifier + 0.05·reward_model"

    change(copy, "preference_1/manifest.json", edit)
    said = shown(copy)
    assert "pairs that the policy trains on (1·verifier + 0.05·reward_model)" in said
    assert "No policy trains on the verifier" not in said


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("operands", "stand together in no conversation to learn from"),
        ("wording", "not whether a new sum is solved"),
    ],
)
def test_what_a_held_out_sum_is_follows_the_setting(
    copy: Path, no_drawing: None, setting: str, sentence: str
):
    def edit(manifest: Json) -> None:
        manifest["config"] = {"arithmetic_heldout": setting}

    change(copy, "conversations/manifest.json", edit)
    assert sentence in shown(copy)


def test_conversations_left_out_and_prompts_without_a_pair_are_counted(run: Path):
    said = shown(run)
    assert "No pair: all scored alike403–" in said
    assert "No pair: all answers alike180180" in said
    assert "Left out as too long" in said


def test_answers_are_marked_in_words_and_hostile_ones_are_text(html: str):
    alignment = section(html, "alignment")
    assert "</bdi></li><script" not in html
    assert "&lt;/bdi&gt;&lt;/li&gt;&lt;script&gt;" in alignment
    for word in ("right", "wrong", "no check by rule"):
        assert re.search(rf'aria-hidden="true">[✓✗○]</span>{word}', alignment)
    assert "(empty)" in alignment
    assert re.search(r'<bdi class="document" lang="zh">答案是42。</bdi>', alignment)


def test_answer_is_marked_as_the_language_that_it_is_in():
    assert words_in("答案是12。", "en").language == "zh"
    assert words_in("The answer is 12.", "en").language == "en"
    assert words_in("The answer is 12.", "zh").language == ""


def test_hostile_names_of_policies_and_skills_are_text(copy: Path, no_drawing: None):
    def edit(table: Json) -> None:
        for row in [*table["success"], *table["rounds"], *table["losses"]]:
            if row["policy"] == "dpo_1":
                row["policy"] = HOSTILE
            if row.get("skill") == "word":
                row["skill"] = HOSTILE
        table["policies"][-1] = HOSTILE

    change(copy, "answers/answers.json", edit)
    html = render(collect_run(copy))
    assert "<script" not in html
    assert not re.search(r"<img\b", html)


def test_floors_of_both_stages_count_in_the_head(copy: Path, no_drawing: None):
    def edit(table: Json) -> None:
        table["floors"][2]["passed"] = False

    change(copy, "answers/floors.json", edit)
    head = section(render(collect_run(copy)), "head")
    assert 'class="verdict failed"' in head
    assert "1 of 12 quality floors were not met" in words(head)
    assert "11 of 12" in words(head)


@pytest.mark.parametrize("missing", ["answers", "evaluate"])
def test_verdict_is_open_while_a_stage_has_not_measured_its_floors(
    copy: Path, no_drawing: None, missing: str
):
    shutil.rmtree(copy / missing)
    head = section(render(collect_run(copy)), "head")
    assert 'class="verdict open"' in head
    assert f"Floors not measured yet: those of {missing}." in words(head)


@pytest.mark.parametrize("stage", ALIGNMENT_STAGES)
def test_stage_that_has_not_run_leaves_a_gap_in_the_section(
    copy: Path, no_drawing: None, stage: str
):
    shutil.rmtree(copy / stage)
    alignment = section(render(collect_run(copy)), "alignment")
    if stage.startswith("sft"):  # One of two: the other's curve and table stay.
        assert alignment.count("finished</td>") == 1
    else:
        assert gaps(alignment)


def test_fine_tuning_that_is_still_going_on_shows_its_curve(copy: Path):
    for stage in ALIGNMENT_STAGES[2:]:
        shutil.rmtree(copy / stage)
    (copy / "sft_1/manifest.json").unlink()
    (copy / "sft_1/dropped.json").unlink()
    metrics = copy / "sft_1/metrics.jsonl"
    lines = metrics.read_text(encoding="utf-8").splitlines(keepends=True)
    metrics.write_text("".join(lines[:100]) + lines[100][:20], encoding="utf-8")
    alignment = section(render(collect_run(copy)), "alignment")
    assert "not finished</td>" in alignment
    assert "Loss in nats per assistant token" in alignment


def without_alignment(run: Path) -> Collected:
    folders = {stage: run / stage for stage in STAGES if stage not in ALIGNMENT_STAGES}
    return collect(folders, run_name="tiny")


def test_recipe_without_alignment_has_no_such_section(run: Path, no_drawing: None):
    html = render(without_alignment(run))
    assert 'id="alignment"' not in html
    assert "#alignment" not in html
    head = words(section(html, "head"))
    assert "All 7 quality floors were met" in head
    assert "Verifiable reward" not in head
    assert "Floors not measured yet" not in head
