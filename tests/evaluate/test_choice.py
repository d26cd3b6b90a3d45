"""Multiple choice through the whole stage: what is scored, counted, left out, and never shown."""

import hashlib
import json
import shutil
import socket

import pytest

from mapneo.core.errors import DataError
from mapneo.core.files import sha256_file
from mapneo.core.tables import read_table
from mapneo.evaluate import EvaluateConfig, choice_plan
from mapneo.evaluate.choice import chance
from mapneo.evaluate.items import read_items
from mapneo.evaluate.prompts import PROMPTS
from tests.evaluate.packs import LAWS, LAWS_ROWS, WORDS, WORDS_ROWS, recorded
from tests.evaluate.way import way
from tests.tokenizer.documents import run_stages

CONFIG = EvaluateConfig(resamples=100, choice_models=("pretrain_1", "pretrain_2"))


def both_packs(words=WORDS, laws=LAWS):
    never = {"publish": "never", "language": "zh", "stands_for": "a pack that can't be had"}
    return {"laws": recorded(laws, LAWS_ROWS, **never), "words": recorded(words, WORDS_ROWS)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run without any way to a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _no_network)
        stages = way(CONFIG, packs=both_packs(), seq_len=160)
        return run_stages(tmp_path_factory.mktemp("run"), stages)


def _no_network(*_):
    raise AssertionError("the evaluation asked for a network")


def choice(run):
    return json.loads((run.directory / "evaluate/choice.json").read_text())


def answers(run, piece):
    return read_table(run.directory / f"evaluate/choice/{piece}.parquet").to_pylist()


def test_every_model_answers_every_pack_and_every_row_is_accounted_for(run):
    rows = choice(run)["rows"]
    assert [(row["pack"], row["model"], row["task"]) for row in rows] == [
        ("laws", "pretrain_1", "laws_letters_0shot"),
        ("laws", "pretrain_2", "laws_letters_0shot"),
        ("words", "pretrain_1", "words_letters_0shot"),
        ("words", "pretrain_2", "words_letters_0shot"),
    ]
    for row in rows:
        assert row["rows"] == row["items"] + row["too_long"] + sum(row["dropped"].values())
        assert 0 <= row["low"] <= row["accuracy"] == row["correct"] / row["items"] <= row["high"]
        assert sum(row["predicted"].values()) == row["items"]
        assert row["above_chance"] == (row["low"] > row["chance"])
    laws, words = rows[0], rows[2]
    assert (laws["items"], laws["too_long"], laws["dropped"]) == (4, 0, {"answer_not_in_file": 1})
    assert (words["items"], words["too_long"], words["dropped"]) == (6, 1, {"header_row": 1})
    assert (laws["chance"], words["chance"]) == (pytest.approx(1 / 3), pytest.approx(1 / 4))
    assert laws["stands_for"] == "a pack that can't be had"


def test_an_answer_is_the_likeliest_letter_and_the_long_question_was_not_asked(run):
    found = answers(run, "pretrain_2.words")
    assert [row["item_id"] for row in found] == [f"words:{n}" for n in (0, 1, 3, 4, 5, 6)]
    items = read_items("words", WORDS.name, WORDS.read_bytes(), WORDS_ROWS).items
    assert [row["answer"] for row in found] == [i.letters[i.answer] for i in items[:6]]
    for row in found:
        assert "ABCD"[row["log_probs"].index(max(row["log_probs"]))] == row["predicted"]
        assert row["correct"] == (row["predicted"] == row["answer"])
        assert all(value < 0 for value in row["log_probs"])
    scored = next(row for row in choice(run)["rows"][2:] if row["model"] == "pretrain_2")
    assert scored["correct"] == sum(row["correct"] for row in found)
    prompt = PROMPTS["en"].text(items[0])
    assert found[0]["context_sha256"] == hashlib.sha256(prompt.encode()).hexdigest()


def test_no_text_of_an_item_is_in_any_output(run):
    folder = run.directory / "evaluate"
    texts = [path.read_text() for path in folder.rglob("*.json")]
    texts += [str(read_table(path).to_pylist()) for path in folder.glob("choice/*.parquet")]
    for text in texts:
        assert "colour" not in text
        assert "水果" not in text
        assert "苹果" not in text


