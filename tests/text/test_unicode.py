import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.text import unicode
from mapneo.text.folding import character_units, composed_view, fold_room, fold_text, word_units
from mapneo.text.unicode import char_tables, fold_char, full_fold
from mapneo.text.utf8 import decode_utf8
from mapneo.text.words import fold_word
from tests.text import twins

EVERY = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]


def flagged(flag: int) -> set[str]:
    return {chr(c) for c in np.flatnonzero(char_tables().flags & flag)}


@pytest.mark.parametrize(
    ("flag", "test"),
    [
        (unicode.SPACE, str.isspace),
        (unicode.LETTER, str.isalpha),
        (unicode.DIGIT, str.isdigit),
        (unicode.ALNUM, str.isalnum),
        (unicode.UPPER, str.isupper),
        (unicode.PUNCTUATION, lambda c: unicodedata.category(c)[0] == "P" or c in "$+<=>^`|~"),
    ],
)
def test_flags_agree_with_python_on_every_character(flag, test):
    assert flagged(flag) == {c for c in EVERY if test(c)}


@pytest.mark.parametrize(("char", "flag"), [("汉", "HANS"), ("漢", "HANT"), ("们", "HANS")])
def test_characters_of_one_script_only_are_known(char, flag):
    assert char in flagged(getattr(unicode, flag))


def test_characters_of_both_scripts_belong_to_neither():
    assert not set("中文人大的一") & (flagged(unicode.HANS) | flagged(unicode.HANT))


def code_points(text: str) -> np.ndarray:
    return np.array([ord(c) for c in text], dtype=np.int32)


def folded(text: str) -> str:
    given = code_points(text)
    out = np.empty(fold_room(given, char_tables()), dtype=np.int32)
    return "".join(map(chr, out[: fold_text(given, char_tables(), out)]))


@settings(deadline=None)
@given(st.text())
def test_folding_equals_the_slow_twin(text: str):
    assert folded(text) == " ".join(twins.fold(text).split())


def test_no_character_folds_to_more_than_the_scratch_holds():
    assert max(len(fold_char(c)) / len(c.encode()) for c in EVERY) <= unicode.MAX_FOLDED_PER_BYTE


def test_folding_makes_width_case_and_punctuation_alike():
    assert folded("Ｆｕｌｌ　WIDTH， （１２３）!") == "full width 123"
    assert folded("ﬁne — Straße") == "fine strasse"
    assert folded("标点。符号！") == folded("标点，符号")


@settings(deadline=None)
@given(st.text())
def test_decoding_gives_back_every_text(text: str):
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    out = np.empty(data.size + 1, dtype=np.int32)
    assert "".join(map(chr, out[: decode_utf8(data, 0, data.size, out)])) == text


@settings(deadline=None)
@given(st.binary())
def test_decoding_any_bytes_stays_inside_the_buffer(raw: bytes):
    data = np.frombuffer(raw + b"\x80" * 4, dtype=np.uint8)
    out = np.full(len(raw) + 1, -1, dtype=np.int32)
    written = decode_utf8(data, 0, len(raw), out)
    assert written <= len(raw)
    assert out[written:].tolist() == [-1] * (len(out) - written)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["Word", "word,", "WORD!", "wörd", "汉字", "１", "1"]), min_size=2))
def test_words_hash_alike_exactly_if_they_fold_alike(words: list[str]):
    hashes = [fold_word(code_points(w), 0, len(w), full_fold()).hash for w in words]
    spelled = [twins.fold(w) for w in words]
    for a in range(len(words)):
        for b in range(a):
            assert (hashes[a] == hashes[b]) == (spelled[a] == spelled[b])


def test_word_units_cut_at_spaces_and_around_ideographs():
    out = np.empty(32, dtype=np.uint64)
    tables = char_tables()
    count = word_units(code_points("use linux内核 now"), tables, out)
    assert count == 5
    assert len(set(out[:5].tolist())) == 5
    assert word_units(code_points("内核"), tables, np.empty(4, np.uint64)) == 2


def test_character_units_are_equal_for_equal_characters():
    out = np.empty(3, dtype=np.uint64)
    assert character_units(code_points("aba"), out) == 3
    assert out[0] == out[2] != out[1]


def test_fold_char_keeps_letters_of_other_scripts():
    assert [fold_char(c) for c in "Жéアﾊ的"] == ["ж", "é", "ア", "ハ", "的"]


@settings(deadline=None)
@given(st.lists(st.text(), max_size=4))
def test_only_rows_with_combining_marks_are_composed(rows: list[str]):
    view = composed_view(pa.array(rows, pa.string()), char_tables())
    limits = view.offsets.tolist()
    texts = [bytes(view.data[a:b]).decode() for a, b in zip(limits, limits[1:], strict=False)]
    marked = [any(unicodedata.combining(c) for c in row) for row in rows]
    wanted = [
        unicodedata.normalize("NFC", r) if m else r for r, m in zip(rows, marked, strict=True)
    ]
    assert texts == wanted
