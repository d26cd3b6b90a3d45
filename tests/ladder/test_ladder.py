"""A whole micro ladder through the normal trainer: plan, schedules, held-out text, resume."""

import json
import shutil
import signal
import subprocess
import time

import pytest

from mapneo.core.errors import ConfigError, DataError
from mapneo.core.files import read_json
from mapneo.core.manifest import read_manifest
from mapneo.core.progress import QuietProgress
from mapneo.core.tables import read_table
from mapneo.ladder.config import PRESETS, LadderRecipe
from mapneo.ladder.job import LadderJob
from mapneo.ladder.plan import plan_runs
from mapneo.ladder.show import print_plan
from mapneo.mix import read_quotas
from mapneo.model.config import ModelConfig, parameters
from mapneo.model.exchange import load_model
from mapneo.pipeline import read_recipe
from mapneo.scaling.fit import fit_law
from mapneo.scaling.laws import OpenAI
from mapneo.scaling.read import Columns, read_points
from mapneo.train.documents import read_heldout
from mapneo.train.heldout import document_nats
from mapneo.train.metrics import read_metrics
from tests.ablate.conftest import digests

from .conftest import MICRO, command, environment, run

RUNS = 7


def recipe(*settings):
    return read_recipe(MICRO, list(settings), LadderRecipe)


def rows(ladder):
    return read_table(ladder / "points/points.parquet").to_pylist()


def test_plan_is_the_grid_cheapest_first_and_the_run_beside_it():
    planned = plan_runs(recipe())
    assert len(planned) == RUNS
    assert [run.compute for run in planned] == sorted(run.compute for run in planned)
    largest = max(planned, key=lambda run: run.parameters_without_embeddings)
    assert largest.parameters_without_embeddings == pytest.approx(30_000, rel=0.25)
    for each in planned:
        shape = ModelConfig.of(each.shape, vocabulary=1400, context_tokens=64)
        assert each.parameters_with_embeddings == parameters(shape)
        embedding = shape.vocabulary * shape.hidden
        assert each.parameters_with_embeddings - each.parameters_without_embeddings == embedding
        assert each.tokens == each.steps * each.windows * each.seq_len
        training = each.training(recipe())
        assert training.schedule.end_step == training.steps
        assert training.schedule.rate(training.steps) == pytest.approx(0.1 * each.peak)
        assert each.mix(recipe()).phases[0].windows == training.steps * training.windows


def test_runs_outside_the_bounds_are_left_out_and_a_plan_over_budget_refused():
    assert len(plan_runs(recipe("ladder.min_tokens_per_parameter=0.35"))) == 4
    assert len(plan_runs(recipe("ladder.max_run_flops=5e7"))) == 3
    with pytest.raises(ConfigError, match="cost 1.26e\\+09 FLOP .* budget is 1e\\+09"):
        plan_runs(recipe("ladder.budget_flops=1e9"))
    with pytest.raises(ConfigError, match="no run of the grid"):
        plan_runs(recipe("ladder.max_run_flops=1"))
    with pytest.raises(ConfigError, match="same run"):
        plan_runs(recipe("ladder.tokens=[1024, 1025]"))
    with pytest.raises(ConfigError, match="above 0"):
        recipe("ladder.tokens=[-5]")


def test_the_papers_sizes_are_presets_near_their_names():
    sizes = {"map_neo_250m": 250.9e6, "map_neo_460m": 461.7e6, "map_neo_980m": 979.9e6}
    for name, wanted in sizes.items():
        config = ModelConfig.of(PRESETS[name], vocabulary=64_128, context_tokens=8192)
        assert parameters(config) == pytest.approx(wanted, rel=1e-3)
    planned = plan_runs(
        recipe(
            f"ladder.sizes={json.dumps(list(sizes))}",
            "ladder.extra=[]",
            "ladder.tokens=[1e12]",
            "ladder.max_run_flops=1e24",
            "ladder.budget_flops=1e25",
            "tokenizer.vocabulary=64000",
        )
    )
    assert [run.shape for run in planned] == list(PRESETS.values())


def test_dry_run_says_what_it_would_cost_and_later_what_is_left(folder, ladder, tmp_path, capsys):
    plan = LadderJob(recipe=recipe(), directory=tmp_path / "fresh").plan()
    assert not (tmp_path / "fresh").exists()
    assert len(plan["runs"]) == RUNS
    assert plan["hours"] == pytest.approx(sum(row["flops"] for row in plan["runs"]) / 1e9 / 3600)
    done = LadderJob(recipe=recipe(), directory=ladder).plan()
    assert all(row["done"] for row in done["runs"])
    assert done["hours_left"] == 0
    more = recipe("ladder.tokens=[1024, 2048, 4096, 6144]", "ladder.max_run_flops=1.5e8")
    rest = LadderJob(recipe=more, directory=ladder).plan()
    assert [row["done"] for row in rest["runs"]].count(False) == 1
    print_plan(rest)
    assert "7 runs" in capsys.readouterr().out


def test_every_run_ends_its_schedule_and_reads_the_same_text(ladder):
    recipe_ = recipe()
    tokens = {}
    for each in plan_runs(recipe_):
        lines = read_metrics(ladder / "runs" / each.name / "pretrain_1/metrics.jsonl")
        rates = [line["learning_rate"] for line in lines if "learning_rate" in line]
        assert len(rates) == each.steps
        assert max(rates) == pytest.approx(each.peak)
        assert rates[-1] == pytest.approx(0.1 * each.peak)
        quotas = read_quotas(ladder / "runs" / each.name / "mix/quotas.json")
        tokens[each.name] = {
            file.file for phase in quotas.phases for b in phase.buckets for file in b.files
        }
    assert len(set(map(frozenset, tokens.values()))) == 1


