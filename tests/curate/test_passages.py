import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapneo.core.engine import Engine
from mapneo.core.errors import DataError
from mapneo.core.executor import LocalExecutor
from mapneo.curate.cut_passages import cut_spans
from mapneo.curate.edits import Edit
from mapneo.curate.passages_config import SUBSTRING, PassagesConfig
from mapneo.curate.passages_dedup import find_passages
from tests.curate.builders import documents as as_table
from tests.curate.passages import (
    Document,
    assert_every_chain_ends_in_kept_text,
    covered,
    expected_substrings,
    expected_units,
    find,
    tasks_of,
    units_of,
)
from tests.curate.texts import chinese, english

NONE = PassagesConfig(paragraphs=False)
ALL = PassagesConfig(
    paragraph_min_chars=6,
    lines=True,
    line_min_chars=5,
    line_min_documents=2,
    similar_lines=True,
    substrings=True,
    substring_units=8,
    substring_within_document=True,
)
PIECES = (
    "the river and the mountain", "a teacher in the harbour", "数据模型的训练与评测", "城市里的",
    "abab", "x", "=====", "1.1.1", ".", "。", "! ", " ", "\n", "\n\n", "\n \n", "é", "😀", "\u3000",
    "The river and the mountains.", "数据模型的训练和评测。", "z z z z z z",
)  # fmt: skip
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.text("ab \n", max_size=40),
)
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def corpora(draw):
    made = draw(st.lists(texts, min_size=1, max_size=7))
    priority = st.integers(-1, 1)
    return [Document(f"d/{n}", text, draw(priority)) for n, text in enumerate(made)]


def in_shards(documents, count):
    return [documents[n::count] for n in range(count)]


def run(documents, config, *, shards=2, **how):
    memory = Path("/dev/shm")  # where there is one, thousands of small files cost nothing
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        return find(Path(folder), in_shards(documents, shards), config, **how)


@SLOW
@given(
    corpora(), st.sampled_from([4, 7, 8]), st.sampled_from(["characters", "words"]), st.booleans()
)
def test_substrings_are_those_of_the_definition(documents, size, by, within):
    config = NONE.model_copy(
        update={
            "substrings": True,
            "substring_units": size,
            "substring_by": by,
            "substring_within_document": within,
            "substring_cut_at": "exact",
        }
    )
    spans = run(documents, config)
    assert covered(spans) == expected_substrings(documents, size, by, within=within)
    texts = {document.doc_id: document.text.encode() for document in documents}
    for row in spans.filter(spans["survivor_doc_id"].is_valid()).to_pylist():
        source = texts[row["survivor_doc_id"]]
        source = source[row["survivor_start_byte"] : row["survivor_end_byte"]]
        assert source == texts[row["doc_id"]][row["start_byte"] : row["end_byte"]]


@SLOW
@given(corpora(), st.sampled_from(["line", "paragraph"]), st.integers(2, 3))
def test_units_are_those_of_the_definition(documents, kind, min_documents):
    names = {"paragraphs": False, f"{kind}s": True, f"{kind}_min_chars": 5}
    config = PassagesConfig(**names, **{f"{kind}_min_documents": min_documents})
    spans = run(documents, config)
    texts = {document.doc_id: document.text.encode() for document in documents}
    expected = expected_units(documents, kind, 5, min_documents)
    found = []
    for row in spans.to_pylist():
        if row["kind"] == kind:
            text = texts[row["doc_id"]]
            unit = text[row["start_byte"] : row["end_byte"]].decode().split()
            found.append((row["doc_id"], " ".join(unit)))
    assert sorted(found) == sorted((doc_id, unit) for doc_id, unit, _ in expected)


@SLOW
@given(corpora(), st.sampled_from(["exact", "sentence", "line"]), st.sampled_from([0, 12, 60]))
def test_with_all_kinds_at_once_each_stretch_taken_out_still_stands(documents, cut_at, least):
    config = ALL.model_copy(update={"substring_cut_at": cut_at, "min_left_chars": least})
    spans = run(documents, config)
    kept = texts_after(documents, spans, config)
    assert_every_chain_ends_in_kept_text(documents, spans, kept)


def texts_after(documents, spans, config):
    rows = [{"doc_id": document.doc_id, "text": document.text} for document in documents]
    after = cut_spans(as_table(rows), spans, config).documents
    return dict(zip(after["doc_id"].to_pylist(), after["text"].to_pylist(), strict=True))