def test_a_killed_run_goes_on_with_the_missing_piece_and_ends_with_the_same_bytes(run, tmp_path):
    shutil.copytree(run.directory, tmp_path / "run")
    evaluate = tmp_path / "run/evaluate"
    whole = {path: sha256_file(path) for path in evaluate.glob("choice/*.parquet")}
    kept = evaluate / "choice/pretrain_1.laws.parquet"
    before = kept.stat().st_mtime_ns
    (evaluate / "manifest.json").unlink()
    (evaluate / "shards/choice-pretrain_2.words.json").unlink()
    (evaluate / "choice/pretrain_2.words.parquet").unlink()
    stages = way(CONFIG, packs=both_packs(), seq_len=160)
    again = run_stages(tmp_path / "run", stages)
    assert kept.stat().st_mtime_ns == before
    assert {path: sha256_file(path) for path in whole} == whole
    assert choice(again) == choice(run)


def test_a_setting_of_the_packs_does_not_fit_the_ngrams_again(run, tmp_path):
    shutil.copytree(run.directory, tmp_path / "run")
    scores = tmp_path / "run/evaluate/scores/bigram.parquet"
    before = scores.stat().st_mtime_ns
    config = CONFIG.model_copy(update={"choice_items": 2, "choice_models": None})
    again = run_stages(tmp_path / "run", way(config, packs=both_packs(), seq_len=160))
    assert scores.stat().st_mtime_ns == before
    rows = choice(again)["rows"]
    assert {row["model"] for row in rows} == {"pretrain_2"}
    assert [row["items"] + row["too_long"] for row in rows] == [2, 2]
    assert [row["dropped"]["over_cap"] for row in rows] == [2, 5]
    assert len(list((tmp_path / "run/evaluate/choice").iterdir())) == 2


def test_without_the_harness_packs_are_left_out_and_its_coming_wakes_the_stage(
    run, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("mapneo.evaluate.stage.harness_version", lambda: None)
        patch.setattr(choice_plan, "harness_version", lambda: None)
        packs = both_packs()
        packs["gone"] = recorded(WORDS, WORDS_ROWS, absolute=None, skipped="no network")
        shutil.copytree(run.directory, tmp_path / "run")
        stages = way(CONFIG, packs=packs, seq_len=160)
        without = choice(run_stages(tmp_path / "run", stages))
    assert without["rows"] == []
    assert without["skipped"].pop("gone") == "no network"
    assert set(without["skipped"]) == {"laws", "words"}
    assert "pip install 'mapneo[eval]'" in without["skipped"]["words"]
    assert len(choice(run_stages(tmp_path / "run", stages))["rows"]) == 4


def test_a_pack_without_a_question_that_fits_has_no_score(tmp_path):
    config = EvaluateConfig(resamples=100)
    packs = {"words": recorded(WORDS, WORDS_ROWS)}
    run = run_stages(tmp_path, way(config, packs=packs, seq_len=32))
    [row] = choice(run)["rows"]
    assert (row["items"], row["too_long"], row["correct"]) == (0, 7, 0)
    assert (row["accuracy"], row["low"], row["high"], row["chance"]) == (None,) * 4
    assert row["above_chance"] is False
    assert answers(run, "pretrain_2.words") == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "was there at fetch"),
        (lambda path: path.write_text("{}"), "has changed since fetch"),
    ],
)
def test_a_pack_that_is_gone_or_changed_names_the_remedy(run, tmp_path, spoil, message):
    shutil.copytree(run.directory, tmp_path / "run")
    copy = tmp_path / "words.jsonl"
    shutil.copyfile(WORDS, copy)
    packs = both_packs(words=copy)
    packs["words"]["package"] = "moved"
    spoil(copy)
    (tmp_path / "run/evaluate/shards/choice-pretrain_1.words.json").unlink()
    with pytest.raises(DataError, match=rf"pack words: .*{message}.*mapneo fetch words"):
        run_stages(tmp_path / "run", way(CONFIG, packs=packs, seq_len=160))


def test_chance_is_the_mean_over_items_of_any_number_of_options():
    words = read_items("words", WORDS.name, WORDS.read_bytes(), WORDS_ROWS).items
    laws = read_items("laws", LAWS.name, LAWS.read_bytes(), LAWS_ROWS).items
    assert chance([*words[:2], *laws[:1]]) == pytest.approx((1 / 4 + 1 / 4 + 1 / 3) / 3)


def test_workers_do_not_change_a_byte(run, tmp_path):
    two = run_stages(tmp_path, way(CONFIG, packs=both_packs(), seq_len=160), workers=2)
    digests = [each.artifact("evaluate").manifest.outputs_digest for each in (run, two)]
    assert digests[0] == digests[1]
