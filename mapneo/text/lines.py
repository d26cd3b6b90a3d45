"""Counting lines and sentences of a decoded document."""

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import COLUMNS
from mapneo.text.hashing import chain64, find_slot, mix64, table_size
from mapneo.text.kernel import kernel
from mapneo.text.unicode import ALNUM, BULLET, DIGIT, LETTER, SPACE, WIDE_STOP

_NEWLINE, _ELLIPSIS, _STOP = ord("\n"), ord("…"), ord(".")
_SPACED_BULLETS = tuple(map(ord, "-*+"))
_SPACED_NUMBER_ENDS = tuple(map(ord, "."))
_NUMBER_ENDS = tuple(map(ord, ")、）．"))
_STOPS = tuple(map(ord, ".!?"))
_CLOSERS = tuple(map(ord, "\"')]”’»」』）"))
_MAX_NUMBER_DIGITS = 3


@kernel
def count_lines(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    phrases: npt.NDArray[np.int32],
    row: npt.NDArray[np.float64],
) -> None:
    """Fill the line columns of `row`.

    `phrases` holds what a "read more" line ends with: int32, one lower-case phrase a row, padded
    with 0.
    """
    total = code_points.size
    size = table_size(_newlines(code_points) + 1)
    seen = np.zeros(size, dtype=np.uint64)
    begin = int(np.int64(0))  # a literal 0 would compile `_trim` a second time
    while begin < total:
        newline = begin
        while newline < total and code_points[newline] != _NEWLINE:
            newline += 1
        first, end = _trim(flags, begin, newline)
        if first < end:
            line, line_flags = code_points[first:end], flags[first:end]
            row[COLUMNS.lines] += 1
            row[COLUMNS.line_chars] += end - begin
            row[COLUMNS.trimmed_line_chars] += end - first
            row[COLUMNS.max_line_chars] = max(row[COLUMNS.max_line_chars], end - begin)
            row[COLUMNS.bullet_lines] += _is_bullet(line, line_flags)
            row[COLUMNS.ellipsis_lines] += _ends_in_ellipsis(line)
            row[COLUMNS.read_more_lines] += _ends_in_phrase(line, line_flags, phrases)
            if _seen_before(seen, line):
                row[COLUMNS.duplicate_lines] += 1
                row[COLUMNS.duplicate_line_chars] += end - first
        begin = newline + 1


@kernel
def _newlines(code_points: npt.NDArray[np.int32]) -> int:
    count = 0
    for value in code_points:
        count += value == _NEWLINE
    return count


@kernel
def _trim(flags: npt.NDArray[np.uint16], begin: int, end: int) -> tuple[int, int]:
    while begin < end and flags[begin] & SPACE:
        begin += 1
    while end > begin and flags[end - 1] & SPACE:
        end -= 1
    return begin, end


@kernel
def _seen_before(seen: npt.NDArray[np.uint64], line: npt.NDArray[np.int32]) -> bool:
    state = np.uint64(line.size)
    for value in line:
        state = chain64(state, np.uint64(value))
    key = mix64(state) | np.uint64(1)
    slot = find_slot(seen, seen.size - 1, key)
    known: bool = seen[slot] == key
    seen[slot] = key
    return known


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
    for phrase in phrases:
        size = 0
        while size < phrase.size and phrase[size]:
            size += 1
        start = end - size
        if start < 0 or (phrase[0] < 0x80 and start > 0 and flags[start - 1] & LETTER):
            continue
        matched = 0
        while matched < size and _lower_ascii(line[start + matched]) == phrase[matched]:
            matched += 1
        if matched == size:
            return True
    return False


@kernel
def _lower_ascii(code_point: int) -> int:
    return code_point + 0x20 if 0x41 <= code_point <= 0x5A else code_point


@kernel
def count_sentences(code_points: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16]) -> int:
    """Count sentences.

    A sentence holds a letter or digit and ends at `.`, `!` or `?` followed by white space (closing
    quotes and brackets may stand between), at a full-width stop, at a blank line, or at the end.
    """
    sentences = 0
    has_word = False
    newlines = 0
    for position in range(code_points.size):
        flag = flags[position]
        if flag & ALNUM:
            has_word = True
            newlines = 0
            continue
        if code_points[position] == _NEWLINE:
            newlines += 1
        elif not flag & SPACE:
            newlines = 0
        if has_word and (
            newlines == 2 or flag & WIDE_STOP or _is_stop(code_points, flags, position)
        ):
            sentences += 1
            has_word = False
    return sentences + has_word


@kernel
def _is_stop(
    code_points: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16], position: int
) -> bool:
    if code_points[position] not in _STOPS:
        return False
    after = position + 1
    while after < code_points.size and code_points[after] in _CLOSERS:
        after += 1
    return after == code_points.size or flags[after] & SPACE != 0
