"""Counting lines of a decoded document."""

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import TEXT
from mapneo.text.hashing import table_size
from mapneo.text.kernel import kernel
from mapneo.text.passages import Outline, seen_before, stretch_key, trim
from mapneo.text.unicode import ALNUM, BULLET, DIGIT, LETTER, SPACE, TERMINAL

_NEWLINE, _ELLIPSIS, _STOP = ord("\n"), ord("…"), ord(".")
_SPACED_BULLETS = tuple(map(ord, "-*+"))
_SPACED_NUMBER_ENDS = tuple(map(ord, "."))
_NUMBER_ENDS = tuple(map(ord, ")、）．"))
_MAX_NUMBER_DIGITS = 3
_DASH, _DOT = ord("-"), ord("•")

SHORT_LINE_CHARS = 30
"""A line of at most so many characters is short (Penedo et al. 2024, FineWeb)."""


@kernel
def count_lines(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    text: Outline,
    phrases: npt.NDArray[np.int32],
    row: npt.NDArray[np.float64],
) -> None:
    """Fill the line columns of `row`.

    `phrases` holds what a "read more" line ends with, as `mapneo.text.walk.phrase_table` gives it.
    """
    total = code_points.size
    newlines = text.newlines.size
    row[TEXT.split_lines] = newlines + (total > 0 and code_points[total - 1] != _NEWLINE)
    size = table_size(newlines + 1)
    seen = np.zeros(size, dtype=np.uint64)
    seen_exactly = np.zeros(size, dtype=np.uint64)
    begin = int(np.int64(0))  # a literal 0 would compile `trim` a second time
    for number in range(newlines + 1):
        newline = int(text.newlines[number]) if number < newlines else total
        first, end = trim(flags, begin, newline)
        if first < end:
            line, line_flags = code_points[first:end], flags[first:end]
            row[TEXT.lines] += 1
            row[TEXT.line_chars] += end - begin
            row[TEXT.trimmed_line_chars] += end - first
            row[TEXT.max_line_chars] = max(row[TEXT.max_line_chars], end - begin)
            row[TEXT.bullet_lines] += _is_bullet(line, line_flags)
            row[TEXT.ellipsis_lines] += _ends_in_ellipsis(line)
            row[TEXT.read_more_lines] += _ends_in_phrase(line, line_flags, phrases)
            row[TEXT.dash_lines] += line[0] == _DASH or line[0] == _DOT
            row[TEXT.terminal_lines] += flags[newline - 1] & TERMINAL != 0
            row[TEXT.short_lines] += newline - begin <= SHORT_LINE_CHARS
            key = stretch_key(text, first, end)
            if seen_before(seen, key):
                row[TEXT.duplicate_lines] += 1
                row[TEXT.duplicate_line_chars] += end - first
            if first > begin or end < newline:
                key = stretch_key(text, begin, newline)
            if seen_before(seen_exactly, key):
                row[TEXT.exact_duplicate_line_chars] += newline - begin
        begin = newline + 1


@kernel
def _is_bullet(line: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16]) -> bool:
    """Bullet mark; or `-`, `*`, `+` and a space; or a number of 1-3 digits with its end mark."""
    if flags[0] & BULLET:
        return True
    if line[0] in _SPACED_BULLETS:
        return line.size == 1 or flags[1] & SPACE != 0
    digits = 0
    while digits < line.size and digits <= _MAX_NUMBER_DIGITS and flags[digits] & DIGIT:
        digits += 1
    if digits == 0 or digits > _MAX_NUMBER_DIGITS or digits == line.size:
        return False
    if line[digits] in _NUMBER_ENDS:
        return True
    if line[digits] not in _SPACED_NUMBER_ENDS:
        return False
    return digits + 1 == line.size or flags[digits + 1] & SPACE != 0


@kernel
def _ends_in_ellipsis(line: npt.NDArray[np.int32]) -> bool:
    if line[-1] == _ELLIPSIS:
        return True
    return line.size >= 3 and line[-1] == _STOP and line[-2] == _STOP and line[-3] == _STOP


@kernel
def _ends_in_phrase(
    line: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    phrases: npt.NDArray[np.int32],
) -> bool:
    """Whether a phrase ends the line once marks, arrows and spaces behind it are put aside."""
    end = line.size
    while end > 0 and not flags[end - 1] & ALNUM:
        end -= 1
    if end == 0:
        return False
    last = _lower_ascii(line[end - 1])
    for phrase in phrases:
        size = phrase[0]
        if phrase[1] != last or size > end:
            continue
        matched = 1
        while matched < size and _lower_ascii(line[end - 1 - matched]) == phrase[1 + matched]:
            matched += 1
        start = end - size
        inside_word = phrase[size] < 0x80 and start > 0 and flags[start - 1] & LETTER
        if matched == size and not inside_word:
            return True
    return False


@kernel
def _lower_ascii(code_point: int) -> int:
    return code_point + 0x20 if 0x41 <= code_point <= 0x5A else code_point
