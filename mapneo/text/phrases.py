"""Words and phrases of a list, found in texts as whole words.

Both are compared folded: compatibility form and case, punctuation deleted, each run of white space
one space. A phrase is found where it begins with a word and ends with one, so that an entry inside
a longer word is none. Words are what stands between white space, or jieba's dictionary words; the
latter form a phrase without a space between them too, but not across a mark.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.buffers import StringView
from mapneo.text.dictionary import Dictionary, jieba_dictionary, no_dictionary
from mapneo.text.hashing import GOLDEN, append64, find_slot, mix64, table_size
from mapneo.text.kernel import kernel
from mapneo.text.segment import segment_words
from mapneo.text.unicode import SPACE, FoldTable, full_fold
from mapneo.text.utf8 import decode_utf8

MAX_PHRASE_CHARS = 256
"""A longer entry is refused: each word is the start of a look-up of that many characters."""

HITS, WORDS = 0, 1
"""Columns of `count_phrases`."""

_STARTS, _ENDS, _BREAKS = 1, 2, 4
_BLANK = 32


class Phrases(NamedTuple):
    """A list, ready for texts.

    Attributes:
        hashes: uint64, an open-addressing table of folded entries; 0 = empty.
        longest_chars: characters of the longest folded entry.
        by_dictionary: whether words are jieba's instead of what stands between white space.
    """

    hashes: npt.NDArray[np.uint64]
    longest_chars: int
    by_dictionary: bool


NO_PHRASES = Phrases(np.zeros(16, dtype=np.uint64), 0, False)
"""The empty list, which finds nothing."""


def fold_lengths(entries: Iterable[str]) -> list[int]:
    """How many characters folding leaves of each entry."""
    return [int(_fold_entry(_code_points(entry), full_fold())[1]) for entry in entries]


def phrase_list(entries: Iterable[str], *, by_dictionary: bool) -> Phrases:
    """Prepare a list; entries of which folding leaves nothing are never found.

    Raises:
        ValueError: an entry has more than `MAX_PHRASE_CHARS` characters.
        InputError: dictionary words are asked for and the package jieba is not installed.
    """
    folded = [_fold_entry(_code_points(entry), full_fold()) for entry in entries]
    hashes = [np.uint64(hash64) for hash64, chars in folded if chars]
    longest = max((int(chars) for _, chars in folded), default=0)
    if longest > MAX_PHRASE_CHARS:
        raise ValueError(f"an entry has {longest} characters, at most {MAX_PHRASE_CHARS} may be")
    table = np.zeros(table_size(2 * len(hashes)), dtype=np.uint64)
    for value in hashes:
        table[find_slot(table, table.size - 1, value)] = value
    table.setflags(write=False)
    if by_dictionary:
        jieba_dictionary()
    return Phrases(table, longest, by_dictionary)


def count_phrases(view: StringView, phrases: Phrases) -> npt.NDArray[np.int64]:
    """Entries that occur in each text, every occurrence counted, and words in all.

    Args:
        view: the texts; a null text counts as an empty one.
        phrases: the list.

    Returns:
        int64, shape (rows, 2), columns `HITS` and `WORDS`. A word of which folding leaves nothing
        is none.
    """
    counts = np.zeros((view.valid.size, 2), dtype=np.int64)
    dictionary = jieba_dictionary() if phrases.by_dictionary else no_dictionary()
    _count_rows(view.data, view.offsets, full_fold(), dictionary, phrases, counts)
    return counts


def _code_points(entry: str) -> npt.NDArray[np.int32]:
    return np.array([ord(char) for char in entry], dtype=np.int32)


@kernel
def _fold_entry(code_points: npt.NDArray[np.int32], fold: FoldTable) -> tuple[np.uint64, int]:
    """Hash and length of a folded entry."""
    state, chars, blank = GOLDEN, 0, False
    for code_point in code_points:
        state, chars, blank = _append(state, chars, blank, code_point, fold)
    return mix64(state) | np.uint64(1), chars


@kernel
def _append(
    state: np.uint64, chars: int, blank: bool, code_point: int, fold: FoldTable
) -> tuple[np.uint64, int, bool]:
    """Add a character to a folded phrase; `blank`: white space waits for what follows."""
    folded = fold.single[code_point]
    if folded == _BLANK or fold.flags[code_point] & SPACE:
        return state, chars, chars > 0
    if folded == 0:
        return state, chars, blank
    if blank:
        state = append64(state, np.uint64(_BLANK))
        chars += 1
    if folded > 0:
        return append64(state, np.uint64(folded)), chars + 1, False
    for index in range(1 - folded, 1 - folded + fold.expansions[-folded]):
        state = append64(state, np.uint64(fold.expansions[index]))
        chars += 1
    return state, chars, False


@kernel
def _count_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    fold: FoldTable,
    dictionary: Dictionary,
    phrases: Phrases,
    counts: npt.NDArray[np.int64],
) -> None:
    longest = 0
    for row in range(counts.shape[0]):
        longest = max(longest, offsets[row + 1] - offsets[row])
    all_points = np.empty(longest, dtype=np.int32)
    all_marks = np.empty(longest, dtype=np.uint8)
    ends = np.empty(longest if phrases.by_dictionary else 0, dtype=np.int32)
    for row in range(counts.shape[0]):
        chars = decode_utf8(data, offsets[row], offsets[row + 1], all_points)
        code_points, marks = all_points[:chars], all_marks[:chars]
        marks[:] = 0
        if phrases.by_dictionary:
            tokens = segment_words(code_points, dictionary, ends)
            _mark_tokens(code_points, ends[:tokens], fold, marks)
        else:
            _mark_spaced(code_points, fold, marks)
        for start in range(chars):
            if marks[start] & _STARTS:
                hits, is_word = _hits_from(code_points, marks, start, fold, phrases)
                counts[row, HITS] += hits
                counts[row, WORDS] += is_word


@kernel
def _mark_spaced(
    code_points: npt.NDArray[np.int32], fold: FoldTable, marks: npt.NDArray[np.uint8]
) -> None:
    """Mark first and last characters of what stands between white space."""
    before = True
    for position in range(code_points.size):
        is_space = fold.flags[code_points[position]] & SPACE != 0
        if before and not is_space:
            marks[position] |= _STARTS
        elif is_space and not before:
            marks[position - 1] |= _ENDS
        before = is_space
    if not before:
        marks[code_points.size - 1] |= _ENDS


@kernel
def _mark_tokens(
    code_points: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
    fold: FoldTable,
    marks: npt.NDArray[np.uint8],
) -> None:
    """Mark first and last characters of tokens; those without a letter or digit break phrases."""
    begin = 0
    for end in ends:
        if not fold.flags[code_points[begin]] & SPACE:
            is_nothing = True
            for position in range(begin, end):
                is_nothing &= fold.single[code_points[position]] == 0
            if is_nothing:
                marks[begin] |= _BREAKS
            else:
                marks[begin] |= _STARTS
                marks[end - 1] |= _ENDS
        begin = end


@kernel
def _hits_from(
    code_points: npt.NDArray[np.int32],
    marks: npt.NDArray[np.uint8],
    start: int,
    fold: FoldTable,
    phrases: Phrases,
) -> tuple[int, bool]:
    """Entries that begin with the word at `start`, and whether folding leaves a word there."""
    state, chars, blank = GOLDEN, 0, False
    hits, looked_up = 0, 0
    for position in range(start, code_points.size):
        if marks[position] & _BREAKS:
            return hits, True
        state, chars, blank = _append(state, chars, blank, code_points[position], fold)
        if chars > phrases.longest_chars:
            return hits, True
        if marks[position] & _ENDS:
            if chars == 0:
                return 0, False
            if chars > looked_up:  # a word of marks alone adds nothing
                key = mix64(state) | np.uint64(1)
                slot = find_slot(phrases.hashes, phrases.hashes.size - 1, key)
                hits += phrases.hashes[slot] == key
                looked_up = chars
    return hits, True
