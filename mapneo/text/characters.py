"""Counting characters by class, and the marks that rules look for."""

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import TEXT
from mapneo.text.kernel import kernel
from mapneo.text.unicode import (
    ALNUM,
    ASCII_PUNCTUATION,
    DIGIT,
    HAN,
    HANS,
    HANT,
    LATIN,
    LETTER,
    PUNCTUATION,
    SPACE,
    WIDE_STOP,
)
from mapneo.text.utf8 import REPLACEMENT

_HASH, _STOP, _ELLIPSIS, _NEWLINE = ord("#"), ord("."), ord("…"), ord("\n")
_UNDERSCORE = ord("_")
_OPEN_LENTICULAR, _CLOSE_LENTICULAR = ord("【"), ord("】")
_FLAGGED = (
    (TEXT.nonspace_chars, SPACE),
    (TEXT.letters, LETTER),
    (TEXT.digits, DIGIT),
    (TEXT.alphanumerics, ALNUM),
    (TEXT.punctuation, PUNCTUATION),
    (TEXT.han, HAN),
    (TEXT.simplified, HANS),
    (TEXT.traditional, HANT),
    (TEXT.latin, LATIN),
    (TEXT.stop_marks, WIDE_STOP),
)
_ASCII_CHARS = 128
_COUNTED = (
    (TEXT.curly_brackets, "{}"),
    (TEXT.newlines, "\n"),
    (TEXT.hashes, "#"),
    (TEXT.stop_marks, ".!?"),
    (TEXT.ascii_punctuation, ASCII_PUNCTUATION),
)
_ASCII_COLUMNS = tuple((column, ord(char)) for column, chars in _COUNTED for char in chars)
_STOPS = tuple(map(ord, ".!?"))
_ALNUM_OR_SPACE = ALNUM | SPACE
_LOREM = tuple(map(ord, "lorem ipsum"))
_CASE_BIT = 0x20


@kernel
def count_characters(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    ascii_flags: npt.NDArray[np.uint16],
    row: npt.NDArray[np.float64],
) -> None:
    """Fill the character columns of `row` from a document's code points and their flags.

    `ascii_flags` are the flags of the code points below 128, of which most text consists; those
    are counted one by one, and what they are is looked up once.
    """
    row[TEXT.chars] = code_points.size
    often = np.zeros(2 * _ASCII_CHARS, dtype=np.int64)
    for position in range(code_points.size):
        value = code_points[position]
        if value < _ASCII_CHARS:
            # Two rows in turn: a counter does not wait for the same one a character before.
            often[value + _ASCII_CHARS * (position & 1)] += 1
            continue
        flag = flags[position]
        for column, wanted in _FLAGGED:
            row[column] += (flag & wanted) != 0
        row[TEXT.replacement_chars] += value == REPLACEMENT
        row[TEXT.ellipses] += value == _ELLIPSIS
    for value in range(_ASCII_CHARS):
        count = often[value] + often[value + _ASCII_CHARS]
        for column, wanted in _FLAGGED:
            row[column] += count if ascii_flags[value] & wanted else 0
        often[value] = count
    for column, value in _ASCII_COLUMNS:
        row[column] += often[value]
    row[TEXT.nonspace_chars] = row[TEXT.chars] - row[TEXT.nonspace_chars]
    row[TEXT.inline_chars] = row[TEXT.chars] - row[TEXT.newlines]
    _count_marks(code_points, flags, row)
    row[TEXT.lorem_ipsum] = _lorem_ipsum(code_points)


@kernel
def _count_marks(
    code_points: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16], row: npt.NDArray[np.float64]
) -> None:
    r"""Fill the columns of runs of marks, of 【】, and of stretches between stops.

    A run of dots is an ellipsis from three dots on, and holds a third of its dots as triples. A
    stretch is a match of `\b[^.!?]+[.!?]*`: what lies between runs of stops and holds a word
    character; RedPajama-V2 counts sentences so, though decimal points end one too.
    """
    hash_runs = ellipsis_runs = triples = inside = stretches = 0
    opened = -1
    length = before = 0
    has_word = False
    for position in range(code_points.size):
        flag, value = flags[position], code_points[position]
        if flag & _ALNUM_OR_SPACE and value != _NEWLINE:
            has_word |= flag & ALNUM != 0
            before = 0
            continue
        length = length + 1 if value == before else 1
        before = value
        if value == _STOP:
            ellipsis_runs += length == 3
            triples += length % 3 == 0
        elif value == _HASH:
            hash_runs += length == 1
        elif value == _ELLIPSIS:
            ellipsis_runs += length == 1
        elif value == _NEWLINE:
            opened = -1
        elif value == _OPEN_LENTICULAR:
            opened = position if opened < 0 else opened
        elif value == _CLOSE_LENTICULAR:
            inside += position - opened - 1 if opened >= 0 else 0
            opened = -1
        elif value == _UNDERSCORE:
            has_word = True
        if value in _STOPS:
            stretches += has_word
            has_word = False
    row[TEXT.hash_runs] = hash_runs
    row[TEXT.ellipsis_runs] = ellipsis_runs
    row[TEXT.ellipses] += triples
    row[TEXT.lenticular_chars] = inside
    row[TEXT.stop_runs] = stretches + has_word


@kernel
def _lorem_ipsum(code_points: npt.NDArray[np.int32]) -> int:
    """Occurrences of the placeholder text's first two words, in any case."""
    found = 0
    for start in range(code_points.size - len(_LOREM) + 1):
        if code_points[start] | _CASE_BIT != _LOREM[0]:
            continue
        matched = 1
        while (
            matched < len(_LOREM)
            and code_points[start + matched] | _CASE_BIT == _LOREM[matched] | _CASE_BIT
        ):
            matched += 1
        found += matched == len(_LOREM)
    return found
