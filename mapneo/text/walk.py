"""Two walks over a batch of documents that yield every raw count.

`count_text` gives what depends on the text alone, `count_units` what depends on how it is split
into words; several splitters share one `count_text`.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.buffers import StringView
from mapneo.text.characters import count_characters
from mapneo.text.counts import (
    ALL_FAMILIES,
    CHARACTERS,
    DICTIONARY,
    DISTINCT,
    FOLDED,
    GOPHER_NGRAMS,
    NGRAMS,
    NORMALISED,
    TEXT,
    UNITS,
)
from mapneo.text.dictionary import Dictionary, jieba_dictionary
from mapneo.text.hashing import salt_keys
from mapneo.text.kernel import kernel
from mapneo.text.lines import count_lines
from mapneo.text.ngrams import FIRST_UNITS, number_units, repetition, unigram_statistics
from mapneo.text.passages import count_passages, outline
from mapneo.text.segment import segment_words
from mapneo.text.sentences import count_sentence_copies
from mapneo.text.unicode import (
    MAX_FOLDED_PER_BYTE,
    CharTables,
    FoldTable,
    char_tables,
    full_fold,
    plain_fold,
)
from mapneo.text.utf8 import decode_utf8
from mapneo.text.words import (
    MAX_UNITS,
    StopWords,
    Units,
    count_punctuated_words,
    folded_table,
    split_characters,
    split_folded,
    split_written,
    written_table,
)


class Lexicon(NamedTuple):
    """What a splitter must know beside the text.

    Attributes:
        splitter: a constant of `mapneo.text.counts`.
        fold: how words are compared.
        stop_words: uint64, an open-addressing table of hashes.
        dictionary: jieba's; None for other splitters.
    """

    splitter: int
    fold: FoldTable
    stop_words: npt.NDArray[np.uint64]
    dictionary: Dictionary | None


class Splitter(NamedTuple):
    """What kernels must know of a lexicon; see there."""

    splitter: int
    fold: FoldTable
    stop_words: npt.NDArray[np.uint64]


class Cuts(NamedTuple):
    """Where words end in a batch of texts, if a dictionary said so.

    Attributes:
        ends: int32; those of a row begin at its first byte's place in the batch.
        tokens: int64, shape (rows,); how many there are.
    """

    ends: npt.NDArray[np.int32]
    tokens: npt.NDArray[np.int64]


BATCH_BYTES = 1 << 18
"""Texts are cut by a dictionary in batches of about this size, which a processor's cache holds."""


def lexicon(splitter: int, stop_words: Sequence[str] = ()) -> Lexicon:
    """Prepare a splitter; stop words are compared as the splitter compares words."""
    fold = plain_fold() if splitter == NORMALISED else full_fold()
    folds = splitter in (FOLDED, NORMALISED)
    hashes = folded_table(stop_words, fold) if folds else written_table(stop_words)
    dictionary = jieba_dictionary() if splitter == DICTIONARY else None
    return Lexicon(splitter, fold, hashes, dictionary)


@cache
def phrase_table(phrases: tuple[str, ...]) -> npt.NDArray[np.int32]:
    """Lower-case endings of "read more" lines as int32, shape (phrases, longest + 1).

    A phrase stands backwards behind its length, padded with 0.
    """
    table = np.zeros((len(phrases), max(map(len, phrases), default=0) + 1), dtype=np.int32)
    for row, phrase in zip(table, phrases, strict=True):
        row[: len(phrase) + 1] = [len(phrase), *map(ord, reversed(phrase))]
    table.setflags(write=False)
    return table


def count_text(view: StringView, phrases: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Counts that depend on the text alone.

    Args:
        view: the texts; a null text counts as an empty one.
        phrases: lower-case endings of "read more" lines.

    Returns:
        float64, shape (rows, counts), columns as `TEXT`.
    """
    counts = np.zeros((view.valid.size, len(TEXT)), dtype=np.float64)
    _count_text_rows(view.data, view.offsets, char_tables(), phrase_table(phrases), counts)
    return counts


def count_units(
    view: StringView, words: Lexicon, families: int = ALL_FAMILIES
) -> npt.NDArray[np.float64]:
    """Counts that depend on how texts are split into words.

    Args:
        view: the texts; a null text counts as an empty one.
        words: the splitter.
        families: what is counted beside single words, constants of `mapneo.text.counts`, or-ed.

    Returns:
        float64, shape (rows, counts), columns as `UNITS`; NaN where the splitter gives none, or
        the family is not asked for.
    """
    counts = np.zeros((view.valid.size, len(UNITS)), dtype=np.float64)
    splitter = Splitter(words.splitter, words.fold, words.stop_words)
    for rows in _batches(view.offsets) if words.dictionary else [slice(0, view.valid.size)]:
        offsets = view.offsets[rows.start : rows.stop + 1]
        cuts = _cuts(view.data, offsets, words.dictionary)
        _count_unit_rows(view.data, offsets, splitter, cuts, families, counts[rows])
    return counts


def _batches(offsets: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Rows in batches of about `BATCH_BYTES`, at least one row each."""
    first, rows = 0, offsets.size - 1
    while first < rows:
        full = int(np.searchsorted(offsets, offsets[first] + BATCH_BYTES, side="right")) - 1
        last = min(max(full, first + 1), rows)
        yield slice(first, last)
        first = last


def _cuts(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], dictionary: Dictionary | None
) -> Cuts:
    tokens = np.zeros(offsets.size - 1, dtype=np.int64)
    if dictionary is None:
        return Cuts(np.empty(0, dtype=np.int32), tokens)
    ends = np.empty(offsets[-1] - offsets[0], dtype=np.int32)
    _segment_rows(data, offsets, dictionary, ends, tokens)
    return Cuts(ends, tokens)


