"""Annotations in files beside the documents, in RedPajama-V2's form, joined by id."""

import gzip
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from mapneo.core.errors import DataError, InputError
from mapneo.curate.annotation_files import AnnotationSource
from mapneo.curate.annotation_store import AnnotationStore, document_id, join_annotations
from mapneo.curate.measure import signals_table
from mapneo.curate.released.signals import annotations_of
from mapneo.curate.scores import ScoresConfig
from mapneo.curate.stage_judge import JudgeConfig
from mapneo.curate.stage_measure import MeasureConfig
from tests.curate.builders import curate, documents
from tests.curate.texts import english

FILE = "2023-06/0000/en_head.json.gz"


def row(number: int, perplexity: float, **more: object) -> dict:
    """A row as RedPajama-V2 writes it (fewer signals)."""
    return {
        "id": f"{FILE}/{number}",
        "id_int": 7967430436813205988 + number,
        "metadata": {
            "cc_segment": "crawl-data/x.warc.wet.gz",
            "cc_net_source": FILE,
            "url": "http://a.org/",
            "source_domain": "a.org",
            "language": "en",
            "snapshot_id": "2023-06",
        },
        "quality_signals": {
            "ccnet_length": [[0, 900, 900]],
            "ccnet_bucket": [[0, 900, 1.0]],
            "ccnet_perplexity": [[0, 900, perplexity]],
            "rps_doc_books_importance": [[0, 900, -310.25]],
            "rps_doc_ut1_blacklist": [[0, 900, None]],
            "rps_doc_word_count": [[0, 900, 150]],
            "rps_lines_start_with_bulletpoint": [[0, 400, 1.0], [400, 900, 2.0]],
            "rps_lines_num_words": [[0, 400, 60], [400, 900, 90]],
            **more,
        },
    }


def write(path: Path, rows: list[object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(r) + "\n" if not isinstance(r, str) else r + "\n" for r in rows)
    path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return path


def pages(*numbers: int, **fields: str) -> pa.Table:
    rows = [
        {"doc_id": f"web/documents/{FILE}:{n}", "source": "web", "text": "a", "language": "en"}
        for n in numbers
    ]
    return documents([{**r, "meta": "{}", **fields} for r in rows])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "quality_signals"
    write(root / FILE.replace(".json.gz", ".signals.json.gz"), [row(n, 100 + n) for n in range(3)])
    return root


def source(path: Path, **more: str) -> AnnotationSource:
    return AnnotationSource.model_validate({"path": path, "strip": "documents/", **more})


def measured(table: pa.Table, *sources: AnnotationSource) -> tuple[pa.Table, dict[str, int]]:
    return signals_table(table, ("en:scores",), scores=ScoresConfig(annotations=sources))


def test_documents_find_their_rows_and_the_others_are_not_measured(folder):
    table, reasons = measured(pages(0, 2, 9), source(folder))
    assert table["ccnet_perplexity"].to_pylist() == [100, 102, None]
    assert table["ccnet_bucket_ordinal"].to_pylist() == [1, 1, None]
    assert table["ut1_annotated_hits"].to_pylist() == [0, 0, None]  # null: in no list
    assert table["books_importance_log_weight"].to_pylist() == [-310.25, -310.25, None]
    assert table["wikipedia_reference_prob"].to_pylist() == [None] * 3
    assert reasons == {"annotations:joined": 2, "annotations:no_row": 1}


@pytest.mark.parametrize("form", ["jsonl", "json as string", "parquet", "flat parquet"])
def test_forms_of_files(tmp_path: Path, form: str):
    rows = [row(n, 100 + n) for n in range(3)]
    path = tmp_path / "signals"
    if form == "parquet":
        short = [{k: r[k] for k in ("id", "quality_signals")} for r in rows]
        for r in short:
            r["quality_signals"] = json.dumps(r["quality_signals"])
        pq.write_table(pa.Table.from_pylist(short), path := tmp_path / "signals.parquet")
    elif form == "flat parquet":
        flat = [{"id": r["id"], "ccnet_perplexity": 100.0 + n} for n, r in enumerate(rows)]
        pq.write_table(pa.Table.from_pylist(flat), path := tmp_path / "signals.parquet")
    else:
        if form == "json as string":
            rows = [{**r, "quality_signals": json.dumps(r["quality_signals"])} for r in rows]
        write(path, rows)
    table, _ = measured(pages(1, 2), source(path))
    assert table["ccnet_perplexity"].to_pylist() == [101, 102]


def test_rows_are_counted_once_and_the_first_of_an_id_counts(tmp_path: Path):
    rows = [row(0, 1.0), "", "not json", "[1]", {"quality_signals": {}}, row(0, 2.0), row(7, 3.0)]
    store = AnnotationStore(source(write(tmp_path / "a.jsonl", rows)))
    assert store.totals[1:] == (2, 1, 3)
    found = store.find([f"{FILE}/0", None, "nowhere"])
    assert found[0]["quality_signals"]["ccnet_perplexity"] == [[0, 900, 1.0]]
    # What no signal of ours reads is not kept.
    assert "rps_lines_num_words" not in found[0]["quality_signals"]
    assert len(found[0]["quality_signals"]["rps_lines_start_with_bulletpoint"]) == 2
    assert found[1:] == [None, None]


def test_values_that_can_not_be_read_are_counted(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [row(0, 1.0, ccnet_bucket=[[0, 9, "blue"]])])
    table, reasons = measured(pages(0), source(path))
    assert table["ccnet_bucket_ordinal"].to_pylist() == [None]
    assert reasons == {"annotations:joined": 1, "ccnet_bucket_ordinal:malformed": 1}


def test_the_document_s_own_annotations_stand_first(folder, tmp_path: Path):
    own = pages(1, meta='{"quality_signals": {"ccnet_perplexity": [[0, 9, 5.0]]}}')
    assert measured(own, source(folder))[0]["ccnet_perplexity"].to_pylist() == [5]
    first = source(write(tmp_path / "first.jsonl", [row(1, 44.0)]))
    table, reasons = measured(pages(0, 1), first, source(folder))
    assert table["ccnet_perplexity"].to_pylist() == [100, 44]
    assert reasons == {"annotations:joined": 2}
    broken = measured(pages(1, meta="no json ccnet_"), source(folder))[1]
    assert broken["meta:malformed"] == 1


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("{file}/{row}", f"{FILE}/4"),
        ("{doc_id}", f"web/documents/{FILE}:4"),
        ("{source}:{url}", "web:http://a.org/b"),
        ("{meta[digest]}", "sha1:x"),
        ("{meta[other]}", None),
    ],
)
def test_ids_of_documents(form, wanted):
    fields = {
        "doc_id": f"web/documents/{FILE}:4",
        "source": "web",
        "url": "http://a.org/b",
        "meta": '{"digest": "sha1:x"}',
    }
    made = source(Path("x"), document=form)
    assert document_id(fields, made) == wanted
    lacking = {**fields, "doc_id": "web/a.html", "url": None, "meta": "no json"}
    assert document_id(lacking, made) == ("web/a.html" if form == "{doc_id}" else None)
    joined = join_annotations(documents([{**fields, "text": "a"}]), [])
    assert joined.reasons == {"annotations:no_id": 1}


