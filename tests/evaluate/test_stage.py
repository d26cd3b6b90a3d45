import json
import math

import numpy as np
import pytest

from mapneo.core.errors import ConfigError, DataError
from mapneo.core.tables import read_table
from mapneo.evaluate import EvaluateConfig
from mapneo.evaluate.seen import seen_windows
from mapneo.evaluate.stage import Evaluate
from mapneo.mix import read_quotas
from mapneo.train.windows import Order
from tests.evaluate.way import Untrained, way
from tests.tokenizer.documents import SplitConfig, run_stages


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_stages(tmp_path_factory.mktemp("run"), way(EvaluateConfig(resamples=200)))


def report(run, name):
    return json.loads((run.directory / "evaluate" / name).read_text())


def test_each_language_and_category_has_every_model(run):
    rows = report(run, "bits_per_byte.json")["rows"]
    assert [(entry["language"], entry["category"]) for entry in rows] == [
        ("code", "all"), ("code", "code"), ("en", "all"), ("en", "news"),
        ("zh", "all"), ("zh", "law"),
    ]  # fmt: skip
    for entry in rows:
        assert set(entry["models"]) == {
            "pretrain_1", "pretrain_2", "unigram", "bigram", "five_gram", "xz", "xz_primed",
        }  # fmt: skip
        for name, score in entry["models"].items():
            assert (score["low"] is None) == name.startswith("xz")
            if score["low"] is not None:
                assert score["low"] <= score["bits_per_byte"] <= score["high"]


def test_an_untrained_model_costs_the_uniform_distribution(run):
    rows = report(run, "bits_per_byte.json")["rows"]
    index = [
        read_table(path) for path in (run.directory / "encode/heldout_index").glob("*.parquet")
    ]
    for entry in rows:
        tokens = size = 0
        for table in index:
            for item in table.to_pylist():
                if item["language"] == entry["language"]:
                    tokens += item["length_tokens"] - 1
                    size += item["bytes"]
        uniform = tokens * math.log2(1200) / size
        assert entry["models"]["pretrain_1"]["bits_per_byte"] == pytest.approx(uniform, rel=0.02)
        models = entry["models"]
        assert models["five_gram"]["bits_per_byte"] < models["unigram"]["bits_per_byte"]


def test_untrained_models_miss_the_floors_and_the_facts_say_so(run):
    facts = run.artifact("evaluate").manifest.facts
    assert facts["floors_passed"] is False
    floors = report(run, "floors.json")["floors"]
    assert {floor["name"] for floor in floors} >= {"below_unigram_en", "phase_2_below_phase_1"}
    missed = [f["sentence"] for f in floors if f["kind"] == "floor" and not f["passed"]]
    assert facts["missed"] == missed
    assert len(missed) >= 6


def test_every_held_out_document_is_scored_by_every_model(run):
    counts = run.artifact("evaluate").manifest.counts
    heldout = run.artifact("encode").manifest.facts["heldout"]
    assert counts.kept == counts.documents_in == sum(entry["documents"] for entry in heldout)
    assert run.artifact("evaluate").manifest.facts["models"] == ["pretrain_1", "pretrain_2"]
    tables = [read_table(p) for p in (run.directory / "evaluate/scores").glob("*.parquet")]
    assert len(tables) == 5
    for table in tables:
        assert table["doc_id"].equals(tables[0]["doc_id"])
        assert table.num_rows == counts.kept
        assert np.isfinite(table["nats"].to_numpy()).all()


def test_the_ngrams_saw_exactly_the_windows_drawn(run):
    encode, quotas = run.directory / "encode", read_quotas(run.directory / "mix/quotas.json")
    seen = seen_windows(encode, quotas, {}, max_tokens=10**9)
    drawn = {}
    for phase in quotas.phases:
        order = Order(quotas, phase.phase)
        for sample in range(order.samples):
            window = order.locate(sample)
            bucket = order.buckets[window.bucket]
            stream = np.concatenate(
                [np.fromfile(encode / file.file, dtype="<u2") for file in bucket.files]
            )
            row = stream[window.window * 32 : window.window * 32 + 33]
            key = (bucket.name, window.window)
            drawn.setdefault(key, [0, row])[0] += 1
    assert seen.times.tolist() == [times for times, _ in drawn.values()]
    assert (seen.tokens == np.stack([row for _, row in drawn.values()])).all()
    assert seen.times.sum() == 360
    facts = run.artifact("evaluate").manifest.facts
    assert facts["ngram_tokens"] == 360 * 32


