"""Every bad input has an outcome: kept, dropped by a rule, or an error that names the document."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import mapneo.curate
from mapneo.core.errors import DataError
from mapneo.curate import dedup, judge, measure
from mapneo.curate.edits import CHAINS
from mapneo.curate.measure import signals_table
from mapneo.curate.rules import load_ruleset, measurements_of, ruleset_names
from mapneo.curate.signal_list import SPLITTERS
from mapneo.sources.documents import RawFile, ReadOptions
from mapneo.sources.jsonl import read_jsonl
from tests.curate.builders import curate, documents
from tests.curate.texts import english

LANGUAGES = ("en", "zh", "code")

TEXTS = {
    "empty": "",
    "blank": " \n\t\u3000\n",
    "one character": "x",
    "nul": "\x00" * 300,
    "nul between words": "the\x00of\x00and " * 100,
    "controls and foreign newlines": "a\x07b\r\nc\u2028d\x85" * 100,
    "lone surrogates": "the \ud800 of \udfff and " * 50,
    "replacement characters": "\ufffd" * 300,
    "digits": "0123456789" * 100,
    "wide digits": "０１２３ " * 100,
    "emoji": "😀👩\u200d👩\u200d👧🏳️\u200d🌈" * 100,
    "right to left": "\u202eשלום עולם مرحبا بالعالم\u202c " * 60,
    "combining marks": "e" + "\u0301" * 5000,
    "letters that fold to eighteen": "\ufdfa" * 300,
    "private use and unassigned": "\ue000\U000f0000\U0010ffff\u0378" * 80,
    "unclosed brackets": "【" * 500 + "】" * 500,
    "dots": "." * 1000,
    "markers": "- * + 1. 12) • … # { } 【 】 lorem ipsum read more\n" * 20,
}

LARGE = {
    "a line of 8 MB without a space": "x" * (8 << 20),
    "a million lines of one character": "a\n" * 1_000_000,
    "a million empty lines": "\n" * 1_000_000,
    "a line of many words": "a b " * 100_000,
}


def not_utf8(texts: list[bytes]) -> pa.Array:
    """A string column of any bytes, as a foreign writer may leave it."""
    offsets = np.cumsum([0, *map(len, texts)]).astype("i4")
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def profiles_of(language: str) -> list[str]:
    return [name for name in ruleset_names() if load_ruleset(name).language == language]


def every_measurement(language: str) -> tuple[str, ...]:
    """Every chain under every splitter, and what the profiles of the language need."""
    counted = {f"{language}:{chain}" for chain in CHAINS}
    counted |= {f"{language}:{chain}+{splitter}" for chain in CHAINS for splitter in SPLITTERS}
    return tuple(sorted({*counted, *measurements_of(profiles_of(language))}))


def assert_outcomes(row: dict) -> None:
    assert row["verdict"] in ("keep", "dropped")
    assert (row["rule"] is None) == (row["verdict"] == "keep")


@pytest.mark.parametrize("language", LANGUAGES)
def test_odd_texts_get_a_verdict_from_every_profile_under_every_splitter(language):
    given = [
        {"doc_id": name, "text": text.encode("utf-8", "replace").decode(), "language": language}
        for name, text in TEXTS.items()
    ]
    signals, _ = signals_table(documents(given), every_measurement(language))
    assert signals["doc_id"].to_pylist() == list(TEXTS)
    for column in signals.schema:
        # The released code divides by 0, and so do its measures as shipped.
        if pa.types.is_floating(column.type) and not column.name.startswith("released_"):
            assert np.isfinite(signals[column.name].drop_null().to_numpy()).all(), column.name
    for name in profiles_of(language):
        for row in judge(signals, [name]).to_pylist():
            assert_outcomes(row)
            assert row["rule"] != "language_not_wanted"


def test_odd_texts_go_the_whole_way_of_the_library():
    signals = measure(list(TEXTS.values()), ruleset_names())
    for name in ruleset_names():
        rows = judge(signals, [name]).to_pylist()
        assert len(rows) == len(TEXTS)
        for row in rows:
            assert_outcomes(row)


@pytest.mark.parametrize("name", LARGE)
def test_large_texts_are_measured_under_every_splitter(name):
    given = documents([{"doc_id": name, "text": LARGE[name], "language": "en"}])
    measurements = tuple(f"en:keep+{splitter}" for splitter in SPLITTERS)
    row = signals_table(given, measurements)[0].to_pylist()[0]
    assert row["chars"] == len(LARGE[name])
    assert judge(measure([LARGE[name]]))["verdict"].to_pylist() == ["dropped"]


def test_escaped_lone_surrogates_of_a_row_file_are_measured(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"text": "the \ud800 of \udc00 and " * 40}) + "\n")
    raw = RawFile(path=file, relative=file.name)
    texts = [item.text for item in read_jsonl(raw, ReadOptions())]
    assert len(texts) == 1
    assert judge(measure(texts))["rule"].to_pylist()[0] is not None


NO_UTF8 = {
    "stray bytes": b"ok \xff\xfe",
    "cut short": "中文".encode()[:-1],
    "an encoded surrogate": b"the \xed\xa0\x80 of",
    "overlong": b"the \xc0\x80 of",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "with a control character, which edits look for": b"\x00\xff\r\n",
}


@pytest.mark.parametrize("name", NO_UTF8)
@pytest.mark.parametrize("function", [measure, dedup])
def test_bytes_that_are_not_utf8_are_an_error_with_the_doc_id(name, function):
    broken = not_utf8([b"fine", NO_UTF8[name]])
    for column in (broken, broken.cast(pa.binary())):
        table = pa.table({"doc_id": ["good", "bad"], "text": column})
        with pytest.raises(DataError, match=r"text of row 1 \(doc_id 'bad'\) is not valid UTF-8"):
            function(table)


def test_a_doc_id_that_is_not_utf8_is_an_error_with_its_row():
    table = pa.table({"doc_id": not_utf8([b"a", b"\xff"]), "text": ["x", "y"]})
    with pytest.raises(DataError, match="doc_id of row 1 is not valid UTF-8"):
        measure(table)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["A b c", "d"], pa.large_string()),
        pa.array(["A b c", "d"], pa.string_view()),
        pa.array(["A b c", "d"]).dictionary_encode(),
        pa.array([b"A b c", b"d"]),
        pa.array([b"A b c", b"d"], pa.large_binary()),
        pa.chunked_array([["A b c"], ["d"]]),
        pa.chunked_array([pa.array(["A b c"]), pa.array([], pa.string()), pa.array(["d"])]),
        pa.array(["no", "A b c", "d", "no"]).slice(1, 2),
    ],
    ids=lambda column: str(column.type),
)
def test_every_way_to_hold_strings_gives_the_same(column):
    expected = measure(["A b c", "d"], ["tiny-en", "gopher"])
    assert measure(pa.table({"text": column}), ["tiny-en", "gopher"]).equals(expected)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"text": [1, 2]}, "column 'text' holds int64, expected strings"),
        ({"text": [1.5]}, "holds double"),
        ({"text": [True]}, "holds bool"),
        ({"text": [["a"], ["b"]]}, "holds list<item: string>"),
        ({"text": [{"a": "b"}]}, "holds struct<a: string>"),
        ({"text": pa.array([1, 2]).dictionary_encode()}, "holds dictionary<values=int64"),
        ({"text": ["a", None]}, r"text of row 1 \(doc_id 'memory/1'\) is null"),
        ({"text": pa.nulls(2)}, "text of row 0 .* is null"),
        ({"text": ["a"], "doc_id": pa.nulls(1, pa.string())}, "doc_id of row 0 is null"),
        ({"text": ["a"], "category": pa.nulls(1)}, "category of row 0 .* is null"),
        ({"text": ["a"], "origins": [1]}, "column 'origins' can't be read"),
        ({"text": ["a"], "doc_id": [["a"]]}, "column 'doc_id' can't be read as string"),
        ({"content": ["a"]}, "no column `text`, only content"),
        ({}, "no column `text`"),
    ],
)  # fmt: skip
def test_a_table_that_holds_no_texts_is_refused_with_the_reason(table, message):
    with pytest.raises(DataError, match=message):
        measure(pa.table(table))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "put it into a list"),
        (["a", 3], "text 1 is of type int, expected str"),
        ([b"a"], "text 0 is of type bytes"),
        (["a", None], r"row 1 \(doc_id 'memory/1'\) is null"),
    ],
)
def test_texts_that_are_none_are_refused(texts, message):
    with pytest.raises(DataError, match=message):
        measure(texts)


def test_two_columns_of_one_name_are_refused():
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pytest.raises(DataError, match="two columns `text`"):
        measure(table)


def test_no_texts_give_no_rows():
    for given in (
        [],
        pa.table({"text": pa.array([], pa.string())}),
        pa.table({"text": pa.nulls(0)}),
    ):
        assert judge(measure(given)).num_rows == 0


def test_a_doc_id_of_another_type_becomes_a_string():
    assert measure(pa.table({"doc_id": [7], "text": ["a"]}))["doc_id"].to_pylist() == ["7"]


def test_in_the_stages_each_document_is_kept_dropped_or_an_error_row(tmp_path: Path):
    texts = [english(3, 16).encode(), b"\xff\xfe not UTF-8", b"", *map(_encoded, TEXTS.values())]
    given = documents([{"doc_id": f"d{n:02d}", "text": ""} for n in range(len(texts) + 1)])
    column = not_utf8([*texts, b""])
    missing = pa.array([None], pa.string())
    field = given.schema.field("text").with_nullable(True)
    text = pa.chunked_array([column.slice(0, len(texts)), missing])
    given = given.set_column(given.schema.get_field_index("text"), field, text)
    run = curate(tmp_path / "run", {"s-00": given})
    errors = {row["doc_id"]: row["kind"] for row in run.table("measure", "errors").to_pylist()}
    assert errors == {"d01": "undecodable", f"d{len(texts):02d}": "null_text"}
    assert run.manifests["measure"].counts.errors == {"undecodable": 1, "null_text": 1}
    verdicts = run.table("judge", "verdicts").to_pylist()
    assert len(verdicts) == len(texts) - 1
    assert [row["doc_id"] for row in verdicts if row["verdict"] == "keep"] == ["d00"]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def test_the_functions_of_the_library_stay_functions_when_the_stages_are_imported():
    # A module `mapneo.curate.dedup` would take the function's place on its first import.
    assert "mapneo.curate.stage_dedup" in sys.modules
    assert all(callable(getattr(mapneo.curate, name)) for name in mapneo.curate.__all__)