@settings(SLOW, max_examples=10)
@given(corpora(), st.randoms(use_true_random=False))
def test_layout_partitions_and_workers_change_no_span(documents, rng):
    spans = run(documents, ALL, shards=1)
    shuffled = documents.copy()
    rng.shuffle(shuffled)
    assert run(shuffled, ALL, shards=3, partitions=5).equals(spans)
    assert run(documents, ALL, shards=2, partitions=1, workers=2).equals(spans)


def test_passages_between_documents_of_both_languages(tmp_path):
    shared_en, shared_zh = english(1, 4), chinese(2, 4)
    documents = [
        Document("a", f"{english(3)} {shared_en} {english(4)}"),
        Document("b", f"{chinese(5)}{shared_zh}{chinese(6)}", 1),
        Document("c", f"{chinese(7)}{shared_zh}{chinese(8)}\n\n{english(9)} {shared_en}"),
    ]
    config = NONE.model_copy(update={"substrings": True})
    spans = find(tmp_path, in_shards(documents, 2), config)
    assert set(spans["kind"].to_pylist()) == {SUBSTRING}
    kept = texts_after(documents, spans, config)
    # The Chinese passage stays where the priority is smaller, in c; English in a, by doc_id.
    assert kept["a"] == documents[0].text
    assert kept["b"] == chinese(5) + chinese(6)
    assert kept["c"] == f"{chinese(7)}{shared_zh}{chinese(8)}\n\n{english(9)}"


def test_a_passage_in_many_documents_costs_records_in_proportion(tmp_path):
    notice = english(1, 6)
    counts = []
    for size in (50, 100):
        documents = [Document(f"{n:03}", f"{english(100 + n, 3)}\n{notice}") for n in range(size)]
        engine = Engine(output=tmp_path / str(size), stage_key=["x"], executor=LocalExecutor(1))
        config = NONE.model_copy(update={"substrings": True})
        shards = in_shards(documents, 2)
        find_passages(engine, tasks_of(tmp_path / f"in{size}", shards), config, 2)
        records = [r.facts["records"] for r in engine.records.values() if "records" in r.facts]
        counts.append(sum(records))
    assert counts[1] < 2.2 * counts[0]


