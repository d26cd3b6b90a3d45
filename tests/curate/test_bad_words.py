"""The five rules that the user's lists drive, on documents worked by hand."""

import gzip
import math
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from mapneo.core.errors import ConfigError, InputError
from mapneo.curate import judge
from mapneo.curate.bad_words import BadWordList, load_bad_words, read_entries
from mapneo.curate.edits import edit_documents
from mapneo.curate.measure import measure_documents, signals_table
from mapneo.curate.rules import load_ruleset, measurements_of
from mapneo.curate.scores import ScoresConfig
from mapneo.curate.stage_judge import JudgeConfig
from mapneo.curate.stage_measure import MeasureConfig
from tests.curate.builders import curate, documents
from tests.curate.texts import english

# 12 words; entries: "slot" twice (once in capitals), the phrase once; "slots" is another word.
ENGLISH = "The SLOT by the “slot”, slots and timeslots: two bad words here."
LINES = "今天天气很好。\n他在赌场玩老虎机。\n\n北京大学生活动中心\n这里有AV女优。\n"
LINKS = (
    "See https://www.bet.com/play and www.bet.com, also http://notbet.com/x "
    "and http://fine.org/?u=bet.com plus http://pages.org/a/b, not http://pages.org/abc."
)


@pytest.fixture
def lists(tmp_path: Path) -> ScoresConfig:
    (tmp_path / "en.txt").write_text("# for texts\n\nslot\nbad words\n", encoding="utf-8-sig")
    (tmp_path / "zh.gz").write_bytes(gzip.compress("赌场\nav\n京大\n大学\n".encode()))
    (tmp_path / "ut1/gambling").mkdir(parents=True)
    (tmp_path / "ut1/gambling/domains").write_text("bet.com\n")
    (tmp_path / "ut1/gambling/urls").write_text("pages.org/a\nfine.com/x\n")
    return ScoresConfig.model_validate(
        {
            "bad_words": [
                {"path": tmp_path / "en.txt", "language": "en"},
                {"path": tmp_path / "zh.gz", "language": "zh"},
            ],
            "url_lists": [{"path": tmp_path / "ut1"}],
        }
    )


def scored(text: str, ruleset: str, scores: ScoresConfig | None, **fields: str) -> pa.Table:
    language = load_ruleset(ruleset).language
    row = {"doc_id": "d", "text": text, "language": language, "language_score": 1, **fields}
    return signals_table(documents([row]), measurements_of([ruleset]), scores=scores)[0]


@pytest.mark.parametrize(
    ("ruleset", "rule", "text", "value"),
    [
        ("matrix-en", "en_bad_word_token", ENGLISH, 1000 * 3 / 12),
        ("matrix-rpv2", "rp_bad_word_token", ENGLISH, 1000 * 3 / 12),
        ("matrix-rpv2", "rp_ldnoobw_words", ENGLISH, 3),
        ("matrix-en", "en_url_blacklist", LINKS, 3),  # bet.com twice, pages.org/a/b
    ],
)
def test_a_document_by_hand(lists, ruleset, rule, text, value):
    held = next(held for held in load_ruleset(ruleset).rules if held.id == rule)
    measured = scored(text, ruleset, lists)
    assert measured[held.signal].to_pylist() == [pytest.approx(value)]
    assert rule in judge(measured, [ruleset])["reported_rules"][0].as_py()
    clean = scored("A clean text with a link to http://fine.org and timeslots.", ruleset, lists)
    assert clean[held.signal].to_pylist() == [0]
    assert rule not in judge(clean, [ruleset])["reported_rules"][0].as_py()
    unmeasured = judge(scored(text, ruleset, None), [ruleset]).to_pylist()[0]
    assert held.signal in unmeasured["not_measured"]
    assert rule not in unmeasured["reported_rules"]


def test_they_only_report_until_they_are_told_to_drop(lists):
    for ruleset in ("matrix-en", "matrix-rpv2"):
        soft = {rule.id for rule in load_ruleset(ruleset).rules if rule.report_only}
        wanted = {"en_bad_word_token", "en_url_blacklist", "rp_bad_word_token", "rp_ldnoobw_words"}
        assert {rule.id for rule in load_ruleset(ruleset).rules} & wanted <= soft


def test_an_annotation_stands_before_the_count_of_our_list(lists):
    meta = '{"rps_doc_ldnoobw_words": [[0, 64, 7.0]]}'
    measured = scored(ENGLISH, "matrix-rpv2", lists, meta=meta)
    assert measured["block_list_count_words"].to_pylist() == [7]
    assert measured["bad_words_per_1000_words"].to_pylist() == [250]


