import math
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mapneo.core.errors import DataError
from mapneo.text.buffers import from_texts, string_view
from mapneo.text.counts import (
    CHARACTERS,
    DICTIONARY,
    FOLDED,
    NORMALISED,
    SPACE_WORDS,
    TEXT,
    UNITS,
)
from mapneo.text.walk import count_text, count_units, lexicon
from tests.text import twins

STOP_WORDS = ["the", "of", "and", "to", "café"]
PHRASES = ("read more", "更多", "展开")
SPLITTERS = (FOLDED, CHARACTERS, SPACE_WORDS, NORMALISED, DICTIONARY)
LEXICONS = {splitter: lexicon(splitter, STOP_WORDS) for splitter in SPLITTERS}

# Pieces that rules look for, so that random texts hit them.
PIECES = [
    " ", "\n", "\n\n", "\t", "the", "The", "OF", "and", "word", "HTTP", "a", "I", "...", "..",
    "…", "。", "！", "?", ". ", "“No!” ", "#", "##", "{", "}", "- ", "* ", "1. ", "23) ", "•", "–",
    "【", "】", "【推广】", "read more", "Read More »\n", "spread more\n", "更多\n", "展开>>\n",
    "lorem ipsum", "Lorem Ipsum", "12", "３", "中文", "汉字", "漢字", "ﬁ", "é", "e\u0301", "ǅ", "ª",
    "\u3000", "\u00a0", "\u200b", "😀", "\ufffd", "ß", "Ⅷ", "½", "same line\n", "\x1f", "\u2028",
]  # fmt: skip
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=60).map("".join))


def counts_of(text: str, splitter: int) -> dict[str, float]:
    view = string_view(from_texts([text]))
    row = count_text(view, PHRASES)[0].tolist()
    units = count_units(view, LEXICONS[splitter])[0].tolist()
    return dict(zip((*TEXT._fields, *UNITS._fields), row + units, strict=True))


def expected(text: str, splitter: int) -> dict[str, float]:
    counts = twins.character_counts(text) | twins.line_counts(text, list(PHRASES))
    counts |= twins.passage_counts(text)
    counts |= twins.unit_counts(twins.units(text, splitter))
    words = twins.word_counts(text, FOLDED if splitter == CHARACTERS else splitter, STOP_WORDS)
    return counts | (dict.fromkeys(words, math.nan) if splitter == CHARACTERS else words)


def assert_same(text: str, splitter: int) -> None:
    got, wanted = counts_of(text, splitter), expected(text, splitter)
    unmade = {"simplified", "traditional", "latin"}
    assert got.keys() - wanted.keys() == unmade
    for name, value in wanted.items():
        assert got[name] == pytest.approx(value, nan_ok=True, rel=1e-9), (name, text)


@pytest.mark.parametrize("splitter", SPLITTERS)
@settings(max_examples=120, deadline=None)
@given(text=texts)
@example(text="")
@example(text="。\n\n!")
@example(text="a. b.) c.\n\nd")
def test_counts_equal_the_slow_twin(splitter: int, text: str):
    assert_same(text, splitter)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=120), st.booleans())
def test_repetition_of_few_units_equals_the_slow_twin(letters: list[str], spaced: bool):
    assert_same((" " if spaced else "").join(letters), FOLDED if spaced else CHARACTERS)


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_batch_gives_each_row_what_it_gives_alone(splitter: int):
    batch = ["The end of it.", "", "中文。更多\n", "x" * 500, "a b a b a b", "the the"]
    view = string_view(from_texts(batch))
    together = [count_text(view, PHRASES), count_units(view, LEXICONS[splitter])]
    alone = [list(counts_of(text, splitter).values()) for text in batch]
    np.testing.assert_array_equal(np.hstack(together), np.array(alone))


def test_hand_worked_english_document():
    text = "The NASA of {old} 42!\n- item one...\n\nRead more >>"
    got = counts_of(text, FOLDED)
    # words: the nasa of old 42 item one read more
    assert got["words"] == 9
    assert got["raw_words"] == 11
    assert got["no_letter_raw_words"] == 3
    assert got["all_caps_raw_words"] == 1
    assert got["digit_words"] == 1
    assert got["distinct_stop_words"] == 2
    assert (got["lines"], got["bullet_lines"], got["ellipsis_lines"]) == (3, 1, 1)
    assert got["read_more_lines"] == 1
    assert got["sentences"] == 3
    assert got["curly_brackets"] == 2


def test_hand_worked_chinese_document():
    got = counts_of("【推广】汉字漢字，共４个。\n更多……", CHARACTERS)
    assert got["lenticular_chars"] == 2
    assert got["han"] == 10
    assert (got["simplified"], got["traditional"]) == (3, 1)
    assert got["digits"] == 1
    assert got["sentences"] == 2
    assert (got["read_more_lines"], got["ellipsis_lines"]) == (1, 1)
    # units: 推广汉字漢字共4个更多
    assert got["units"] == 11
    assert got["distinct_units"] == 10
    assert math.isnan(got["words"])


def test_most_frequent_bigram_counts_its_characters_times_its_occurrences():
    got = counts_of("new york is new york and new york", FOLDED)
    assert got["top_2gram_chars"] == 3 * len("newyork")


def test_a_pasted_paragraph_is_covered_by_repeated_ngrams():
    paragraph = "one two three four five six seven eight nine ten eleven twelve "
    got = counts_of(paragraph * 2, FOLDED)
    assert got["duplicate_10gram_chars"] == got["unit_chars"]
    assert counts_of(paragraph, FOLDED)["duplicate_5gram_chars"] == 0


@pytest.mark.parametrize(
    "text",
    ["", "\x00" * 50, "😀" * 100, "x" * 1_000_000, "a\n" * 1_000_000, "e" + "\u0301" * 10_000,
     "\u05d0\u05d1 \u202e" * 100, "9" * 1000],
    ids=["empty", "nul", "emoji", "one-line", "one-char-lines", "marks", "rtl", "digits"],
)  # fmt: skip
@pytest.mark.parametrize("splitter", SPLITTERS)
def test_odd_input_is_counted(text: str, splitter: int):
    got = counts_of(text, splitter)
    assert got["chars"] == len(text)
    assert got["lines"] == len([line for line in text.split("\n") if line.strip()])


def test_undecodable_bytes_become_replacement_characters():
    broken = b"ok \xff\xfe \xe4\xb8 \xc3"
    column = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, len(broken)], "i4")), pa.py_buffer(broken)]
    )
    got = count_text(string_view(column), PHRASES)[0]
    assert got[TEXT.replacement_chars] == 5
    assert got[TEXT.letters] == 2


def test_null_counts_as_empty_and_slices_start_where_they_should():
    column = pa.array(["zero", None, "two words", "three"])
    view = string_view(column.slice(1, 2))
    got = count_units(view, LEXICONS[FOLDED])
    assert got[:, UNITS.words].tolist() == [0, 2]
    assert view.valid.tolist() == [False, True]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_chunked_columns_and_both_string_types_are_the_same(kind: pa.DataType):
    column = pa.chunked_array([pa.array(["a b"], kind), pa.array(["c", None], kind)])
    got = count_units(string_view(column), LEXICONS[FOLDED])
    assert got[:, UNITS.words].tolist() == [2, 1, 0]


def test_a_column_that_holds_no_strings_is_named():
    with pytest.raises(DataError, match=re.escape("Column 'text' holds int64")):
        string_view(pa.array([1, 2]))


def test_lone_surrogates_become_replacement_characters():
    assert from_texts(["a\ud800b"]).to_pylist() == ["a\ufffdb"]