@pytest.mark.parametrize("form", ["{fil}/{row}", "id", "{}"])
def test_a_form_that_names_no_part_of_a_document_is_refused(form):
    with pytest.raises(ValidationError, match="names no part of a document"):
        source(Path("x"), document=form)


def test_files_that_can_not_be_read(tmp_path: Path):
    with pytest.raises(InputError, match="missing is missing: name a file, or a folder"):
        AnnotationStore(source(tmp_path / "missing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no annotations"):
        AnnotationStore(source(tmp_path / "empty"))
    torn = write(tmp_path / "torn.json.gz", [row(n, 1.0) for n in range(50)])
    torn.write_bytes(torn.read_bytes()[:200])
    with pytest.raises(InputError, match=r"torn.json.gz can't be read"):
        AnnotationStore(source(torn))
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"x.parquet is no whole Parquet file"):
        AnnotationStore(source(tmp_path / "x.parquet"))
    other = write(tmp_path / "other.jsonl", [row(0, 1.0)])
    with pytest.raises(InputError, match="no row has a field `doc`"):
        AnnotationStore(source(other, key="doc"))
    assert AnnotationStore(source(write(tmp_path / "none.jsonl", []))).find(["a"]) == [None]


def test_the_released_profile_sees_them_too(folder):
    table, _ = signals_table(
        pages(1), ("en:released_rpv2",), scores=ScoresConfig(annotations=(source(folder),))
    )
    assert table["released_rp_perplexity"].to_pylist() == [101]
    assert table["released_rp_word_count_words"].to_pylist() == [150]
    with pytest.raises(DataError, match="quality_signals in meta of row 3 is not JSON"):
        annotations_of('{"quality_signals": "{"}', 3)
    nested = annotations_of('{"quality_signals": {"ccnet_nlines": [[0, 1, 4]]}}', 0)
    assert nested == {"ccnet_nlines": 4}


def test_a_run_counts_and_shows_what_was_joined(folder, tmp_path: Path):
    texts = [english(n, 20) for n in range(3)]
    rows = [
        {"doc_id": f"web/{FILE}:{n}", "source": "web", "text": text} for n, text in enumerate(texts)
    ]
    rows.append({"doc_id": f"web/{FILE}:5", "source": "web", "text": english(9, 20)})
    shards = {"a": documents(rows[:2]), "b": documents(rows[3:])}
    run = curate(
        tmp_path / "run",
        shards,
        workers=2,
        measure=MeasureConfig(
            profiles=("matrix-rpv2", "tiny-en"), scores=ScoresConfig(annotations=(source(folder),))
        ),
        judge=JudgeConfig(rulesets=("tiny-en",)),
    )
    facts = run.manifests["measure"].facts
    assert facts["annotations"] == [
        {"path": str(folder), "rows": 3, "duplicates": 0, "malformed": 0},
        {"documents": 2, "unused": 1},
    ]
    assert {"why": "annotations:no_row", "documents": 1} in facts["unscored"]
    values = run.table("measure", "signals")["ccnet_perplexity"].to_pylist()
    assert values == [100, 101, None]
    assert not any(math.isnan(value) for value in values if value is not None)
    kept = run.table("measure", "documents")["meta"].to_pylist()
    assert kept == [""] * 3  # joined for measuring only
