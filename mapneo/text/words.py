"""White-space words and folded characters inside kernels: hashes, make-up, counts."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import UNITS
from mapneo.text.hashing import GOLDEN, append64, find_slot, mix64, table_size
from mapneo.text.kernel import kernel
from mapneo.text.unicode import (
    ALNUM,
    DIGIT,
    LETTER,
    NOT_UPPER,
    SPACE,
    SYMBOL,
    UPPER,
    FoldTable,
)

ALL_FLAGS = 0xFFFF
"""Every flag of a character."""

_UNDERSCORE = ord("_")
_SPARSE = 4  # few words are stop words: a look-up should end at an empty slot

MAX_UNITS = 1 << 20
"""Entropy and repetition look at this many units of a document at most (about 6 MB of English)."""


class Word(NamedTuple):
    """A word as texts are compared.

    Attributes:
        hash: 64-bit, never 0; equal for words that are compared as equal.
        chars: length; 0 if folding left nothing.
        any_flags: what is true of one of its characters at least (`mapneo.text.unicode`).
        all_flags: what is true of all.
    """

    hash: np.uint64
    chars: int
    any_flags: int
    all_flags: int


class StopWords(NamedTuple):
    """Stop words of one splitter.

    Attributes:
        hashes: uint64, an open-addressing table; 0 = empty.
        seen: bool, scratch: which of them occurred in the document.
    """

    hashes: npt.NDArray[np.uint64]
    seen: npt.NDArray[np.bool_]


class Units(NamedTuple):
    """Scratch for the units of one document: 64-bit hashes and lengths in characters."""

    hashes: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int32]


@kernel
def fold_word(code_points: npt.NDArray[np.int32], start: int, end: int, fold: FoldTable) -> Word:
    """Fold `code_points[start:end]` (no white space inside) and hash what is left."""
    state = GOLDEN
    chars = any_flags = 0
    all_flags = ALL_FLAGS
    for position in range(start, end):
        folded = fold.single[code_points[position]]
        if folded > 0:
            state = append64(state, np.uint64(folded))
            flag = int(fold.flags[folded])
            any_flags |= flag
            all_flags &= flag
            chars += 1
        elif folded < 0:
            for index in range(1 - folded, 1 - folded + fold.expansions[-folded]):
                code_point = fold.expansions[index]
                state = append64(state, np.uint64(code_point))
                flag = int(fold.flags[code_point])
                any_flags |= flag
                all_flags &= flag
                chars += 1
    return Word(mix64(state) | np.uint64(1), chars, any_flags, all_flags)


@kernel
def split_folded(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    fold: FoldTable,
    stops: StopWords,
    units: Units,
    row: npt.NDArray[np.float64],
) -> int:
    """Fill the word columns of `row` and the units with folded white-space words.

    Returns:
        How many units there are.
    """
    filled = begin = 0
    total = code_points.size
    single, folded_flags = fold.single, fold.flags
    while begin < total:
        if flags[begin] & SPACE:
            begin += 1
            continue
        # The word as it is written and, where a character becomes one at most, as it is folded.
        any_flags, all_flags = 0, ALL_FLAGS
        state = GOLDEN
        chars = any_folded = 0
        all_folded = ALL_FLAGS
        is_plain = True
        end = begin
        while end < total and not flags[end] & SPACE:
            any_flags |= int(flags[end])
            all_flags &= int(flags[end])
            folded = single[code_points[end]]
            if folded > 0:
                state = append64(state, np.uint64(folded))
                any_folded |= int(folded_flags[folded])
                all_folded &= int(folded_flags[folded])
                chars += 1
            is_plain &= folded >= 0
            end += 1
        word = Word(mix64(state) | np.uint64(1), chars, any_folded, all_folded)
        if not is_plain:
            word = fold_word(code_points, begin, end, fold)
        count_raw_word(any_flags, row)
        if word.chars:
            count_word(word, 0 if all_flags & SYMBOL else word.chars, row)
            find_stop_word(word.hash, stops, row)
            filled = add_unit(word.hash, word.chars, units, filled)
        begin = end
    return filled


@kernel
def split_written(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    ends: npt.NDArray[np.int32],
    stops: StopWords,
    units: Units,
    row: npt.NDArray[np.float64],
) -> int:
    """Fill the word columns of `row` and the units with words as they are written.

    `ends` are the ends of the words, ascending; empty: white space ends a word. White space is no
    part of a word.

    Returns:
        How many units there are.
    """
    filled = 0
    begin = token = 0
    total = code_points.size
    while begin < total:
        if flags[begin] & SPACE:
            begin += 1
            continue
        while token < ends.size and ends[token] <= begin:
            token += 1
        limit = total if token >= ends.size else ends[token]
        state = GOLDEN
        any_flags, all_flags = 0, ALL_FLAGS
        end = begin
        while end < limit and not flags[end] & SPACE:
            state = append64(state, np.uint64(code_points[end]))
            any_flags |= int(flags[end])
            all_flags &= int(flags[end])
            end += 1
        chars = end - begin
        word = Word(mix64(state) | np.uint64(1), chars, any_flags, all_flags)
        count_raw_word(any_flags, row)
        count_word(word, 0 if all_flags & SYMBOL else chars, row)
        find_stop_word(word.hash, stops, row)
        filled = add_unit(word.hash, chars, units, filled)
        begin = end
    return filled


@kernel
def count_punctuated_words(
    code_points: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16], row: npt.NDArray[np.float64]
) -> None:
    r"""Count raw words as `\w+|[^\w\s]+` finds them (NLTK's WordPunctTokenizer)."""
    begin = 0
    while begin < code_points.size:
        if flags[begin] & SPACE:
            begin += 1
            continue
        is_word = _is_word_character(code_points[begin], flags[begin])
        any_flags = int(flags[begin])
        end = begin + 1
        while (
            end < code_points.size
            and not flags[end] & SPACE
            and _is_word_character(code_points[end], flags[end]) == is_word
        ):
            any_flags |= int(flags[end])
            end += 1
        count_raw_word(any_flags, row)
        begin = end


@kernel
def _is_word_character(code_point: int, flag: int) -> bool:
    return flag & ALNUM != 0 or code_point == _UNDERSCORE


@kernel
def count_raw_word(any_flags: int, row: npt.NDArray[np.float64]) -> None:
    """Add a raw word to `row`, by what is true of one of its characters at least."""
    row[UNITS.raw_words] += 1
    row[UNITS.no_letter_raw_words] += any_flags & LETTER == 0
    row[UNITS.all_caps_raw_words] += any_flags & UPPER != 0 and any_flags & NOT_UPPER == 0


@kernel
def count_word(word: Word, nonsymbol_chars: int, row: npt.NDArray[np.float64]) -> None:
    """Add a word to `row`; `nonsymbol_chars` is its length, or 0 if it consists of marks."""
    row[UNITS.words] += 1
    row[UNITS.word_chars] += word.chars
    row[UNITS.letter_words] += word.any_flags & LETTER != 0
    row[UNITS.non_alphabetic_words] += word.all_flags & LETTER == 0
    row[UNITS.digit_words] += word.all_flags & DIGIT != 0
    row[UNITS.nonsymbol_words] += nonsymbol_chars > 0
    row[UNITS.nonsymbol_word_chars] += nonsymbol_chars


@kernel
def find_stop_word(hash64: np.uint64, stops: StopWords, row: npt.NDArray[np.float64]) -> None:
    """Count the word if it is a stop word."""
    found = find_slot(stops.hashes, stops.hashes.size - 1, hash64)
    if stops.hashes[found] == hash64:
        row[UNITS.stop_words] += 1
        row[UNITS.distinct_stop_words] += not stops.seen[found]
        stops.seen[found] = True


@kernel
def add_unit(hash64: np.uint64, chars: int, units: Units, filled: int) -> int:
    """Enter a unit if there is room. Returns how many there are."""
    if filled < units.hashes.size:
        units.hashes[filled] = hash64
        units.lengths[filled] = chars
        filled += 1
    return filled


@kernel
def split_characters(code_points: npt.NDArray[np.int32], fold: FoldTable, units: Units) -> int:
    """Fill the units with folded characters, without white space. Returns how many units."""
    filled = 0
    for code_point in code_points:
        folded = fold.single[code_point]
        if folded == 0 or folded == 32:
            continue
        first, last = np.int32(0), np.int32(1)
        if folded < 0:
            first = -folded + np.int32(1)
            last = first + fold.expansions[-folded]
        for index in range(first, last):
            if filled == units.hashes.size:
                return filled
            value = fold.expansions[index] if folded < 0 else folded
            units.hashes[filled] = mix64(np.uint64(value)) | np.uint64(1)
            units.lengths[filled] = 1
            filled += 1
    return filled


def folded_table(words: Sequence[str], fold: FoldTable) -> npt.NDArray[np.uint64]:
    """Hashes of single words, as `fold_word` gives them, in an open-addressing table."""
    return _table(fold_word(_code_points(word), 0, len(word), fold).hash for word in words)


def written_table(words: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Hashes of single words, as `split_written` gives them, in an open-addressing table."""
    return _table(written_hash(_code_points(word)) for word in words)


@kernel
def written_hash(code_points: npt.NDArray[np.int32]) -> np.uint64:
    """Hash of a word as it is written; never 0."""
    state = GOLDEN
    for code_point in code_points:
        state = append64(state, np.uint64(code_point))
    return mix64(state) | np.uint64(1)


def _code_points(word: str) -> npt.NDArray[np.int32]:
    return np.array([ord(char) for char in word], dtype=np.int32)


def _table(hashes: Iterable[np.uint64]) -> npt.NDArray[np.uint64]:
    entered = [np.uint64(value) for value in hashes]
    table = np.zeros(table_size(_SPARSE * len(entered)), dtype=np.uint64)
    for value in entered:
        table[find_slot(table, table.size - 1, value)] = value
    table.setflags(write=False)
    return table
