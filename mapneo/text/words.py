"""White-space words and folded characters inside kernels: hashes, make-up, counts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import COLUMNS
from mapneo.text.hashing import chain64, find_sorted, mix64
from mapneo.text.kernel import kernel
from mapneo.text.unicode import LETTER, NOT_UPPER, SPACE, UPPER, CharTables, char_tables

MAX_UNITS = 1 << 20
"""Entropy and repetition look at this many units of a document at most (about 6 MB of English)."""


class FoldedWord(NamedTuple):
    """A word as texts are compared.

    Attributes:
        hash: 64-bit, never 0; equal for words that fold alike.
        chars: length after folding; 0 if nothing is left.
        letters: how many characters of the folded word are letters.
        digits: how many are digits.
    """

    hash: np.uint64
    chars: int
    letters: int
    digits: int


class Units(NamedTuple):
    """Scratch for the units of one document: 64-bit hashes and lengths in characters."""

    hashes: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int32]


@kernel
def fold_word(
    code_points: npt.NDArray[np.int32], start: int, end: int, tables: CharTables
) -> FoldedWord:
    """Fold `code_points[start:end]` (no white space inside) and hash what is left."""
    state = np.uint64(0)
    chars = letters = digits = 0
    for position in range(start, end):
        folded = tables.fold[code_points[position]]
        if folded == 0:
            continue
        first, last = np.int32(0), np.int32(1)
        if folded < 0:
            first = -folded + np.int32(1)
            last = first + tables.expansions[-folded]
        for index in range(first, last):
            code_point = tables.expansions[index] if folded < 0 else folded
            state = chain64(state, np.uint64(code_point))
            chars += 1
            letters += (tables.flags[code_point] >> 1) & 1
            digits += (tables.flags[code_point] >> 2) & 1
    return FoldedWord(mix64(state) | np.uint64(1), chars, letters, digits)


@kernel
def split_words(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    tables: CharTables,
    stop_words: npt.NDArray[np.uint64],
    units: Units,
    row: npt.NDArray[np.float64],
) -> int:
    """Fill the word columns of `row` and the units of the document. Returns how many units."""
    stop_seen = np.zeros(stop_words.size, dtype=np.bool_)
    filled = 0
    begin = int(np.int64(0))  # a literal 0 would compile `fold_word` a second time
    total = code_points.size
    while begin < total:
        if flags[begin] & SPACE:
            begin += 1
            continue
        end = begin + 1
        while end < total and not flags[end] & SPACE:
            end += 1
        _count_raw_word(flags[begin:end], row)
        word = fold_word(code_points, begin, end, tables)
        begin = end
        if word.chars == 0:
            continue
        row[COLUMNS.words] += 1
        row[COLUMNS.word_chars] += word.chars
        row[COLUMNS.non_alphabetic_words] += word.letters < word.chars
        row[COLUMNS.digit_words] += word.digits == word.chars
        found = find_sorted(stop_words, word.hash)
        if found >= 0:
            row[COLUMNS.stop_words] += 1
            stop_seen[found] = True
        if filled < units.hashes.size:
            units.hashes[filled] = word.hash
            units.lengths[filled] = word.chars
            filled += 1
    for seen in stop_seen:
        row[COLUMNS.distinct_stop_words] += seen
    return filled


@kernel
def _count_raw_word(flags: npt.NDArray[np.uint16], row: npt.NDArray[np.float64]) -> None:
    together = np.uint16(0)
    for flag in flags:
        together |= flag
    row[COLUMNS.raw_words] += 1
    row[COLUMNS.no_letter_raw_words] += together & LETTER == 0
    row[COLUMNS.all_caps_raw_words] += together & UPPER != 0 and together & NOT_UPPER == 0


@kernel
def split_characters(code_points: npt.NDArray[np.int32], tables: CharTables, units: Units) -> int:
    """Fill the units with folded characters, without white space. Returns how many units."""
    filled = 0
    for code_point in code_points:
        folded = tables.fold[code_point]
        if folded == 0 or folded == 32:
            continue
        first, last = np.int32(0), np.int32(1)
        if folded < 0:
            first = -folded + np.int32(1)
            last = first + tables.expansions[-folded]
        for index in range(first, last):
            if filled == units.hashes.size:
                return filled
            value = tables.expansions[index] if folded < 0 else folded
            units.hashes[filled] = mix64(np.uint64(value)) | np.uint64(1)
            units.lengths[filled] = 1
            filled += 1
    return filled


def word_hashes(words: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Hashes of single words, as `fold_word` gives them, sorted for binary search."""
    tables = char_tables()
    hashes = [
        fold_word(np.array([ord(c) for c in word], dtype=np.int32), 0, len(word), tables).hash
        for word in words
    ]
    result = np.array(sorted(hashes), dtype=np.uint64)
    result.setflags(write=False)
    return result
