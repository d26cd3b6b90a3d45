"""Counting characters by class, and the marks that rules look for."""

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import TEXT
from mapneo.text.kernel import kernel
from mapneo.text.unicode import (
    ALNUM,
    DIGIT,
    HAN,
    HANS,
    HANT,
    LATIN,
    LETTER,
    PUNCTUATION,
    SPACE,
)
from mapneo.text.utf8 import REPLACEMENT

_HASH, _STOP, _ELLIPSIS, _NEWLINE = ord("#"), ord("."), ord("…"), ord("\n")
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
)
_COUNTED = (
    (TEXT.curly_brackets, ord("{")),
    (TEXT.curly_brackets, ord("}")),
    (TEXT.replacement_chars, REPLACEMENT),
    (TEXT.newlines, _NEWLINE),
    (TEXT.hashes, _HASH),
    (TEXT.ellipses, _ELLIPSIS),
)
_RUNS = (
    (TEXT.hash_runs, _HASH, 1),
    (TEXT.ellipsis_runs, _ELLIPSIS, 1),
    (TEXT.ellipsis_runs, _STOP, 2),
)
_LOREM = tuple(map(ord, "lorem ipsum"))
_CASE_BIT = 0x20


@kernel
def count_characters(
    code_points: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16], row: npt.NDArray[np.float64]
) -> None:
    """Fill the character columns of `row` from a document's code points and their flags."""
    row[TEXT.chars] = code_points.size
    for column, flag in _FLAGGED:
        count = 0
        for value in flags:
            count += (value & flag) != 0
        row[column] = count
    row[TEXT.nonspace_chars] = row[TEXT.chars] - row[TEXT.nonspace_chars]
    for column, wanted in _COUNTED:
        count = 0
        for code_point in code_points:
            count += code_point == wanted
        row[column] += count
    for column, wanted, min_chars in _RUNS:
        row[column] += _runs(code_points, wanted, min_chars)
    row[TEXT.inline_chars] = row[TEXT.chars] - row[TEXT.newlines]
    row[TEXT.ascii_punctuation] = _ascii_marks(code_points)
    row[TEXT.ellipses] += _dot_triples(code_points)
    row[TEXT.lenticular_chars] = _inside_lenticular(code_points)
    row[TEXT.lorem_ipsum] = _lorem_ipsum(code_points)


@kernel
def _ascii_marks(code_points: npt.NDArray[np.int32]) -> int:
    """The 32 ASCII punctuation marks: 21-2F, 3A-40, 5B-60, 7B-7E."""
    marks = 0
    for value in code_points:
        graphic = value > 0x20 and value < 0x7F
        letter = (value | _CASE_BIT) >= 0x61 and (value | _CASE_BIT) <= 0x7A
        digit = value >= 0x30 and value <= 0x39
        marks += graphic and not letter and not digit
    return marks


@kernel
def _runs(code_points: npt.NDArray[np.int32], wanted: int, min_chars: int) -> int:
    """Runs of `wanted` that are at least `min_chars` long."""
    runs = length = 0
    for value in code_points:
        length = length + 1 if value == wanted else 0
        runs += length == min_chars
    return runs


@kernel
def _dot_triples(code_points: npt.NDArray[np.int32]) -> int:
    """Non-overlapping occurrences of three dots."""
    triples = length = 0
    for value in code_points:
        length = length + 1 if value == _STOP else 0
        if length == 3:
            triples += 1
            length = 0
    return triples


@kernel
def _inside_lenticular(code_points: npt.NDArray[np.int32]) -> int:
    """Characters between 【 and the next 】 on the same line."""
    inside = 0
    opened = -1
    for position, value in enumerate(code_points):
        if value == _OPEN_LENTICULAR and opened < 0:
            opened = position
        elif value == _NEWLINE:
            opened = -1
        elif value == _CLOSE_LENTICULAR and opened >= 0:
            inside += position - opened - 1
            opened = -1
    return inside


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