def test_a_cap_takes_the_first_windows_of_training(run):
    encode, quotas = run.directory / "encode", read_quotas(run.directory / "mix/quotas.json")
    whole = seen_windows(encode, quotas, {}, max_tokens=10**9)
    first = seen_windows(encode, quotas, {}, max_tokens=50 * 32 + 5)
    assert first.times.sum() == 50
    assert (first.tokens == whole.tokens[: len(first.tokens)]).all()


def test_skipped_positions_are_not_seen(run):
    encode, quotas = run.directory / "encode", read_quotas(run.directory / "mix/quotas.json")
    seen = seen_windows(encode, quotas, {1: (0, 5, 299)}, max_tokens=10**9)
    assert seen.times.sum() == 357


def test_held_out_text_does_not_reach_the_ngrams(run, tmp_path):
    """Other held-out text leaves tokens, quotas and so the fitted windows as they were."""
    split = SplitConfig(heldout_text="zebra quagga " * 50)
    other = run_stages(tmp_path, way(EvaluateConfig(resamples=200), split)[:5])
    quotas = [read_quotas(r.directory / "mix/quotas.json") for r in (run, other)]
    assert quotas[0] == quotas[1]
    ours, theirs = (
        seen_windows(r.directory / "encode", quotas[0], {}, max_tokens=10**9) for r in (run, other)
    )
    assert (ours.tokens == theirs.tokens).all()


def test_capped_held_out_text_is_counted_as_not_scored(tmp_path):
    config = EvaluateConfig(resamples=100, max_heldout_bytes=3000, languages=("en",))
    capped = run_stages(tmp_path, way(config))
    counts = capped.artifact("evaluate").manifest.counts
    assert counts.dropped["not_scored"] > 0
    rows = report(capped, "bits_per_byte.json")["rows"]
    assert all(entry["bytes"] <= 3000 for entry in rows)
    assert sum(e["documents"] for e in rows if e["category"] == "all") == counts.kept
    sizes = [
        json.loads(path.read_text())["bytes"]
        for path in (tmp_path / "evaluate/compression").iterdir()
    ]
    assert sorted(sizes) == sorted(e["bytes"] for e in rows if e["category"] != "all")


def test_no_held_out_document_is_an_error(tmp_path):
    split = SplitConfig(heldout_text="")
    with pytest.raises(DataError, match="no document is held out"):
        run_stages(tmp_path, way(EvaluateConfig(), split))


def test_a_later_model_is_scored_like_the_others(tmp_path):
    config = EvaluateConfig(resamples=100)
    later = Evaluate(config, models=("pretrain_1", "pretrain_2", "pretrain_3"))
    assert later.inputs[-3:] == ("pretrain_1", "pretrain_2", "pretrain_3")
    assert later.choice_models == ("pretrain_2", "pretrain_3")
    longer = run_stages(tmp_path, [*way(config)[:-1], Untrained(3), later])
    for entry in report(longer, "bits_per_byte.json")["rows"]:
        scores = entry["models"]
        assert scores["pretrain_3"]["low"] <= scores["pretrain_3"]["bits_per_byte"]
        assert scores["pretrain_3"] != scores["pretrain_2"]


def test_a_model_that_nobody_evaluates_is_named():
    with pytest.raises(ConfigError, match="no model 'sft_9'; evaluated are pretrain_1, pretrain_2"):
        Evaluate(EvaluateConfig(choice_models=("sft_9",))).outside()


def test_planning_loads_neither_torch_nor_the_harness():
    import subprocess
    import sys

    script = (
        "import sys, mapneo.evaluate.stage, mapneo.mix.stage;"
        "print({'torch', 'lm_eval', 'datasets'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
