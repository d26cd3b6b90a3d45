"""A whole micro ablation: what is equal between arms, what is kept from them, and what is said."""

import io
import json
import signal
import subprocess
import time

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from mapneo.ablate.config import AblationRecipe, HeldoutConfig
from mapneo.ablate.show import print_comparison
from mapneo.ablate.stage_reserve import HELDOUT_FILE, RESERVED_FILE, choose_heldout
from mapneo.core.artifact import InputFile
from mapneo.core.engine import Task
from mapneo.core.errors import ConfigError, DataError
from mapneo.core.files import read_json
from mapneo.core.manifest import read_manifest
from mapneo.mix import read_quotas
from mapneo.pipeline import read_recipe
from mapneo.train.checkpoint import weights_sha256
from mapneo.train.pretrain import new_model

from .conftest import MICRO, command, digests, environment, new_folder, run

ARMS, SEEDS = ("all", "twin", "strict"), (1, 2)


def losses(ablation, arm, seed):
    lines = (ablation / f"arms/{arm}/seed-{seed}/pretrain_1/metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines if "loss" in json.loads(line)]


def first_weights(ablation, arm, seed):
    """SHA-256 of the weights that a training starts from."""
    quotas = read_quotas(ablation / f"arms/{arm}/seed-{seed}/mix/quotas.json")
    shape = read_recipe(MICRO, [], AblationRecipe).pretrain.model
    return weights_sha256(new_model(shape, quotas))


def ids(folder):
    return {
        doc_id
        for path in folder.glob("*.parquet")
        for doc_id in pq.read_table(path, columns=["doc_id"])["doc_id"].to_pylist()
    }


def result(ablation):
    return read_json(ablation / "compare/ablation.json")


def test_arms_that_keep_the_same_documents_are_the_same_to_the_last_bit(ablation):
    for seed in SEEDS:
        assert losses(ablation, "all", seed) == losses(ablation, "twin", seed)
    for row in result(ablation)["rows"]:
        if row["arm"] == "twin":
            assert [row[key] for key in ("difference", "low", "high")] == [0.0] * 3
            assert row["documents_low"] == row["documents_high"] == 0.0


def test_one_seed_starts_all_arms_alike_and_another_seed_differently(ablation):
    first = {(arm, seed): losses(ablation, arm, seed)[0] for arm in ARMS for seed in SEEDS}
    assert first["all", 1] != first["all", 2]
    assert losses(ablation, "strict", 1) != losses(ablation, "all", 1)
    weights = {
        (arm, seed): first_weights(ablation, arm, seed)
        for arm in ("all", "strict")
        for seed in SEEDS
    }
    assert weights["all", 1] == weights["strict", 1]
    assert weights["all", 2] == weights["strict", 2]
    assert weights["all", 1] != weights["all", 2]


def test_all_arms_train_on_equally_many_tokens_in_the_same_mixture(ablation):
    facts = [
        read_manifest(ablation / f"arms/{arm}/seed-{seed}/pretrain_1").facts
        for arm in ARMS
        for seed in SEEDS
    ]
    assert {fact["tokens"] for fact in facts} == {8 * 4 * 64} == {result(ablation)["train_tokens"]}
    shares = {(row["language"], row["trained_tokens"]) for row in result(ablation)["arms"]}
    assert shares == {("en", 1024), ("zh", 1024)}


def test_no_arm_sees_heldout_text_or_a_copy_of_it(ablation):
    heldout = ids(ablation / "shared/split/heldout")
    assert heldout
    assert all(doc_id.startswith("web/held/") for doc_id in heldout)
    measured = ids(ablation / "shared/measure/documents")
    leaks = {f"web/{lang}/{name}.html" for lang in ("en", "zh") for name in ("leak", "near_leak")}
    assert leaks <= measured
    for arm in ARMS:
        trained = ids(ablation / f"arms/{arm}/encode/index")
        assert trained
        assert not {doc_id for doc_id in trained if doc_id.startswith("web/held/")}
        assert not trained & leaks
    texts = [
        text
        for path in (ablation / "shared/pool/documents").glob("*.parquet")
        for text in pq.read_table(path, columns=["text"])["text"].to_pylist()
    ]
    for path in (ablation / "shared/split/heldout").glob("*.parquet"):
        for text in pq.read_table(path, columns=["text"])["text"].to_pylist():
            assert not any(text[:400] in other for other in texts)


def test_the_tokenizer_sees_no_heldout_text(ablation):
    assert not ids(ablation / "shared/split/documents") & ids(ablation / "shared/split/heldout")
    assert ids(ablation / "shared/split/documents") <= ids(ablation / "shared/pool/documents")


def test_every_arm_is_measured_on_the_same_texts_within_the_cap(ablation):
    tables = [
        pq.read_table(ablation / f"arms/{arm}/seed-{seed}/score/scores.parquet")
        for arm in ARMS
        for seed in SEEDS
    ]
    for table in tables:
        assert table["doc_id"].equals(tables[0]["doc_id"])
    assert set(tables[0]["doc_id"].to_pylist()) == ids(ablation / "shared/split/heldout")
    for language in ("en", "zh"):
        mine = tables[0].filter(pc.equal(tables[0]["language"], language))
        assert 0 < pc.sum(mine["bytes"]).as_py() <= 20_000


def test_only_rules_make_the_difference(ablation):
    judged = {arm: read_manifest(ablation / f"arms/{arm}/judge") for arm in ARMS}
    pool = read_manifest(ablation / "shared/pool")
    assert {m.counts.documents_in for m in judged.values()} == {pool.counts.kept}
    assert judged["all"].counts.kept == pool.counts.kept
    assert judged["strict"].counts.dropped["en_word_count_min"] > 0
    rows = {(row["arm"], row["language"]): row for row in result(ablation)["arms"]}
    assert rows["strict", "en"]["unique_tokens"] < rows["all", "en"]["unique_tokens"]
    assert rows["strict", "en"]["epochs"] > rows["all", "en"]["epochs"]


def test_counts_add_up_in_every_stage(ablation):
    paths = sorted(ablation.rglob("manifest.json"))
    assert len(paths) == 9 + 3 * (4 + 2 * 3) + 1
    for path in paths:
        counts = read_manifest(path.parent).counts
        counts.check(str(path))


def test_running_again_does_nothing_and_says_the_same(folder, ablation):
    before = {path: path.stat().st_mtime_ns for path in ablation.rglob("manifest.json")}
    said = json.loads(run(folder, "--json").stdout)
    assert said == result(ablation)
    assert {path: path.stat().st_mtime_ns for path in ablation.rglob("manifest.json")} == before


def test_the_screen_shows_arms_epochs_and_differences(ablation):
    console = Console(file=io.StringIO(), width=110)
    print_comparison(result(ablation), console)
    screen = console.file.getvalue()
    assert all(arm in screen for arm in ARMS)
    assert "+0.0000 ± 0.0000" in screen
    assert len(screen.splitlines()) < 25


KILL_WHEN = (
    "shared/judge/manifest.json",
    "arms/all/seed-2/pretrain_1/checkpoints",
)
"""Files whose appearance says that the ablation is in the middle of something."""


def test_kills_change_no_byte(folder, ablation, tmp_path):
    cut = new_folder(tmp_path)
    # The same files: where they lie and when they were written is part of what fetch lists.
    data = f"fetch.data={folder / 'web'}"
    for name in KILL_WHEN:
        with subprocess.Popen(
            command(data), cwd=cut, env=environment(cut), stdout=subprocess.DEVNULL
        ) as process:
            while not (cut / "runs/micro" / name).exists() and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    run(cut, data)
    assert digests(cut / "runs/micro") == digests(ablation)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('compare.reference="strickt"', "no arm `strickt`"),
        ("ablate.seeds=[1]", "ablate.seeds"),
        ("ablate.seeds=[1, 1]", "occur twice"),
        ('heldout.groups=["sanguo"]', "not among fetch.sources"),
        ("pretrain.heldout_max_bytes=10", "must be 0"),
        ('ablate.arms=[{name="a", rulesets=["non-en"]}, {name="b", rulesets=["none-en"]}]', "non"),
    ],
)
def test_a_wrong_recipe_is_explained(setting, words):
    with pytest.raises(ConfigError, match=words):
        read_recipe(MICRO, [setting], AblationRecipe)


