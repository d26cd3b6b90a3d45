"""The stage dedup as a whole: against brute force, against itself in other layouts and kills."""

import itertools
import random

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from mapneo.core.engine import Engine
from mapneo.core.errors import ConfigError
from mapneo.core.executor import LocalExecutor
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.core.tables import read_table, write_table
from mapneo.curate import dedup
from mapneo.curate.candidates import CANDIDATE, EDGE_SCHEMA, edge_table, record_table
from mapneo.curate.components import by_rounds, in_memory
from mapneo.curate.keys import bands_of, document_keys
from mapneo.curate.minhash_setting import PRESETS, MinHashSetting
from mapneo.curate.priority import Preference, priorities
from mapneo.curate.stage_dedup import Dedup, DedupConfig
from tests.curate.builders import Curated, curate, documents
from tests.curate.texts import chinese, english, near_copy
from tests.text.twins import fold


def pile(count: int, seed: int) -> list[dict]:
    """Documents in both languages of which a half are copies, near ones or exact ones."""
    rng = random.Random(seed)
    texts: list[str] = []
    for number in range(count):
        if texts and rng.random() < 0.5:
            text = rng.choice(texts)
            texts.append(near_copy(text, number, rng.randint(1, 6)) if rng.random() < 0.7 else text)
        else:
            texts.append(rng.choice((english, chinese))(1000 * seed + number, rng.randint(4, 12)))
    return [
        {"doc_id": f"{'ab'[n % 2]}/{n:05d}", "source": "ab"[n % 2], "text": text}
        for n, text in enumerate(texts)
    ]


def in_shards(rows: list[dict], shards: int, *, shuffled: int = 0) -> dict[str, pa.Table]:
    order = list(range(len(rows)))
    random.Random(shuffled).shuffle(order)
    return {f"s-{n}": documents([rows[k] for k in order if k % shards == n]) for n in range(shards)}


def run_dedup(directory, rows, shards=3, *, shuffled=0, workers=1, **settings) -> Curated:
    return curate(
        directory,
        in_shards(rows, shards, shuffled=shuffled),
        workers=workers,
        dedup=DedupConfig(**settings),
    )


ROWS = pile(240, 3)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Curated:
    return run_dedup(tmp_path_factory.mktemp("plain"), ROWS)


def kept(run: Curated) -> dict[str, pa.Table]:
    return {name: run.table("dedup", name) for name in ("documents", "dropped", "clusters", "keys")}


@pytest.mark.parametrize(
    "settings",
    [{"partitions": 5}, {"shuffled": 1}, {"shards": 1}, {"shards": 4, "workers": 2}],
    ids=str,
)
def test_nothing_that_stays_depends_on_layout_or_partitions(plain, tmp_path, settings):
    other = kept(run_dedup(tmp_path, ROWS, **settings))
    for name, table in kept(plain).items():
        assert other[name].equals(table), name


def test_nothing_between_steps_stays(plain):
    folders = {path.name for path in (plain.directory / "dedup").iterdir()}
    assert folders == {
        "clusters",
        "documents",
        "dropped",
        "keys",
        "manifest.json",
        "samples.json",
        "shards",
    }
    assert not any(name.startswith("work/") for name in plain.manifests["dedup"].outputs)


def test_the_stage_and_the_library_find_the_same_clusters(plain):
    table = plain.table("measure", "documents").select(["doc_id", "text"])
    judged = plain.table("judge", "verdicts")
    table = table.filter(pa.compute.equal(judged["verdict"], "keep"))
    assert (
        dedup(table)
        .drop_columns(["bytes"])
        .equals(plain.table("dedup", "clusters").drop_columns(["bytes"]))
    )


def test_components_by_rounds_change_nothing(plain, tmp_path, monkeypatch):
    monkeypatch.setattr("mapneo.curate.stage_dedup.in_memory", None)
    monkeypatch.setattr("mapneo.curate.stage_dedup._BYTES_PER_NODE", 10**9)
    other = kept(run_dedup(tmp_path, ROWS, partitions=3))
    assert other["clusters"].equals(kept(plain)["clusters"])


