"""What the released Matrix filters get wrong, shown on them, and shown not to be so in ours."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mapneo.core.errors import DataError
from mapneo.curate import as_documents, judge, measure
from mapneo.curate.measure import measure_documents, signals_table
from mapneo.curate.released.lists import Lists
from mapneo.curate.released.signals import released_signals
from mapneo.curate.released_edits import released_text
from mapneo.curate.rules import load_ruleset, measurements_of
from mapneo.sources.documents import Broken, Extracted, RawFile, ReadOptions
from mapneo.sources.jsonl import read_jsonl
from tests.curate.builders import documents
from tests.curate.test_released import GERMAN, REPEATED, failed_by
from tests.curate.texts import chinese, english

RULESETS = {"en": ("tiny-en", "matrix-en"), "zh": ("tiny-zh", "matrix-zh")}
"""Rulesets with the intended meaning, by language: each must be free of every defect."""

EN, ZH = english(2, 20), chinese(2, 20)
SENTENCES = EN.split(". ")


def every(words: int, addition: str) -> str:
    """English prose with something after every so many words."""
    return re.sub(rf"((?:\S+\s+){{{words}}})", rf"\g<1>{addition} ", EN)


def measured(text: str, language: str, ruleset: str) -> pa.Table:
    """Signals of a text in `language`, whatever the language model says."""
    table = documents([{"doc_id": "d", "text": text, "language": language, "language_score": 1}])
    return signals_table(table, measurements_of([ruleset]))[0]


def bare(column: str) -> str:
    """Name of a signal without the edit chain and splitter it was measured under."""
    return column.split("@")[0]


def failed(text: str, language: str, ruleset: str) -> list[str]:
    verdict = judge(measured(text, language, ruleset), [ruleset]).to_pylist()[0]
    return list(verdict["failed_rules"])


def value(text: str, language: str, signal: str) -> float:
    table = measured(text, language, RULESETS[language][0])
    return float(
        next(table[name][0].as_py() for name in table.column_names if bare(name) == signal)
    )


def released_failed(text: str, language: str, lists: Lists | None = None) -> list[str]:
    row = pa.table({"text": [text], "url": [""], "meta": ["{}"]})
    columns = released_signals(language, row, lists or Lists())
    return failed_by(language, {name: values[0] for name, values in columns.items()})


def holders(cases: list[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """(ruleset, language, rule, text) for each of our rulesets that has the rule."""
    found = []
    for rule, text in cases:
        language = rule[:2]
        for ruleset in RULESETS[language]:
            if rule in [held.id for held in load_ruleset(ruleset).rules]:
                found.append((ruleset, language, rule, text))
    return found


# The released rule does not see what its name says, and ours does.
MISSED = [
    ("en_ellipsis_density_gopher", "\n".join(line + " ..." for line in SENTENCES)),
    ("en_ellipsis_density_own", every(3, "...")),
    ("en_no_alpha_word_density", every(1, "1 2")),
    ("en_hash_run_density", every(3, "#")),
    ("en_non_alpha_token_ratio", every(2, "item12abc")),
    ("en_digit_token_ratio", every(1, "12345678")),
    ("en_top_2gram_char_fraction", every(2, "thoroughly splendid")),
    ("en_top_3gram_char_fraction", every(2, "thoroughly splendid morning")),
    ("en_top_4gram_char_fraction", every(2, "thoroughly splendid morning bells")),
    *((f"en_dup_{n}gram_char_fraction", (english(8, 8) + "\n") * 5) for n in range(5, 11)),
    *((f"en_dup_{n}gram_char_fraction", REPEATED * 10 + english(5, 4)) for n in range(5, 11)),
    ("en_read_more_sentence_fraction", "\n".join(line + ". Read more." for line in SENTENCES)),
    ("en_read_more_sentence_fraction", "\n".join(line + ". Read more »" for line in SENTENCES)),
    ("en_read_more_sentence_fraction", "\n".join(s + "\nplease\nread more" for s in SENTENCES)),
    ("zh_sentence_count_min", "价格是3.5元"),
    ("zh_read_more_line_fraction", "\n".join(s + "，查看更多>>" for s in ZH.split("。"))),
    *((f"zh_top_{n}gram_char_fraction", "哈哈" * 200 + "。好。" + ZH[:100]) for n in (2, 3, 4)),
    *((f"zh_dup_{n}gram_char_fraction", chinese(4, 3) * 25) for n in range(5, 11)),
]  # fmt: skip

# The released rule drops what it should not, and ours does not.
HARMED = [
    ("en_mean_word_length", every(1, ", ; :")),
    ("en_non_alpha_token_ratio", every(1, ", ;")),
    ("zh_unique_char_fraction", chinese(2, 200)),
]


@pytest.mark.parametrize(("ruleset", "language", "rule", "text"), holders(MISSED))
def test_a_rule_sees_what_its_name_says(ruleset, language, rule, text):
    assert rule not in released_failed(text, language)
    assert rule in failed(text, language, ruleset)


@pytest.mark.parametrize(("rule", "text"), MISSED, ids=lambda value: str(value)[:40])
def test_the_released_rule_does_not_see_it(rule, text):
    assert rule not in released_failed(text, rule[:2])


@pytest.mark.parametrize(("rule", "text"), HARMED, ids=lambda value: str(value)[:40])
def test_the_released_rule_drops_what_it_should_not(rule, text):
    assert rule in released_failed(text, rule[:2])


@pytest.mark.parametrize(("ruleset", "language", "rule", "text"), holders(HARMED))
def test_a_rule_drops_nothing_else(ruleset, language, rule, text):
    assert rule not in failed(text, language, ruleset)


@pytest.mark.parametrize(
    ("signal", "text", "expected"),
    [
        # en 3: per line
        ("ellipsis_line_frac", "one ...\ntwo\nthree…\nfour", 2 / 4),
        # en 5: per word
        ("no_letter_word_frac", "one 2 -- four", 2 / 4),
        # en 22, 23 and rp 41, 42: lone marks count, once each, per word
        ("hash_runs_per_word", "# one ## two", 2 / 4),
        ("ellipsis_runs_per_word", "one… two…… three... four", 3 / 4),
        ("ellipsis_runs_per_word", ".. module:: ../x 0..10 and so on....", 1 / 7),
        # en 25, 26: words over words, punctuation is no word
        ("non_alphabetic_word_frac", "one, 2; three! - 4four.", 2 / 4),
        ("digit_word_frac", "one, 2; three! - 4four.", 1 / 4),
        ("mean_word_length_chars", "one , two ; six !", 3),
        # en 33–38: covered characters of word n-grams, each once
        ("dup_5gram_char_frac", "a b c d e. A b c d e! zz", 10 / 12),
        ("top_2gram_char_frac", "ab cd, ab cd, xx", 8 / 10),
        # "read more" with a dot, an arrow, after a line break
        ("read_more_line_frac", "Read more.\nread more →\nplease\nread more\nmore", 3 / 5),
    ],
)
def test_signals_have_the_unit_of_their_name(signal, text, expected):
    assert value(text, "en", signal) == pytest.approx(expected)


def test_the_chinese_unique_measure_does_not_fall_with_length():
    shares = [value(chinese(2, size), "zh", "unique_char_first_1000_frac") for size in (60, 600)]
    assert shares[0] == pytest.approx(shares[1], rel=0.01)
    assert shares[0] > 0.1


@pytest.mark.parametrize("ruleset", RULESETS["en"])
def test_another_language_is_not_english(ruleset):
    assert released_failed(GERMAN, "en") == []
    found = judge(measure([GERMAN], [ruleset]), [ruleset]).to_pylist()[0]
    assert (found["verdict"], found["rule"]) == ("dropped", "language_not_wanted")


@pytest.mark.parametrize("ruleset", RULESETS["zh"])
def test_another_language_is_not_chinese(ruleset):
    japanese = "これは日本語で書かれた文章です。町の図書館には古い本がたくさんあります。" * 4
    assert "zh_lang_score" not in released_failed(japanese, "zh")
    found = judge(measure([japanese], [ruleset]), [ruleset]).to_pylist()[0]
    assert found["rule"] == "language_not_wanted"


@pytest.mark.parametrize("ruleset", RULESETS["en"])
def test_one_word_of_a_list_for_addresses_drops_no_page(ruleset):
    text = EN + " The slot for a JS file in SM format."
    bad = Lists(bad_words=frozenset({"slot", "JS", "SM"}))
    assert released_failed(text, "en", bad) == ["en_bad_word_token"]
    assert failed(text, "en", ruleset) == []


def test_kept_text_keeps_its_punctuation_names_and_addresses():
    text = "他说：“你好，世界！”（见 main.py，10.0.0.1）。又见 org.apache.spark.sql；完。"
    assert released_text(text) != text
    kept = measure_documents(as_documents([text])).documents
    assert kept["text"].to_pylist() == [text]
    assert kept["edits"].to_pylist() == [[]]


def test_a_malformed_record_is_an_error_and_the_rest_is_read(tmp_path: Path):
    good = [json.dumps({"text": text}).encode() for text in (ZH, EN)]
    path = tmp_path / "pages.jsonl"
    path.write_bytes(
        b"\n".join([good[0], b'{"text": "cut', b'{"url": "x"}', b"[]", b"\xff", good[1]])
    )
    found = list(read_jsonl(RawFile(path=path, relative=path.name), ReadOptions()))
    assert [row.text for row in found if isinstance(row, Extracted)] == [ZH, EN]
    broken = [(row.row, row.kind) for row in found if isinstance(row, Broken)]
    assert broken == [(1, "bad_json"), (2, "no_text"), (3, "bad_row"), (4, "undecodable")]
    assert all(row.message for row in found if isinstance(row, Broken))


def test_a_missing_text_is_an_error_not_a_verdict():
    with pytest.raises(DataError, match="text of row 1 .* is null"):
        measure(pa.table({"text": ["some text", None]}))
    with pytest.raises(DataError, match="no column `text`"):
        measure(pa.table({"raw_content": ["some text"]}))


@pytest.mark.parametrize("language", sorted(RULESETS))
@pytest.mark.parametrize("text", ["", " ", "!!!", "……", "、、、\n", "\x00", "\u200b" * 80])
def test_what_can_not_be_computed_is_said_to_be_and_drops_nothing(text, language):
    for ruleset in RULESETS[language]:
        table = measured(text, language, ruleset)
        found = judge(table, [ruleset]).to_pylist()[0]
        empty = {name for name in table.column_names if table[name].null_count}
        rules = {rule.id: rule for rule in load_ruleset(ruleset).rules}
        unmeasured = {bare(name) for name in found["not_measured"]}
        assert set(found["not_measured"]) <= empty
        assert found["rule"] == found["failed_rules"][0]
        assert rules[found["rule"]].fails(np.array([found["value"]])).all()
        assert unmeasured.isdisjoint(rules[rule].signal for rule in found["failed_rules"])