def choose(ablation, output, **settings):
    """What the stage would hold out with other settings: ids of measured and of reserved texts."""
    shared = ablation / "shared"
    clusters, weights = (
        sorted((shared / folder).glob("*.parquet"))
        for folder in ("dedup/clusters", "split/weights")
    )
    task = Task(
        shard="choose",
        inputs=tuple(
            InputFile(path=path, relative=path.name, sha256="") for path in (*clusters, *weights)
        ),
        payload={"seed": 7, "clusters": len(clusters)},
    )
    choose_heldout(task, HeldoutConfig(**settings), output)
    return [
        set(pq.read_table(output / name)["doc_id"].to_pylist())
        for name in (HELDOUT_FILE, RESERVED_FILE)
    ]


def test_a_heldout_group_without_documents_is_named(ablation, tmp_path):
    with pytest.raises(DataError, match="web/nowhere"):
        choose(ablation, tmp_path, groups=("web/held/*", "web/nowhere/*"), min_documents=2)


def test_a_language_of_too_few_documents_is_not_measured_but_reserved(ablation, tmp_path):
    groups = ("web/held/*", "web/zh/page00*")
    few, reserved = choose(ablation, tmp_path, groups=groups, min_documents=5)
    more, also_reserved = choose(ablation, tmp_path, groups=groups, min_documents=2)
    assert few < more <= reserved == also_reserved


def test_a_smaller_cap_chooses_among_the_same_and_reserves_as_much(ablation, tmp_path):
    groups = ("web/held/*",)
    small, reserved = choose(ablation, tmp_path, groups=groups, max_bytes=5_000, min_documents=2)
    large, also_reserved = choose(
        ablation, tmp_path, groups=groups, max_bytes=2_000_000, min_documents=2
    )
    assert small < large < reserved == also_reserved
    assert {"web/en/leak.html", "web/en/near_leak.html"} <= reserved
    assert not {doc_id for doc_id in large if not doc_id.startswith("web/held/")}