def test_a_killed_job_goes_on_with_what_is_done(tmp_path):
    documents = [Document(f"d/{n}", english(n % 5) + chinese(n % 3)) for n in range(12)]
    whole = find(tmp_path / "whole", in_shards(documents, 3), ALL)
    torn = tmp_path / "torn"
    find(torn, in_shards(documents, 3), ALL)
    markers = sorted((torn / "out/shards").rglob("*.json"))
    rng = random.Random(3)
    for marker in rng.sample(markers, len(markers) // 2):
        marker.unlink()
    victim = next((torn / "out/work/passages/stretches").glob("*.npz"))
    victim.write_bytes(victim.read_bytes()[:100])
    os.utime(victim, ns=(1, 1))
    assert find(torn, in_shards(documents, 3), ALL).equals(whole)


def test_a_document_with_too_little_left_goes_with_rule_and_value(tmp_path):
    rows = [
        {"doc_id": "a", "text": f"{english(1)}\n\n{english(2)}"},
        {"doc_id": "b", "text": f"Short head\n\n{english(2)}"},
    ]
    documents = [Document(row["doc_id"], row["text"]) for row in rows]
    spans = find(tmp_path, [documents], PassagesConfig())
    after = cut_spans(as_table(rows), spans, PassagesConfig())
    assert after.documents["doc_id"].to_pylist() == ["a"]
    assert after.dropped["doc_id"].to_pylist() == ["b"]
    [entry] = after.ledger.to_pylist()
    assert entry == {"doc_id": "b", "rule": "too_little_left", "value": 10.0, "bound": 20.0}


def test_a_short_document_stays_if_a_copy_elsewhere_rests_on_it(tmp_path):
    passage, end = english(1, 5), "New end of it."
    documents = [
        Document("a", f"{english(2)} {passage}"),
        Document("b", f"{passage} {end}"),
        Document("c", f"{english(3)} {passage} {end} {english(4)}"),
    ]
    config = NONE.model_copy(update={"substrings": True})
    kept = texts_after(documents, find(tmp_path / "1", [documents], config), config)
    assert kept["b"] == end
    assert end not in kept["c"]
    del documents[2]
    kept = texts_after(documents, find(tmp_path / "2", [documents], config), config)
    assert "b" not in kept


@pytest.mark.parametrize(
    ("before", "passage", "after", "left"),
    [
        ("one\n", "P", "\ntwo", "one\ntwo"),
        ("one\n\n", "P", "\n\ntwo", "one\n\ntwo"),
        ("one\n\n", "P", "\ntwo", "one\n\ntwo"),
        ("one\n", "P", "\n\ntwo", "one\n\ntwo"),
        ("def f():\n    ", "P", "\n    return 1", "def f():\n    return 1"),
        ("One. ", "P", " Two.", "One. Two."),
        ("One. ", "P", "\nTwo.", "One.\nTwo."),
        ("One.\n  ", "P", " Two.", "One.\n  Two."),
        ("", "P", "\n\ntwo", "two"),
        ("one\n\n", "P", "\n", "one\n"),
        ("一。", "P", "二。", "一。二。"),
        ("一。\u3000", "P", "\u3000二。", "一。\u3000二。"),
    ],
)
def test_what_is_left_is_parted_as_before(tmp_path, before, passage, after, left):
    passage = english(5).replace("\n", " ")
    documents = [Document("a", passage), Document("b", before + passage + after)]
    config = NONE.model_copy(update={"substrings": True, "min_left_chars": 0})
    config = config.model_copy(update={"substring_cut_at": "exact"})
    spans = find(tmp_path, [documents], config)
    assert texts_after(documents, spans, config)["b"] == left


def test_cuts_are_recorded_beside_earlier_edits(tmp_path):
    passage = english(1)
    original = f"\ufeffKopf: eins und zwei.\n\n{passage}\n\nFuß."
    text = original.removeprefix("\ufeff")
    rows = [
        {"doc_id": "a", "text": passage, "edits": [], "origins": []},
        {
            "doc_id": "b",
            "text": text,
            "edits": [Edit("strip_bom", 0, 3, "")._asdict()],
            "origins": [
                {"start_byte": 0, "end_byte": len(text.encode()), "page": 1, "box": None},
            ],
        },
    ]
    documents = [Document(row["doc_id"], row["text"]) for row in rows]
    spans = find(tmp_path, [documents], PassagesConfig())
    [_, after] = cut_spans(as_table(rows), spans, PassagesConfig()).documents.to_pylist()
    assert after["text"] == "Kopf: eins und zwei.\n\nFuß."
    raw = original.encode()
    for edit in reversed(after["edits"]):
        raw = raw[: edit["start_byte"]] + edit["replacement"].encode() + raw[edit["end_byte"] :]
    assert raw.decode() == after["text"]
    assert [edit["edit"] for edit in after["edits"]] == ["strip_bom", "dedup_paragraph"]
    assert after["origins"][0]["end_byte"] == len(after["text"].encode())


def test_what_no_one_would_call_a_copy_stays(tmp_path):
    text = "Introduction\n\n}\n1.1.1.1\n1.1.1.1\n......\n[1] See.\n[1]\nIntroduction\n\nNotes\n"
    documents = [Document("a", text), Document("b", text)]
    config = ALL.model_copy(
        update={"paragraph_min_chars": 100, "line_min_chars": 30, "substring_units": 80}
    )
    kept = texts_after(documents, find(tmp_path, [documents], config), config)
    assert kept == {"a": text, "b": text}


def test_folded_units_meet_across_case_and_width(tmp_path):
    line = "All Rights Reserved — by the authors of this text"
    documents = [Document("a", f"One.\n{line}"), Document("b", f"Two.\n{line.upper()}!")]
    config = NONE.model_copy(update={"lines": True, "line_min_documents": 2, "min_left_chars": 0})
    assert find(tmp_path / "1", [documents], config).num_rows == 0
    folded = config.model_copy(update={"fold": True})
    assert find(tmp_path / "2", [documents], folded).num_rows == 1


def test_bad_input_is_named(tmp_path):
    twice = [Document("a", "x"), Document("a", "y")]
    with pytest.raises(DataError, match="both called a"):
        find(tmp_path / "1", [twice], ALL)
    spans = find(tmp_path / "2", [[Document("a", english(1)), Document("b", english(1))]], ALL)
    with pytest.raises(DataError, match="document b, which is not in its shard"):
        cut_spans(as_table([{"doc_id": "a", "text": english(1)}]), spans, ALL)
    rows = [{"doc_id": name, "text": "short"} for name in "ab"]
    with pytest.raises(DataError, match="outside of the text"):
        cut_spans(as_table(rows), spans, ALL)


def test_words_are_cut_with_the_white_space_behind_them():
    assert units_of(" a b\n中文 c", "words") == [" ", "a ", "b\n", "中", "文 ", "c"]