@pytest.mark.parametrize("shape", ["random", "chain", "star", "none"])
def test_rounds_and_memory_give_equal_components(tmp_path, shape):
    rng = np.random.default_rng(1)
    nodes = 300
    left, right = {
        "random": rng.integers(0, nodes, (2, 200)),
        "chain": rng.permutation(nodes)[np.array([range(nodes - 1), range(1, nodes)])],
        "star": np.array([[7] * nodes, range(nodes)]),
        "none": np.empty((2, 0), np.int64),
    }[shape]
    apart = left != right
    low, high = np.minimum(left, right)[apart], np.maximum(left, right)[apart]
    results = []
    for name in ("memory", "rounds"):
        engine = Engine(output=tmp_path / name, stage_key=[name], executor=LocalExecutor(1))
        files = []
        for number in range(3):
            path = tmp_path / name / f"{number}.parquet"
            part = slice(number, None, 3)
            kind = np.zeros(low[part].size, np.uint8)
            write_table(path, pa.table([low[part], high[part], kind], schema=EDGE_SCHEMA))
            files.append(as_input(path))
        records = (
            in_memory(engine, files, nodes)
            if name == "memory"
            else by_rounds(engine, files, nodes, 4)
        )
        tables = [read_table(f.path) for r in records for f in r.as_inputs(engine.output)]
        results.append(pa.concat_tables(tables).sort_by("document"))
    assert results[0].equals(results[1])
    assert shape == "none" or results[0].num_rows > 0


def as_input(path):
    from mapneo.core.artifact import InputFile
    from mapneo.core.files import sha256_file

    return InputFile(path=path, relative=path.name, sha256=sha256_file(path))


@pytest.mark.parametrize("preset", PRESETS)
def test_edges_are_the_pairs_that_brute_force_finds_by_the_same_bands(preset):
    rows = pile(400, 9)
    table = pa.table({name: [row[name] for row in rows] for name in ("doc_id", "text")})
    keys = document_keys(table, np.zeros(len(rows), np.int64), PRESETS[preset])
    edges = edge_table(record_table(keys))
    found = {tuple(pair.values()) for pair in edges.select(["left", "right", "kind"]).to_pylist()}
    bands = bands_of(keys)
    exact = list(zip(keys["exact_high"].to_pylist(), keys["exact_low"].to_pylist(), strict=True))
    first = {}
    leader = [first.setdefault(value, row) for row, value in enumerate(exact)]
    wanted = {(leader[row], row, 0) for row in range(len(rows)) if leader[row] != row}
    for a, b in itertools.combinations(range(len(bands.rows)), 2):
        left, right = int(bands.rows[a]), int(bands.rows[b])
        if (
            leader[left] == left
            and leader[right] == right
            and (bands.keys[a] == bands.keys[b]).any()
        ):
            wanted.add((left, right, CANDIDATE))
    assert found == wanted


def shingles(text: str, setting: MinHashSetting) -> set[tuple[str, ...]]:
    text = " ".join(fold(text).split())
    units = list(text) if setting.unit == "characters" else text.split()
    return {tuple(units[k : k + setting.width]) for k in range(len(units) - setting.width + 1)}


def test_copies_below_the_bound_stay_and_above_it_go(plain):
    texts = {row["doc_id"]: row["text"] for row in ROWS}
    setting = PRESETS["map_neo"]
    for row in plain.table("dedup", "clusters").to_pylist():
        if row["kind"] == "exact_document":
            assert texts[row["doc_id"]].split() == texts[row["cluster_id"]].split()
            continue
        a, b = (shingles(texts[row[name]], setting) for name in ("doc_id", "cluster_id"))
        true = len(a & b) / len(a | b)
        assert abs(true - row["similarity"]) < 5 * np.sqrt(true * (1 - true) / 128) + 0.01


def test_a_new_crawl_meets_the_old_one_without_its_text(tmp_path):
    old, new = ROWS[:150], ROWS[150:]
    first = run_dedup(tmp_path / "old", old)
    for path in (tmp_path / "old/measure/documents").glob("*.parquet"):
        path.unlink()
    for path in (tmp_path / "old/dedup/documents").glob("*.parquet"):
        path.unlink()
    second = run_dedup(tmp_path / "new", new, against=(tmp_path / "old",))
    together = run_dedup(tmp_path / "both", ROWS, prefer=())
    survivors = {row["doc_id"] for row in first.table("dedup", "clusters").to_pylist()}
    gone = {row["doc_id"]: row for row in second.table("dedup", "dropped").to_pylist()}
    new_ids = {row["doc_id"] for row in new}
    assert set(gone) <= new_ids
    assert any(row["survivor"] not in new_ids for row in gone.values())
    clusters = {}
    for row in together.table("dedup", "clusters").to_pylist():
        clusters.setdefault(row["cluster_id"], set()).add(row["doc_id"])
    expected = set()
    for members in clusters.values():
        fresh = members & new_ids
        expected |= fresh if members - new_ids else set()
    assert expected <= set(gone)
    for doc_id in set(gone) - expected:
        assert gone[doc_id]["survivor"] in new_ids
    assert survivors


