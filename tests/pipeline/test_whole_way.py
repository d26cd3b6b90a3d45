import json
import subprocess
import sys
import tomllib

import pyarrow.parquet as pq
import pytest

from mapneo.core.errors import ConfigError
from mapneo.core.recipe import validate
from mapneo.pipeline import ALIGNMENT, Recipe, load_recipe, stages

from .conftest import MICRO

STAGES = [stage.name for stage in stages(load_recipe(MICRO))]


def test_a_second_run_does_nothing(micro):
    assert set(micro.states().values()) == {"done"}
    assert "nothing to do" in micro("run", "micro.toml").stdout


def test_nothing_to_do_is_found_out_without_torch(micro):
    script = (
        "import sys; from mapneo import pipeline; from pathlib import Path;"
        "steps = pipeline.open_job(Path('runs/micro')).plan();"
        "assert {s.state for s in steps} == {'done'}, steps;"
        "assert 'torch' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=micro.folder,
        env=micro.environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_a_changed_bound_wakes_judge_but_not_measure_and_is_named(micro):
    setting = "judge.overrides.en_word_count_min.min=60"
    plan = micro("run", "micro.toml", "--dry-run", setting).stdout
    assert "en_word_count_min" in plan
    assert "60" in plan
    rows = json.loads(micro("run", "micro.toml", "--dry-run", "--json", setting).stdout)
    states = {row["stage"]: row["state"] for row in rows}
    assert [states[name] for name in ("fetch", "extract", "measure")] == ["done"] * 3
    assert states["judge"] == "run"
    assert set(micro.states().values()) == {"done"}


def test_one_more_file_wakes_one_shard(fresh):
    fresh("run", "micro.toml", "--until", "measure")
    before = fresh.manifest("measure")
    page = (fresh.folder / "web/en/page000.html").read_bytes()
    (fresh.folder / "web/en/new.html").write_bytes(page.replace(b"river", b"canal"))
    fresh("run", "micro.toml", "--until", "measure")
    after = fresh.manifest("measure")
    assert after["counts"]["documents_in"] == before["counts"]["documents_in"] + 1
    changed = [
        name
        for name, record in after["outputs"].items()
        if name.startswith("documents/") and record != before["outputs"].get(name)
    ]
    assert len(changed) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_counts_add_up_in_every_stage(micro, stage):
    counts = micro.manifest(stage)["counts"]
    left = counts["kept"] + sum(counts["dropped"].values()) + sum(counts["errors"].values())
    assert counts["documents_in"] == left


def test_counts_carry_over_from_stage_to_stage(micro):
    kept = [micro.manifest(s)["counts"] for s in ("extract", "measure", "judge", "dedup", "split")]
    for before, after in zip(kept, kept[1:], strict=False):
        assert after["documents_in"] == before["kept"]


def test_every_broken_file_is_an_error_with_its_reason(micro):
    run = micro.folder / "runs/micro/extract/errors"
    rows = [row for path in run.glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    found = {row["doc_id"].split("/", 1)[1]: row["kind"] for row in rows}
    assert set(found) == {"empty.html", "broken.pdf", "rows.jsonl:7", "bytes.txt"}
    assert all(row["message"] for row in rows)


def test_copies_and_near_copies_are_found_in_both_languages(micro):
    clusters = pq.read_table(micro.folder / "runs/micro/dedup/clusters").to_pylist()
    members: dict[str, set[str]] = {}
    for row in clusters:
        members.setdefault(row["cluster_id"], set()).add(row["doc_id"])
    for language in ("en", "zh"):
        names = {f"web/{language}/{name}.html" for name in ("page000", "copy", "near")}
        assert names in members.values()


def test_heldout_and_training_share_no_cluster(micro):
    split = micro.folder / "runs/micro/split"
    train, heldout = (
        {
            cluster
            for path in (split / folder).glob("*.parquet")
            for cluster in pq.read_table(path, columns=["cluster_id"])["cluster_id"].to_pylist()
        }
        for folder in ("documents", "heldout")
    )
    assert heldout
    assert not train & heldout


def test_the_page_is_there_and_named(micro):
    assert (micro.folder / "runs/micro/report/index.html").exists()
    assert "index.html" in micro("run", "micro.toml").stdout


def test_status_and_show(micro):
    table = micro("status", "runs/micro").stdout
    assert all(name in table for name in STAGES)
    shown = micro("show", "runs/micro/judge").stdout
    assert "settings" in shown
    assert json.loads(micro("show", "runs/micro/judge", "--json").stdout)["stage"] == "judge"


def test_a_finished_run_is_judged_again_without_running(micro, tmp_path):
    before = micro.manifest("judge")
    patch = tmp_path / "judge.toml"
    words = ("judge", "runs/micro", "--set", "en_word_count_min.min=5000", "--sample", "2")
    found = json.loads(micro(*words, "--json", "--patch", str(patch)).stdout)
    dropped = [row for row in found["flips"] if row["direction"] == "kept_to_dropped"]
    assert {row["rule_after"] for row in dropped} == {"en_word_count_min"}
    assert all(row["tokens"] > 0 for row in dropped)
    assert found["command"] == "mapneo run RECIPE.toml judge.overrides.en_word_count_min.min=5000"
    assert "en_word_count_min = { min = 5000 }" in patch.read_text()
    said = micro(*words).stdout
    assert "en_word_count_min = { min = 5000 }" in said
    assert "dedup and all later stages" in said
    assert micro.manifest("judge") == before
    assert "did you mean" in micro("judge", "runs/micro", "--set", "en_words.min=2", code=2).stderr
    assert "no finished stage" in micro("judge", "web", "--set", "x.min=2", code=7).stderr


def test_a_finished_run_can_be_talked_to(micro):
    lines = "What is 1 + 2?\n/reset\n你好\n\n/quit\nnot read\n".encode() + b"\xff\n"
    result = subprocess.run(
        [sys.executable, "-m", "mapneo.cli", "chat", "runs/micro", "--max-tokens", "4"],
        cwd=micro.folder,
        env=micro.environment,
        input=lines,
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(b"\n") == 2
    refused = micro("chat", "runs/micro", "--stage", "sft_9", code=3).stderr
    assert "sft_9" in refused
    assert "dpo_1" in refused


def test_heldout_questions_come_from_heldout_documents_only(micro):
    run = micro.folder / "runs/micro"
    heldout = {
        row
        for path in (run / "split/heldout").glob("*.parquet")
        for row in pq.read_table(path, columns=["cluster_id"])["cluster_id"].to_pylist()
    }
    folder = run / "conversations/conversations"
    for path in folder.glob("*.parquet"):
        clusters = set(pq.read_table(path)["cluster_id"].to_pylist()) - {None}
        assert clusters <= heldout if path.stem == "heldout" else not clusters & heldout


def test_a_recipe_without_conversations_ends_with_the_base_model():
    text = MICRO.read_text()
    base = text[: text.index("[conversations]")] + text[text.index("[evaluate]") :]
    path = MICRO.parent / "unused.toml"
    names = [stage.name for stage in stages(validate(Recipe, tomllib.loads(base), str(path)))]
    assert names == [name for name in STAGES if name not in {"conversations", *ALIGNMENT}]
    with pytest.raises(ConfigError, match="need a table `conversations`"):
        validate(Recipe, tomllib.loads(base + "\n[sft_1]\nepochs = 2\n"), str(path))
