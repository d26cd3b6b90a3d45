import re
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mapneo.text.buffers import from_texts, string_view
from mapneo.text.c4 import C4_COLUMNS, c4_line_table, count_c4
from tests.text.twins import sentence_count

CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies")
PIECES = [
    " ", "\n", "\n", "\r\n", "\x0b", "\x85", "\u2028", "\x1f", "a b c", "One two three.", "!", "?",
    '"', "'", "...", ". ", ".", "[1]", "[]", "[٣]", "[²]", "[edit]", "[citation needed]", "[[2]",
    "[citation", "JavaScript", "java[3]script", "Lorem Ipsum", "lorem[4] ipsum", "{", "}",
    "terms of use", "Coo\u212aie policy", "use cooKies", "uses cookies", "x" * 1000, "y", "中文。",
    "lorem İpsum", "privacy policy", "use of cookies", "\u3000", "lor", "em ipsum",
]  # fmt: skip
texts = st.one_of(st.text(max_size=50), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


def slow_c4(text: str) -> tuple[dict[str, float], list[str]]:
    """Facts and kept lines, from C4's definition."""
    facts = dict.fromkeys(C4_COLUMNS._fields, 0)
    kept = []
    dropped = False
    for line in map(str.strip, text.splitlines()):
        facts["lines"] += 1
        words = line.split()
        line = CITATION.sub("", line)
        lower = line.lower()
        if any(len(word) > 1000 for word in words):
            facts["too_long_word_lines"] += 1
            continue
        if not line.endswith((".", "?", "!", '"', "'")) or line.endswith("..."):
            facts["no_closing_mark_lines"] += 1
            continue
        if len(words) < 3:
            facts["few_words_lines"] += 1
            continue
        if "lorem ipsum" in lower and not dropped:
            facts["lorem_ipsum_first"] = 1
            dropped = True
        if "javascript" in lower:
            facts["javascript_lines"] += 1
            continue
        if "{" in line:
            facts["curly_bracket"] = 1
            dropped = True
        if any(phrase in lower for phrase in (*POLICY, "use cookies")):
            facts["policy_lines"] += 1
            continue
        facts["kept_lines"] += 1
        facts["sentences"] += sentence_count(line)
        kept.append(line)
    return facts, kept


def facts_of(text: str) -> dict[str, float]:
    row = count_c4(string_view(from_texts([text])))[0]
    return dict(zip(C4_COLUMNS._fields, row.tolist(), strict=True))


def kept_lines(text: str) -> list[str]:
    lines, citations = c4_line_table(text)
    gone = {position for start, end in citations for position in range(start, end)}
    return ["".join(text[p] for p in range(*line) if p not in gone) for line in lines]


@settings(max_examples=300, deadline=None)
@given(texts)
@example("One two lorem ipsum javascript {.\nOne two {.")
@example("One two {.\nOne two lorem ipsum.")
@example("a b " + "x" * 1001 + ".\n" + "a b " + "x" * 1000 + ".")
def test_facts_and_lines_equal_the_slow_twin(text: str):
    assert facts_of(text) == slow_c4(text)[0]
    assert kept_lines(text) == slow_c4(text)[1]


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("One two three", "no_closing_mark_lines"),
        ("One two three...", "no_closing_mark_lines"),
        ("One two three. [1] ", "no_closing_mark_lines"),
        ("One two three.[1]", "kept_lines"),
        ("[1] [2] ok.", "kept_lines"),
        ("Two words.", "few_words_lines"),
        ("Please enable JAVA[1]SCRIPT now.", "javascript_lines"),
        ("We use coo\u212aies here.", "policy_lines"),
        ("One " + "x" * 1001 + " two.", "too_long_word_lines"),
    ],
)
def test_what_becomes_of_a_line(line: str, fact: str):
    facts = facts_of(line)
    assert facts["lines"] == 1
    assert facts[fact] == 1


def test_no_other_character_becomes_part_of_a_phrase_in_lower_case():
    lowered = {
        chr(code): chr(code).lower()
        for code in range(0x80, sys.maxunicode + 1)
        if any(char < "\x80" for char in chr(code).lower())
    }
    assert lowered == {"\u212a": "k", "\u0130": "i\u0307"}


def test_a_batch_gives_each_row_what_it_gives_alone_and_nulls_count_as_empty():
    batch = ["One two three.\n", None, "Use of cookies, all of you.", "lorem ipsum dolor sit."]
    together = count_c4(string_view(from_texts(batch)))
    alone = [list(facts_of(text or "").values()) for text in batch]
    np.testing.assert_array_equal(together, np.array(alone))


def test_work_on_one_endless_line_is_linear():
    # Quadratic work on a million brackets would not end within hours.
    assert facts_of("[" * 1_000_000)["too_long_word_lines"] == 1
    assert facts_of("use coo" * 200_000)["no_closing_mark_lines"] == 1
    assert facts_of("[1" * 500_000)["lines"] == 1
