import json
from collections import Counter

import pyarrow as pa
import pytest
from pydantic import ValidationError

from mapneo.core.errors import DataError
from mapneo.core.tables import read_table, write_table
from mapneo.curate.measure import DEFAULT_RULESETS, signals_schema
from mapneo.curate.rules import Bounds, measurements_of
from mapneo.curate.stage_dedup import DedupConfig
from mapneo.curate.stage_judge import JudgeConfig
from mapneo.curate.stage_split import SplitConfig
from mapneo.curate.survivors import DROPPED_SCHEMA, SURVIVOR_SCHEMA, kept_documents
from mapneo.curate.verdicts import VERDICT_SCHEMA
from tests.curate.builders import Curated, curate, documents
from tests.curate.texts import chinese, english, near_copy


def rows() -> list[dict]:
    """Thirty texts a language, copies of some, short ones, one in German, a little code."""
    made = []
    for number in range(30):
        made.append({"doc_id": f"s/en/{number:02d}", "text": english(number, 16)})
        made.append({"doc_id": f"s/zh/{number:02d}", "text": chinese(number, 16)})
    for number in range(5):
        made.append(
            {"doc_id": f"s/en/9{number}", "text": near_copy(english(number, 16), number, 1)}
        )
        made.append({"doc_id": f"s/zh/9{number}", "text": chinese(number, 16) + "\r\n"})
        made.append(
            {"doc_id": f"s/short/{number}", "text": f"Much too short to keep, number {number}."}
        )
    german = "Der Hund läuft durch den Garten und bellt die Katze an. " * 10
    made.append({"doc_id": "s/de/0", "text": german, "publish": "ids"})
    made.append({"doc_id": "s/de/1", "text": "Es regnet heute. " + german})
    defaults = {"source": "s", "category": "web", "publish": "text"}
    return [{**defaults, **row} for row in made]


def in_shards(count: int, shift: int = 0) -> dict[str, pa.Table]:
    given = rows()
    return {
        f"s-{k:02d}": documents([row for n, row in enumerate(given) if (n + shift) % count == k])
        for k in range(count)
    }


@pytest.fixture(scope="module")
def curated(tmp_path_factory) -> Curated:
    return curate(tmp_path_factory.mktemp("run"), in_shards(3))


def test_columns_are_as_the_formats_say(curated):
    assert curated.table("measure", "signals").schema.equals(
        signals_schema(measurements_of(DEFAULT_RULESETS))
    )
    assert curated.table("judge", "verdicts").schema.equals(VERDICT_SCHEMA)
    assert curated.table("dedup", "documents").schema.equals(SURVIVOR_SCHEMA)
    assert curated.table("dedup", "dropped").schema.equals(DROPPED_SCHEMA)
    assert curated.table("split", "heldout").schema.equals(SURVIVOR_SCHEMA)


def test_no_document_appears_or_goes_missing(curated):
    everything = {row["doc_id"] for row in rows()}
    verdicts = curated.table("judge", "verdicts").to_pylist()
    judged_out = {row["doc_id"] for row in verdicts if row["verdict"] == "dropped"}
    copies = set(curated.table("dedup", "dropped")["doc_id"].to_pylist())
    train = curated.table("split", "documents")["doc_id"].to_pylist()
    heldout = curated.table("split", "heldout")["doc_id"].to_pylist()
    parts = [*judged_out, *copies, *train, *heldout]
    assert len(parts) == len(set(parts))
    assert set(parts) == everything


def test_facts_add_up_to_the_counts(curated):
    for stage in ("judge", "dedup"):
        manifest = curated.manifests[stage]
        reasons = Counter()
        for row in manifest.facts["reasons"]:
            reasons[row["rule"]] += row["documents"]
        assert +reasons == Counter(manifest.counts.dropped)
        assert sum(row["documents"] for row in manifest.facts["kept"]) == manifest.counts.kept
        assert (
            sum(r["documents"] for r in manifest.facts["arrived"]) == manifest.counts.documents_in
        )
    facts = curated.manifests["split"].facts
    parts = [*facts["kept"], *facts["heldout"]]
    assert sum(row["bytes"] for row in parts) == sum(row["bytes"] for row in facts["arrived"])


