"""Words and phrases of a list, found as whole words."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.text.buffers import string_view
from mapneo.text.phrases import (
    MAX_PHRASE_CHARS,
    count_phrases,
    fold_lengths,
    phrase_list,
)
from mapneo.text.segment import cut
from tests.text.twins import fold

PIECES = (
    "slot", "SLOT", "slots", "ſlot", "Ｓlot", "a", "b", " ", "  ", "\n", "-", "。", "…", "a-b", "ß",
    "赌", "赌场", "老虎机", "大学", "京大", "北京", "生", "ﷺ", "\u200b",
)  # fmt: skip


def slow_counts(text: str, entries: list[str], *, by_dictionary: bool) -> list[int]:
    """Every stretch from the start of a word to the end of one, looked up after folding."""
    wanted = {" ".join(fold(entry).split()) for entry in entries} - {""}
    if by_dictionary:
        # Marks part stretches; white space parts words.
        runs, run = [], []
        for token in [*cut(text), "。"]:
            if token.isspace():
                run.append(" ")
            elif fold(token):
                run.append(fold(token))
            else:
                runs.append(run)
                run = []
        stretches = [[t for t in run if t.strip() or t == " "] for run in runs]
    else:
        stretches = [[t for w in text.split() if fold(w) for t in (fold(w), " ")]]
    hits = words = 0
    for stretch in stretches:
        for i, first in enumerate(stretch):
            if first == " ":
                continue
            words += 1
            for j in range(i, len(stretch)):
                if stretch[j] != " ":
                    hits += " ".join("".join(stretch[i : j + 1]).split()) in wanted
    return [hits, words]


def counted(texts: list[str], entries: list[str], *, by_dictionary: bool) -> list[list[int]]:
    listed = phrase_list(entries, by_dictionary=by_dictionary)
    return count_phrases(string_view(pa.array(texts, pa.string())), listed).tolist()


@pytest.mark.parametrize(
    ("text", "hits", "words"),
    [
        ("The SLOT is a slot: “slot”!", 3, 6),
        ("slots timeslot slot-car", 0, 3),
        ("2 Girls - 1\ncup, 2 girls", 1, 6),
        ("", 0, 0),
        ("- … -", 0, 0),
        ("ｓｌｏｔ ſlot", 2, 2),
    ],
)
def test_words_between_white_space(text, hits, words):
    entries = ["slot", "2 girls 1 cup"]
    assert counted([text], entries, by_dictionary=False) == [[hits, words]]


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("他在赌场玩老虎机", 2),
        ("北京大学生活动中心", 0),  # 京大 is no word, nor does it begin and end with one
        ("大学生", 0),  # one word of the dictionary, which begins with another
        ("赌场老虎机", 3),  # and the phrase of the two
        ("赌场。老虎机", 2),
        ("CASINO赌场", 2),
    ],
)
def test_words_of_the_dictionary(text, hits):
    entries = ["赌场", "老虎机", "赌场老虎机", "京大", "大学", "casino"]
    assert counted([text], entries, by_dictionary=True)[0][0] == hits


@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=10).map("".join), max_size=3),
    st.lists(st.lists(st.sampled_from(PIECES), max_size=3).map("".join), max_size=4),
    st.booleans(),
)
def test_counts_equal_the_slow_way(texts, entries, by_dictionary):
    entries = [entry for entry in entries if "。" not in entry]
    slow = [slow_counts(text, entries, by_dictionary=by_dictionary) for text in texts]
    assert counted(texts, entries, by_dictionary=by_dictionary) == slow


def test_an_empty_list_and_entries_of_nothing():
    assert counted(["a b"], [], by_dictionary=False) == [[0, 2]]
    assert counted(["- b"], ["-"], by_dictionary=False) == [[0, 1]]
    assert fold_lengths(["…", "A b", "ß"]) == [0, 3, 2]
    with pytest.raises(ValueError, match="an entry has 257 characters"):
        phrase_list(["a" * (MAX_PHRASE_CHARS + 1)], by_dictionary=False)