def test_points_hold_the_loss_on_the_shared_held_out_text(ladder):
    found = rows(ladder)
    assert [row["run"] for row in found] == [each.name for each in plan_runs(recipe())]
    facts = read_manifest(ladder / "shared/encode").facts
    documents = read_heldout(ladder / "shared/encode", facts["token_bytes"], None)
    assert {document.language for document in documents} == {"en", "zh"}
    row = found[-1]
    model = load_model(ladder / "runs" / row["run"] / "pretrain_1/model")
    overlap = int(0.25 * model.config.context_tokens)
    nats = document_nats(model, documents, eod=facts["eod"], overlap_tokens=overlap)
    tokens = sum(len(document.tokens) for document in documents)
    assert row["loss"] == pytest.approx(nats.sum() / tokens, rel=1e-6)
    low, high = sorted([row["loss_en"], row["loss_zh"]])
    assert low < row["loss"] < high
    by_size = {r["parameters_without_embeddings"]: [] for r in found}
    for each in found:
        by_size[each["parameters_without_embeddings"]].append((each["tokens"], each["loss"]))
    for points in by_size.values():
        losses = [loss for _, loss in sorted(points)]
        assert losses == sorted(losses, reverse=True)


def test_a_ladder_can_be_fitted_by_either_count_of_parameters(ladder):
    points = read_points(ladder)
    assert len(points) == RUNS
    assert (points.counts, points.loss_name) == ("without embeddings", "loss")
    assert fit_law(points, OpenAI()).objective < 0.01
    other = read_points(ladder, Columns(parameters="parameters_with_embeddings", loss="loss_zh"))
    assert (other.counts, other.loss_name) == ("with embeddings", "loss_zh")


def test_points_along_one_run_are_read_from_its_held_out_curve(tmp_path, ladder):
    """A training of `mapneo run` measures as it goes; the micro ladder's are given such lines."""
    name = plan_runs(recipe())[-1].name
    made = tmp_path / "run"
    for stage in ("mix", "pretrain_1"):
        shutil.copytree(ladder / "runs" / name / stage, made / stage)
    shutil.copytree(ladder / "shared/encode", made / "encode")
    metrics = made / "pretrain_1/metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    measured = [
        {"step": line["step"], "heldout": {"en/web": 4 - 0.01 * k, "zh/web": 5 - 0.01 * k}}
        for k, line in enumerate(lines)
        if k % 4 == 3
    ]
    metrics.write_text("\n".join(json.dumps(line) for line in [*lines, *measured]))
    points = read_points(made)
    assert len(points) == len(measured)
    assert set(points.runs) == {"run"}
    assert points.loss_name == "bits_per_byte"
    assert points.loss[0] == pytest.approx(4.5 - 0.01 * 3)
    assert points.tokens[-1] == lines[-1]["tokens"]


def test_killed_in_a_run_it_ends_with_the_same_bytes(tmp_path, folder, ladder):
    # The text stays where it is, so that what was made of it stays done.
    text = MICRO.read_text().replace('data = "web"', f"data = {json.dumps(str(folder / 'web'))}")
    (tmp_path / "micro.toml").write_text(text)
    cut = tmp_path / "runs/micro"
    shutil.copytree(ladder, cut)
    shutil.rmtree(cut / "points")
    for each in plan_runs(recipe())[3:]:
        shutil.rmtree(cut / "runs" / each.name)
    process = subprocess.Popen(
        command(), cwd=tmp_path, env=environment(folder), stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.startswith("== run 5"):
            break
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (cut / "points/manifest.json").exists()
    again = run(tmp_path)
    assert "run 1 of 7" in again.stdout
    assert "pretrain_1: up to date" in again.stdout
    assert digests(cut) == digests(ladder)


def test_another_token_count_makes_only_the_new_run(ladder, tmp_path):
    made = tmp_path / "micro"
    shutil.copytree(ladder, made)
    asked = read_json(ladder / "ladder.resolved.json")
    asked["ladder"] |= {"tokens": [1024, 2048, 4096, 6144], "max_run_flops": 1.5e8}
    job = LadderJob(recipe=LadderRecipe.model_validate(asked), directory=made)
    view = Listener()
    job.execute(view)
    assert view.ran.count("pretrain_1") == 1
    assert {"extract", "encode"}.isdisjoint(view.ran)
    assert len(rows(made)) == 7


def test_text_too_short_for_the_longest_run_is_said_before_anything_trains(ladder, tmp_path):
    made = tmp_path / "micro"
    shutil.copytree(ladder, made)
    shutil.rmtree(made / "runs")
    asked = read_json(ladder / "ladder.resolved.json")
    asked["ladder"] |= {"extra": [{"size": 3400, "tokens": 1e8}], "budget_flops": 1e13}
    view = Listener()
    with pytest.raises(DataError, match="mix phase 1 asks for"):
        LadderJob(recipe=LadderRecipe.model_validate(asked), directory=made).execute(view)
    assert "pretrain_1" not in view.ran


class Listener:
    """A view that remembers which stages ran."""

    def __init__(self):
        self.ran = []

    def title(self, text):
        pass

    def begin(self, step):
        return QuietProgress()

    def end(self, step):
        self.ran += [step.stage.name] if step.state == "run" else []

    def close(self):
        pass


def test_resolved_recipe_is_kept(ladder):
    assert read_json(ladder / "ladder.resolved.json") == recipe().model_dump(mode="json") | {
        "fetch": read_json(ladder / "ladder.resolved.json")["fetch"]
    }