def test_short_and_foreign_texts_are_dropped_and_copies_found(curated):
    dropped = curated.manifests["judge"].counts.dropped
    assert dropped == {"en_nonspace_chars_min": 5, "language_not_wanted": 2}
    assert curated.manifests["dedup"].counts.dropped == {"exact_document": 5, "minhash": 5}
    assert curated.manifests["measure"].facts["edits"] == [
        {"edit": "normalise_newlines", "documents": 5, "spans": 5}
    ]


def test_fired_and_alone_count_all_failures(curated):
    verdicts = curated.table("judge", "verdicts")["failed_rules"].to_pylist()
    fired = Counter(rule for failed in verdicts for rule in failed)
    alone = Counter(failed[0] for failed in verdicts if len(failed) == 1)
    facts = curated.manifests["judge"].facts["reasons"]
    assert {row["rule"]: row["fired"] for row in facts} == fired
    assert {row["rule"]: row["alone"] for row in facts if row["alone"]} == alone


def test_a_rule_that_only_reports_fires_but_never_alone(tmp_path):
    report = {"en_nonspace_chars_min": Bounds(report_only=True)}
    manifest = curate(tmp_path, in_shards(2), judge=JudgeConfig(overrides=report)).manifests[
        "judge"
    ]
    rows = {row["rule"]: row for row in manifest.facts["reasons"]}
    names = ("documents", "bytes", "fired", "alone", "reported")
    assert [rows["en_nonspace_chars_min"][name] for name in names] == [0, 0, 5, 0, 5]
    word_count = rows["en_word_count_min"]
    assert [word_count[name] for name in ("documents", "fired", "reported")] == [5, 5, 0]
    assert "en_nonspace_chars_min" not in manifest.counts.dropped


def test_what_was_not_measured_is_a_fact_by_rule(tmp_path):
    lone = documents([{"doc_id": "a", "text": "", "language": "en"}])
    manifest = curate(tmp_path, {"t-00": lone, **in_shards(1)}).manifests["judge"]
    histograms = json.loads((tmp_path / "judge/histograms.json").read_text())["rows"]
    expected = {(r["language"], r["rule"]): r["not_measured"] for r in histograms}
    found = {(r["language"], r["rule"]): r["documents"] for r in manifest.facts["not_measured"]}
    assert found == {name: number for name, number in expected.items() if number}


def test_histograms_count_every_document_of_the_language(curated):
    found = json.loads((curated.directory / "judge/histograms.json").read_text())["rows"]
    signals = curated.table("measure", "signals")["language"].to_pylist()
    for row in found:
        total = sum(row["counts"]) + row["not_measured"]
        assert total == signals.count(row["language"])
        assert len(row["edges"]) == len(row["counts"]) + 1 == 41
    short = next(row for row in found if row["rule"] == "en_word_count_min")
    assert (short["min"], short["max"], short["beyond"]) == (50, None, 5)


def test_samples_show_only_what_may_be_shown(curated):
    shown = json.loads((curated.directory / "judge/samples.json").read_text())["rows"]
    assert {row["doc_id"] for row in shown if row["rule"] == "language_not_wanted"} == {"s/de/1"}
    short = [row for row in shown if row["rule"] == "en_nonspace_chars_min"]
    assert len(short) == 3
    assert all(row["excerpt"].startswith("Much too short") for row in short)
    copies = json.loads((curated.directory / "dedup/samples.json").read_text())["rows"]
    assert {(row["language"], row["rule"]) for row in copies} == {
        ("en", "minhash"),
        ("zh", "exact_document"),
    }
    assert all(row["survivor"] for row in copies)


def test_workers_do_not_change_a_byte(curated, tmp_path):
    other = curate(tmp_path, in_shards(3), workers=2)
    for stage in ("measure", "judge", "dedup", "split"):
        assert other.hashes(stage) == curated.hashes(stage)


def test_layout_of_shards_changes_neither_survivors_nor_heldout(curated, tmp_path):
    other = curate(tmp_path, in_shards(5, shift=2))
    for stage, folder in (("dedup", "dropped"), ("split", "documents"), ("split", "heldout")):
        assert other.table(stage, folder).equals(curated.table(stage, folder))
    clusters = [run.table("dedup", "clusters") for run in (curated, other)]
    assert clusters[0].equals(clusters[1])