def test_keys_of_another_setting_are_refused(plain, tmp_path):
    with pytest.raises(ConfigError, match=r"use the same \[dedup.minhash\]"):
        run_dedup(tmp_path, ROWS[:20], minhash="words", against=(plain.directory,))
    with pytest.raises(ConfigError, match="has no finished stage dedup"):
        run_dedup(tmp_path, ROWS[:20], against=(tmp_path / "nowhere",))


def test_preferences_decide_in_order_and_ties_go_to_the_smaller_name():
    texts = [english(1), english(1) + " ", english(1) + "  ", english(1)]
    table = documents(
        [
            {"doc_id": d, "source": s, "fetched": f, "text": t}
            for d, s, f, t in zip(
                ["w/1", "w/2", "x/1", "a/1"],
                ["web", "web", "wiki", "other"],
                ["2024-01-01", "2025-03-01T10:00:00Z", None, "2020-05-05"],
                texts,
                strict=True,
            )
        ]
    )

    def best(*prefer: Preference) -> str:
        found = {row["cluster_id"] for row in dedup(table, prefer=prefer).to_pylist()}
        assert len(found) == 1
        return found.pop()

    assert best() == "a/1"
    assert best(Preference(by="bytes")) == "x/1"
    assert best(Preference(by="bytes", want="smallest")) == "a/1"
    assert best(Preference(by="source", order=("web", "wiki"))) == "w/1"
    assert best(Preference(by="source", order=("web",)), Preference(by="bytes")) == "w/2"
    assert best(Preference(by="fetched")) == "w/2"
    assert best(Preference(by="fetched", want="smallest")) == "a/1"


def test_signals_order_documents_as_their_values_do():
    values = [-2.5, -0.0, 0.0, 1e-30, 3.5, None, float("nan"), -1e30, float("inf"), 3.5000002]
    signals = pa.table({"score": pa.array(values, pa.float64())})
    table = documents([{"doc_id": str(n), "text": "x"} for n in range(len(values))])
    for want, sign in (("smallest", 1), ("largest", -1)):
        found = priorities(table, signals, (Preference(by="score", want=want),))
        known = [n for n, v in enumerate(values) if v is not None and v == v]
        ranked = sorted(known, key=lambda n: (sign * values[n], n))
        assert sorted(known, key=lambda n: (found[n], n)) == ranked
        unknown = [found[n] for n in range(len(values)) if n not in known]
        assert min(unknown) > max(found[known])
    with pytest.raises(ConfigError, match="'colour', which measure has not stored"):
        priorities(table, signals, (Preference(by="colour"),))


def test_wrong_settings_are_refused():
    with pytest.raises(ValidationError, match="need 72 bits"):
        DedupConfig(prefer=[{"by": "bytes"}, {"by": "score"}])
    with pytest.raises(ValidationError, match="`order` lists sources"):
        DedupConfig(prefer=[{"by": "source"}])
    with pytest.raises(ValidationError, match="unknown preset 'mine'"):
        DedupConfig(minhash="mine")
    with pytest.raises(ValidationError, match="need 200 permutations"):
        DedupConfig(minhash={"permutations": 128, "bands": 20, "rows": 10})


def test_traditional_and_simplified_meet_by_choice():
    texts = ["汉语的书写系统有简体和繁体两种，这里说的是同一件事情，不同的只是字形。" * 2]
    texts.append("漢語的書寫系統有簡體和繁體兩種，這裏說的是同一件事情，不同的只是字形。" * 2)
    assert dedup(texts).num_rows == 0
    assert dedup(texts, minhash=MinHashSetting(fold_variants=True)).num_rows == 2


def test_values_of_64_bits_find_the_same_copies(plain):
    table = pa.table({name: [row[name] for row in ROWS] for name in ("doc_id", "text")})
    wide = MinHashSetting(hash_bits=64, bands=32, rows=4)
    narrow = MinHashSetting(bands=32, rows=4)
    names = [
        set(dedup(table, minhash=m, min_similarity=0.7)["doc_id"].to_pylist())
        for m in (wide, narrow)
    ]
    assert len(names[0] ^ names[1]) <= 0.05 * len(names[0])


def test_a_changed_bound_keeps_the_keys(plain):
    before = {name: file.mtime_ns for name, file in plain.manifests["dedup"].outputs.items()}
    run = Run(directory=plain.directory, seed=5, workers=1)
    stage = Dedup(DedupConfig(min_similarity=0.9))
    given = {name: run.artifact(name) for name in ("measure", "judge")}
    again = Run(directory=plain.directory, seed=5, workers=1, given=given)
    [step] = again.execute([stage], progress=lambda step: QuietProgress())
    after = {name: file.mtime_ns for name, file in step.manifest.outputs.items()}
    keys = [name for name in before if name.startswith("keys/")]
    assert keys
    assert all(after[name] == before[name] for name in keys)
