"""Line pieces and paragraphs of a decoded document, and which of them occurred before.

The pieces are those of datatrove's Gopher repetition filter (the copies of Rae et al. 2021, table
A1): compared as they stand, blank ones included.
"""

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import TEXT
from mapneo.text.hashing import chain64, find_slot, mix64, table_size
from mapneo.text.kernel import kernel
from mapneo.text.unicode import SPACE

_NEWLINE = ord("\n")


@kernel
def seen_before(seen: npt.NDArray[np.uint64], passage: npt.NDArray[np.int32]) -> bool:
    """Look a passage up in an open-addressing table, and enter it."""
    state = np.uint64(passage.size)
    for value in passage:
        state = chain64(state, np.uint64(value))
    key = mix64(state) | np.uint64(1)
    slot = find_slot(seen, seen.size - 1, key)
    known: bool = seen[slot] == key
    seen[slot] = key
    return known


@kernel
def count_passages(
    code_points: npt.NDArray[np.int32], flags: npt.NDArray[np.uint16], row: npt.NDArray[np.float64]
) -> None:
    """Fill the columns of line pieces and paragraphs; newlines are counted in `row` already."""
    size = table_size(int(row[TEXT.newlines]) + 1)
    pieces, copies, chars = _pieces(code_points, 1, np.zeros(size, dtype=np.uint64))
    row[TEXT.line_pieces] = pieces
    row[TEXT.duplicate_line_pieces] = copies
    row[TEXT.duplicate_line_piece_chars] = chars
    first, end = 0, code_points.size
    while first < end and flags[first] & SPACE:
        first += 1
    while end > first and flags[end - 1] & SPACE:
        end -= 1
    pieces, copies, chars = _pieces(code_points[first:end], 2, np.zeros(size, dtype=np.uint64))
    row[TEXT.paragraphs] = pieces
    row[TEXT.duplicate_paragraphs] = copies
    row[TEXT.duplicate_paragraph_chars] = chars


@kernel
def _pieces(
    code_points: npt.NDArray[np.int32], min_newlines: int, seen: npt.NDArray[np.uint64]
) -> tuple[int, int, int]:
    """Split at runs of newlines: (pieces, pieces that occurred before, characters of those)."""
    total = code_points.size
    pieces = copies = chars = begin = position = 0
    while True:
        while position < total and code_points[position] != _NEWLINE:
            position += 1
        behind = position
        while behind < total and code_points[behind] == _NEWLINE:
            behind += 1
        if position < total and behind - position < min_newlines:
            position = behind
            continue
        pieces += 1
        if seen_before(seen, code_points[begin:position]):
            copies += 1
            chars += position - begin
        if position == total:
            return pieces, copies, chars
        begin = position = behind
