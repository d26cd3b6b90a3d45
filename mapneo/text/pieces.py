"""Pieces of a text that are compared for likeness: its sentences, never across lines."""

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel
from mapneo.text.passages import trim
from mapneo.text.unicode import SPACE, WIDE_STOP

_NEWLINE = ord("\n")
_STOPS = tuple(map(ord, ".!?"))
_CLOSERS = tuple(map(ord, "\"')]”’»」』）】》"))


@kernel
def find_pieces(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    begins: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
) -> int:
    """Find a text's pieces, in order, each trimmed of white space and not empty.

    A piece ends at a newline, behind `.`, `!` or `?` if white space or the end follows, and behind
    a full-width stop; more stops and closing quotes or brackets belong to it. So the dots of 3.14,
    of 1.2.1 and of mapneo.text end nothing.

    Args:
        code_points: the text.
        flags: of each code point.
        begins: gets the first character of each; needs room for as many as characters.
        ends: likewise, the place behind its last.

    Returns:
        The number of pieces.
    """
    found = begin = position = 0
    while position < code_points.size:
        value, flag = code_points[position], flags[position]
        position += 1
        if value != _NEWLINE and not flag & WIDE_STOP and value not in _STOPS:
            continue
        if value != _NEWLINE:
            is_end = flag & WIDE_STOP != 0
            while position < code_points.size:
                value, flag = code_points[position], flags[position]
                if flag & WIDE_STOP:
                    is_end = True
                elif value not in _STOPS and value not in _CLOSERS:
                    break
                position += 1
            if not is_end and position < code_points.size and not flags[position] & SPACE:
                continue
        found += _add(flags, begin, position, begins, ends, found)
        begin = position
    return found + _add(flags, begin, position, begins, ends, found)


@kernel
def _add(
    flags: npt.NDArray[np.uint16],
    begin: int,
    end: int,
    begins: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
    found: int,
) -> int:
    first, last = trim(flags, begin, end)
    if first == last:
        return 0
    begins[found], ends[found] = first, last
    return 1