def test_partitions_and_preset_change_only_what_they_should(curated, tmp_path):
    other = curate(tmp_path / "a", in_shards(3), dedup=DedupConfig(partitions=1))
    assert other.table("dedup", "dropped").equals(curated.table("dedup", "dropped"))
    words = curate(tmp_path / "b", in_shards(3), dedup=DedupConfig(minhash="words"))
    exact = [
        r for r in words.table("dedup", "dropped").to_pylist() if r["rule"] == "exact_document"
    ]
    assert len(exact) == 5


def test_no_heldout_text_is_trained_on(curated):
    train, heldout = (curated.table("split", folder) for folder in ("documents", "heldout"))
    assert heldout.num_rows > 0
    assert not set(train["cluster_id"].to_pylist()) & set(heldout["cluster_id"].to_pylist())
    assert not set(train["text"].to_pylist()) & set(heldout["text"].to_pylist())


def test_heldout_covers_each_language(curated):
    assert set(curated.table("split", "heldout")["language"].to_pylist()) == {"en", "zh"}


def test_override_changes_the_verdict(tmp_path):
    config = JudgeConfig(overrides={"en_nonspace_chars_min": Bounds(min=10)})
    run = curate(tmp_path, in_shards(1), judge=config)
    assert "en_nonspace_chars_min" not in run.manifests["judge"].counts.dropped
    assert run.manifests["judge"].counts.dropped["en_word_count_min"] == 5


def test_a_null_text_is_an_error_row(tmp_path):
    table = documents([{"doc_id": "a", "text": english(1)}, {"doc_id": "b", "text": "y"}])
    column = pa.array([english(1), None], pa.string())
    field = table.schema.field("text").with_nullable(True)
    table = table.set_column(table.schema.get_field_index("text"), field, column)
    run = curate(tmp_path, {"s-00": table})
    [error] = run.table("measure", "errors").to_pylist()
    assert (error["doc_id"], error["kind"]) == ("b", "null_text")
    assert run.manifests["measure"].counts.errors == {"null_text": 1}


def test_empty_shards_and_shards_of_which_nothing_is_kept_go_through(tmp_path):
    lone = documents([{"doc_id": "a", "text": "x"}])
    shards = {"t-00": lone.slice(0, 0), "t-01": lone, **in_shards(1)}
    run = curate(tmp_path, shards)
    assert run.manifests["measure"].counts.documents_in == len(rows()) + 1
    assert read_table(run.directory / "dedup/documents/t-01.parquet").num_rows == 0
    assert read_table(run.directory / "split/heldout/t-00.parquet").schema.equals(SURVIVOR_SCHEMA)


def test_a_changed_ruleset_file_is_noticed(tmp_path):
    path = tmp_path / "mine.toml"
    body = 'name = "m"\nlanguage = "en"\n[[rules]]\nid = "x"\nsource = "own"\n'
    path.write_text(body + 'signal = "word_count_words"\nmin = 1\n')
    config = JudgeConfig(rulesets=(str(path),))
    first = curate(tmp_path / "run", in_shards(1), judge=config)
    path.write_text(body + 'signal = "word_count_words"\nmin = 50\n')
    second = curate(tmp_path / "run", in_shards(1), judge=config)
    assert "x" not in first.manifests["judge"].counts.dropped
    assert second.manifests["judge"].counts.dropped["x"] == 5


def test_verdicts_of_other_documents_are_refused(tmp_path):
    write_table(tmp_path / "d.parquet", documents([{"doc_id": "a", "text": "x"}]))
    verdicts = pa.table({"doc_id": ["b"], "verdict": ["keep"]})
    write_table(tmp_path / "v.parquet", verdicts)
    with pytest.raises(DataError, match="different documents"):
        kept_documents(tmp_path / "d.parquet", tmp_path / "v.parquet")


def test_settings_out_of_range_are_refused():
    for values in ({"min_similarity": 0}, {"partitions": 0}, {"minhash": "other"}):
        with pytest.raises(ValidationError):
            DedupConfig(**values)
    with pytest.raises(ValidationError):
        SplitConfig(heldout_frac=0.9)