@kernel
def _longest(offsets: npt.NDArray[np.int64]) -> int:
    longest = 1
    for number in range(offsets.size - 1):
        longest = max(longest, offsets[number + 1] - offsets[number])
    return longest


@kernel
def _count_text_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    tables: CharTables,
    phrases: npt.NDArray[np.int32],
    counts: npt.NDArray[np.float64],
) -> None:
    longest = _longest(offsets)
    all_points = np.empty(longest, dtype=np.int32)
    all_flags = np.empty(longest, dtype=np.uint16)
    newlines = np.empty(longest + 1, dtype=np.int32)
    hashes = np.empty(longest + 1, dtype=np.uint64)
    for number in range(counts.shape[0]):
        start, end = offsets[number], offsets[number + 1]
        chars = decode_utf8(data, start, end, all_points)
        code_points, flags, row = all_points[:chars], all_flags[:chars], counts[number]
        for position in range(chars):
            flags[position] = tables.flags[code_points[position]]
        row[TEXT.bytes] = end - start
        count_characters(code_points, flags, tables.flags[:128], row)
        text = outline(code_points, newlines, hashes)
        count_lines(code_points, flags, text, phrases, row)
        count_passages(flags, text, row)
        count_sentence_copies(code_points, flags, text, row)


@kernel
def _segment_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    dictionary: Dictionary,
    ends: npt.NDArray[np.int32],
    tokens: npt.NDArray[np.int64],
) -> None:
    all_points = np.empty(_longest(offsets), dtype=np.int32)
    for number in range(tokens.size):
        start, end = offsets[number], offsets[number + 1]
        code_points = all_points[: decode_utf8(data, start, end, all_points)]
        room = ends[start - offsets[0] : end - offsets[0]]
        tokens[number] = segment_words(code_points, dictionary, room)


@kernel
def _count_unit_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    words: Splitter,
    cuts: Cuts,
    families: int,
    counts: npt.NDArray[np.float64],
) -> None:
    longest = _longest(offsets)
    all_points = np.empty(longest, dtype=np.int32)
    all_flags = np.empty(longest, dtype=np.uint16)
    room = min(MAX_FOLDED_PER_BYTE * longest, MAX_UNITS)
    units = Units(np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.int32))
    stops = StopWords(words.stop_words, np.zeros(words.stop_words.size, dtype=np.bool_))
    for number in range(counts.shape[0]):
        chars = decode_utf8(data, offsets[number], offsets[number + 1], all_points)
        code_points, flags = all_points[:chars], all_flags[:chars]
        for position in range(chars):
            flags[position] = words.fold.flags[code_points[position]]
        stops.seen[:] = False
        row = counts[number]
        first = offsets[number] - offsets[0]
        ends = cuts.ends[first : first + cuts.tokens[number]]
        filled = _split(code_points, flags, words, ends, stops, units, row)
        _count_units(units, filled, families, row)


@kernel
def _split(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    words: Splitter,
    ends: npt.NDArray[np.int32],
    stops: StopWords,
    units: Units,
    row: npt.NDArray[np.float64],
) -> int:
    if words.splitter == CHARACTERS:
        row[UNITS.raw_words : UNITS.units] = np.nan
        return split_characters(code_points, words.fold, units)
    if words.splitter == FOLDED or words.splitter == NORMALISED:
        filled = split_folded(code_points, flags, words.fold, stops, units, row)
        if words.splitter == NORMALISED:
            row[UNITS.raw_words : UNITS.words] = 0
            count_punctuated_words(code_points, flags, row)
        return filled
    return split_written(code_points, flags, ends, stops, units, row)


@kernel
def _count_units(units: Units, filled: int, families: int, row: npt.NDArray[np.float64]) -> None:
    row[UNITS.units] = filled
    row[UNITS.first_units] = min(filled, FIRST_UNITS)
    row[UNITS.unit_chars] = units.lengths[:filled].sum()
    for column in (UNITS.distinct_units, UNITS.distinct_first_units, UNITS.entropy_nats):
        row[column] = np.nan
    row[UNITS.top_2gram_chars :] = np.nan
    if families == 0:
        return
    salt_keys(units.hashes[:filled])
    numbered = number_units(units.hashes[:filled])
    if families & DISTINCT:
        distinct, distinct_first, entropy = unigram_statistics(numbered)
        row[UNITS.distinct_units] = distinct
        row[UNITS.distinct_first_units] = distinct_first
        row[UNITS.entropy_nats] = entropy
    if families & (NGRAMS | GOPHER_NGRAMS):
        ours, gopher = repetition(numbered, units.lengths, families & GOPHER_NGRAMS != 0)
        for index in range(ours.size):
            if families & NGRAMS:
                row[UNITS.top_2gram_chars + index] = ours[index]
            if families & GOPHER_NGRAMS:
                row[UNITS.spaced_top_2gram_chars + index] = gopher[index]


def is_compiled() -> bool:
    """Whether the walks' machine code is in memory or in the on-disk cache already."""
    walks: tuple[Any, ...] = (_count_text_rows, _count_unit_rows)
    for walk in walks:
        in_cache = any(Path(walk.stats.cache_path).glob(f"walk.{walk.__name__}-*.nbi"))
        if not (walk.signatures or in_cache):
            return False
    return True
