"""Sentences of a decoded document: their ends, how many, and which occurred before."""

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import TEXT
from mapneo.text.hashing import table_size
from mapneo.text.kernel import kernel
from mapneo.text.passages import Outline, seen_before, stretch_key
from mapneo.text.unicode import ALNUM, SPACE, TERMINAL, WIDE_STOP

_NEWLINE = ord("\n")
_STOPS = tuple(map(ord, ".!?"))
_MAY_END = WIDE_STOP | TERMINAL  # a cheap look first: the stops above are among these
_CLOSERS = tuple(map(ord, "\"')]”’»」』）"))


@kernel
def next_sentence(
    code_points: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16], position: int
) -> tuple[int, int, int]:
    """Find the next sentence at or behind `position`.

    A sentence holds a letter or digit and ends at `.`, `!` or `?` followed by white space (closing
    quotes and brackets may stand between), at a full-width stop, at a blank line, or at the end.

    Returns:
        (first letter or digit, behind the last one, where to look for the next sentence); the
        first two are -1 if there is none.
    """
    total = code_points.size
    while position < total and not flags[position] & ALNUM:
        position += 1
    if position == total:
        return -1, -1, total
    first = position
    is_over = False
    while position < total and not is_over:
        flag = flags[position]
        is_newline = code_points[position] == _NEWLINE
        position += 1
        if is_newline:
            # A blank line: nothing but white space up to the next newline.
            while position < total and flags[position] & SPACE and not is_over:
                is_over = code_points[position] == _NEWLINE
                position += 1
        elif flag & _MAY_END:
            is_over = flag & WIDE_STOP != 0 or _is_stop(code_points, flags, position - 1)
    last = position
    while not flags[last - 1] & ALNUM:
        last -= 1
    return first, last, position


@kernel
def count_sentences(code_points: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16]) -> int:
    """How many sentences `next_sentence` finds."""
    sentences = 0
    position = int(np.int64(0))  # a literal 0 would compile `next_sentence` a second time
    while position < code_points.size:
        first, _last, position = next_sentence(code_points, flags, position)
        sentences += first >= 0
    return sentences


@kernel
def count_sentence_copies(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    text: Outline,
    row: npt.NDArray[np.float64],
) -> None:
    """Fill the sentence columns of `row`, in which stop marks are counted already.

    Two sentences are equal if they are from their first letter or digit to their last.
    """
    most = int(row[TEXT.stop_marks]) + text.newlines.size + 1
    seen = np.zeros(table_size(most), dtype=np.uint64)
    position = int(np.int64(0))
    while position < code_points.size:
        first, last, position = next_sentence(code_points, flags, position)
        if first < 0:
            break
        row[TEXT.sentences] += 1
        row[TEXT.sentence_chars] += last - first
        if seen_before(seen, stretch_key(text, first, last)):
            row[TEXT.duplicate_sentences] += 1
            row[TEXT.duplicate_sentence_chars] += last - first


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
