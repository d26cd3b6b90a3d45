"""Stretches cut out of texts so that what is left is parted as before."""

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel
from mapneo.text.unicode import SPACE
from mapneo.text.utf8 import decode_multibyte

_NEWLINE = ord("\n")


@kernel
def widen_cuts(
    text: npt.NDArray[np.uint8],
    flags: npt.NDArray[np.uint16],
    starts: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
) -> int:
    """Join cuts that only white space parts, and take one of the two gaps beside each along.

    Of the white space before and behind a cut, that with more newlines stays; the indent of what
    follows stays in any case. So a line goes with its newline, a paragraph with one blank line, a
    sentence with one space, and lines that were apart do not meet.

    Args:
        text: UTF-8.
        flags: `CharTables.flags`.
        starts: where stretches begin, ascending, in bytes; overwritten by those of the cuts.
        ends: likewise, where they end. Stretches may overlap.

    Returns:
        The number of cuts.
    """
    cuts = 0
    for number in range(starts.size):
        if cuts and _gap_end(text, flags, ends[cuts - 1]) >= starts[number]:
            ends[cuts - 1] = max(ends[cuts - 1], ends[number])
        elif ends[number] > starts[number]:
            starts[cuts], ends[cuts] = starts[number], ends[number]
            cuts += 1
    for number in range(cuts):
        starts[number], ends[number] = _widened(text, flags, starts[number], ends[number])
    return cuts


@kernel
def _widened(
    text: npt.NDArray[np.uint8], flags: npt.NDArray[np.uint16], start: int, end: int
) -> tuple[int, int]:
    low, high = _gap_start(text, flags, start), _gap_end(text, flags, end)
    if low == 0 and high == text.size:
        return low, high
    if high == text.size:
        return low, end
    before, indent = _newlines(text, low, start)
    behind, next_indent = _newlines(text, end, high)
    if low == 0:
        return start, next_indent if behind else high
    if before and behind:
        return (indent, next_indent) if before >= behind else (low, end)
    if before or (not behind and low < start):
        return start, high
    return low, end


@kernel
def _newlines(text: npt.NDArray[np.uint8], start: int, end: int) -> tuple[int, int]:
    """How many newlines there are, and the place behind the last."""
    found, behind = 0, start
    for position in range(start, end):
        if text[position] == _NEWLINE:
            found += 1
            behind = position + 1
    return found, behind


@kernel
def _gap_end(text: npt.NDArray[np.uint8], flags: npt.NDArray[np.uint16], position: int) -> int:
    """Behind the white space that begins at `position`."""
    while position < text.size:
        first, size = np.int32(text[position]), 1
        if first >= 0x80:
            first, size = decode_multibyte(text, position, text.size, first)
        if not flags[first] & SPACE:
            break
        position += size
    return position


@kernel
def _gap_start(text: npt.NDArray[np.uint8], flags: npt.NDArray[np.uint16], position: int) -> int:
    """Where the white space that ends at `position` begins."""
    while position > 0:
        before = position - 1
        while before > 0 and text[before] & 0xC0 == 0x80:
            before -= 1
        first, size = np.int32(text[before]), 1
        if first >= 0x80:
            first, size = decode_multibyte(text, before, text.size, first)
        if before + size != position or not flags[first] & SPACE:
            break
        position = before
    return position


@kernel
def count_chars(text: npt.NDArray[np.uint8], start: int, end: int) -> int:
    """Characters of a stretch of UTF-8."""
    chars = 0
    for position in range(start, end):
        chars += text[position] & 0xC0 != 0x80
    return chars


@kernel
def trim_bytes(
    text: npt.NDArray[np.uint8], flags: npt.NDArray[np.uint16], start: int, end: int
) -> tuple[int, int]:
    """A stretch without the white space around it; (end, end) if there is nothing else."""
    start = min(_gap_end(text, flags, start), end)
    return start, max(start, _gap_start(text, flags, end))