def test_another_language_has_no_list(lists):
    measured = scored("Der slot.", "matrix-en", lists, language="de")
    assert measured["bad_words_per_1000_words"].to_pylist() == [None]
    none = signals_table(
        documents([{"doc_id": "d", "text": "…", "language": "en"}]), ("en:scores",), scores=lists
    )
    assert none[0]["bad_words_per_1000_words"].to_pylist() == [None]
    assert none[1] == {"bad_words_per_1000_words:no_word": 1, "url_list_hits:no_url": 1}


def test_lines_with_bad_chinese_words_go_and_their_spans_are_recorded(lists):
    table = documents([{"doc_id": "d", "text": LINES}, {"doc_id": "e", "text": "大学"}])
    edited = measure_documents(table, (), edits=("zh_line_bad_word",), scores=lists).documents
    # 北京大学生活动中心 holds 大学 and 京大, but not as words of its own.
    assert edited["text"].to_pylist() == ["今天天气很好。\n\n北京大学生活动中心\n", ""]
    start = len("今天天气很好。\n".encode())
    spans = [(e["edit"], e["start_byte"], e["end_byte"]) for e in edited["edits"][0].as_py()]
    assert spans == [
        ("zh_line_bad_word", start, start + len("他在赌场玩老虎机。\n".encode())),
        ("zh_line_bad_word", len(LINES.encode()) - len("这里有AV女优。\n".encode()),
         len(LINES.encode())),
    ]  # fmt: skip


def test_an_edit_without_its_list_is_refused(lists):
    with pytest.raises(ConfigError, match="needs a list of bad words for `zh`"):
        edit_documents(documents([{"doc_id": "d", "text": "x"}]), ["zh_line_bad_word"])
    with pytest.raises(ValidationError, match=r"measure\.scores\.bad_words"):
        MeasureConfig(edits=("zh_line_bad_word",))
    assert MeasureConfig(edits=("zh_line_bad_word",), scores=lists).edits == ("zh_line_bad_word",)


def test_released_profiles_read_the_same_files(lists):
    english = scored(ENGLISH, "matrix-released-en", lists)
    # Tokens as written: “slot” alone; the released list knows no phrases.
    assert english["released_en_bad_word_tokens"].to_pylist() == [1]
    url = "https://fine.com/xyz"  # begins with an entry, at no boundary
    chinese = scored("今天天气很好。", "matrix-released-zh", lists, url=url)
    assert chinese["released_zh_url_blacklist_hits"].to_pylist() == [1]
    without = scored(ENGLISH, "matrix-released-en", None)
    assert without["released_en_bad_word_tokens"].to_pylist() == [None]


def test_a_run_counts_what_the_lists_found(lists, tmp_path: Path):
    texts = ((ENGLISH + " ") * 9, LINES * 9, english(2, 20))
    rows = [{"doc_id": f"d{n}", "text": text} for n, text in enumerate(texts)]
    config = MeasureConfig(profiles=("matrix-en",), edits=("zh_line_bad_word",), scores=lists)
    run = curate(
        tmp_path / "run",
        {"s": documents(rows)},
        measure=config,
        judge=JudgeConfig(rulesets=("matrix-en",)),
    )
    signals = run.table("measure", "signals")
    assert signals["bad_words_per_1000_words"].to_pylist() == [250, None, 0]
    edits = run.manifests["measure"].facts["edits"]
    assert edits == [{"edit": "zh_line_bad_word", "documents": 1, "spans": 18}]


def test_list_files(tmp_path: Path):
    path = tmp_path / "list"
    path.write_bytes("\ufeff# note\r\n\r\nSlot \r\n bad words\n".encode())
    assert read_entries(path) == [(3, "Slot"), (4, "bad words")]
    for data, message in (
        (b"\xffx", r"list is not UTF-8 text \(byte 0\)"),
        (b"\x1f\x8bno", "can't read the list"),
        (b"# nothing\n", "holds no entry"),
        ("good\n—\n".encode(), "line 2: `—` leaves 0 characters"),
        (b"a" * 300, "line 1: `a{40}` leaves 300 characters"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            load_bad_words([BadWordList(path=path, language="en")])
    with pytest.raises(InputError, match="missing"):
        load_bad_words([BadWordList(path=tmp_path / "missing", language="en")])
    with pytest.raises(ValidationError, match="words of `ja` can't be told apart"):
        BadWordList(path=path, language="ja")


def test_lists_of_one_language_count_as_one(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"{name}{name}\n")
    listed = [BadWordList(path=tmp_path / name, language="en") for name in "ab"]
    row = {"doc_id": "d", "text": "aa bb cc dd", "language": "en"}
    scores = ScoresConfig(bad_words=tuple(listed))
    table = signals_table(documents([row]), ("en:scores",), scores=scores)[0]
    assert table["bad_words_per_1000_words"].to_pylist() == [500]
    assert math.isnan(float(table["url_list_hits"][0].as_py() or math.nan))
