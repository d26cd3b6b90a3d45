"""One walk over a batch of documents that yields every raw count."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.buffers import StringView
from mapneo.text.characters import count_characters
from mapneo.text.counts import CHARACTERS, COLUMNS
from mapneo.text.kernel import kernel
from mapneo.text.lines import count_lines, count_sentences
from mapneo.text.ngrams import FIRST_UNITS, repetition, unigram_statistics
from mapneo.text.unicode import MAX_FOLDED_PER_BYTE, CharTables, char_tables
from mapneo.text.utf8 import decode_utf8
from mapneo.text.words import MAX_UNITS, Units, split_characters, split_words, word_hashes


class Lexicon(NamedTuple):
    """What the walk must know beside the text.

    Attributes:
        tables: code-point tables.
        stop_words: uint64, sorted hashes of stop words.
        phrases: int32, shape (phrases, longest), endings of "read more" lines, padded with 0.
    """

    tables: CharTables
    stop_words: npt.NDArray[np.uint64]
    phrases: npt.NDArray[np.int32]


def lexicon(stop_words: Sequence[str], read_more: Sequence[str]) -> Lexicon:
    """Prepare word lists for the walk; `read_more` phrases are lower-case."""
    phrases = np.zeros((len(read_more), max(map(len, read_more), default=1)), dtype=np.int32)
    for row, phrase in zip(phrases, read_more, strict=True):
        row[: len(phrase)] = [ord(c) for c in phrase]
    phrases.setflags(write=False)
    return Lexicon(char_tables(), word_hashes(stop_words), phrases)


def count_documents(
    view: StringView, splitters: npt.NDArray[np.uint8], words: Lexicon
) -> npt.NDArray[np.float64]:
    """All raw counts of a batch.

    Args:
        view: the texts.
        splitters: uint8, shape (rows,); WORDS or CHARACTERS.
        words: the lexicon.

    Returns:
        float64, shape (rows, counts), columns as `COLUMNS`; NaN where the splitter gives none.
        A null text counts as an empty one.
    """
    counts = np.zeros((splitters.size, len(COLUMNS)), dtype=np.float64)
    _count_rows(view.data, view.offsets, splitters, words, counts)
    return counts


@kernel
def _count_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    splitters: npt.NDArray[np.uint8],
    words: Lexicon,
    counts: npt.NDArray[np.float64],
) -> None:
    longest = 1
    for number in range(splitters.size):
        longest = max(longest, offsets[number + 1] - offsets[number])
    code_points = np.empty(longest, dtype=np.int32)
    flags = np.empty(longest, dtype=np.uint16)
    room = min(MAX_FOLDED_PER_BYTE * longest, MAX_UNITS)
    units = Units(np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.int32))
    for number in range(splitters.size):
        start, end = offsets[number], offsets[number + 1]
        chars = decode_utf8(data, start, end, code_points)
        for position in range(chars):
            flags[position] = words.tables.flags[code_points[position]]
        counts[number, COLUMNS.bytes] = end - start
        _count_document(
            code_points[:chars], flags[:chars], splitters[number], words, units, counts[number]
        )


@kernel
def _count_document(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    splitter: int,
    words: Lexicon,
    units: Units,
    row: npt.NDArray[np.float64],
) -> None:
    count_characters(code_points, flags, row)
    count_lines(code_points, flags, words.phrases, row)
    row[COLUMNS.sentences] = count_sentences(code_points, flags)
    if splitter == CHARACTERS:
        filled = split_characters(code_points, words.tables, units)
        for column in range(COLUMNS.raw_words, COLUMNS.distinct_stop_words + 1):
            row[column] = np.nan
    else:
        filled = split_words(code_points, flags, words.tables, words.stop_words, units, row)
    row[COLUMNS.units] = filled
    row[COLUMNS.first_units] = min(filled, FIRST_UNITS)
    for unit in range(filled):
        row[COLUMNS.unit_chars] += units.lengths[unit]
    distinct, distinct_first, entropy = unigram_statistics(units.hashes, filled)
    row[COLUMNS.distinct_units] = distinct
    row[COLUMNS.distinct_first_units] = distinct_first
    row[COLUMNS.entropy_nats] = entropy
    chars = repetition(units.hashes, units.lengths, filled)
    for index in range(chars.size):
        row[COLUMNS.top_2gram_chars + index] = chars[index]


def is_compiled() -> bool:
    """Whether the walk's machine code is in memory or in the on-disk cache already."""
    stats = _count_rows.stats  # type: ignore[attr-defined]
    in_cache = any(Path(stats.cache_path).glob("walk._count_rows-*.nbi"))
    return bool(_count_rows.signatures) or in_cache  # type: ignore[attr-defined]
