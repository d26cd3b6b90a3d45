"""Lines and paragraphs as units of a corpus: where they stand, and a hash of what they say.

A line is trimmed of white space; a paragraph is a run of lines with text. Units are compared with
each run of white space as one space, and if asked for, folded (`mapneo.text.folding.fold_text`:
compatibility form, case, no punctuation). Units that are short once so prepared are left out.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.buffers import StringView
from mapneo.text.folding import fold_room, fold_text
from mapneo.text.hashing import mix64
from mapneo.text.kernel import kernel
from mapneo.text.passages import trim
from mapneo.text.unicode import SPACE, CharTables
from mapneo.text.utf8 import decode_placed

_NEWLINE, _BLANK = ord("\n"), ord(" ")
_LANES = (np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB))


class Units(NamedTuple):
    """Units of many texts, by row and place.

    Attributes:
        key: uint64, shape (units,); one half of the hash, not 0.
        check: uint64, shape (units,); the other half.
        row: int32, shape (units,); the text.
        start: int32, shape (units,); where it begins in the text, in bytes.
        end: int32, shape (units,); behind its last character.
    """

    key: npt.NDArray[np.uint64]
    check: npt.NDArray[np.uint64]
    row: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]


def find_units(
    view: StringView, tables: CharTables, *, paragraphs: bool, min_chars: int, folded: bool
) -> Units:
    """All lines or paragraphs of at least `min_chars` characters (at least 1), as compared."""
    room = int(view.offsets[-1] - view.offsets[0]) // (1 if folded else min_chars + 1)
    room += view.valid.size
    key, check = np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.uint64)
    row, start, end = (np.empty(room, dtype=np.int32) for _ in range(3))
    units = Units(key, check, row, start, end)
    size = _fill(view.data, view.offsets, tables, paragraphs, min_chars, folded, units)
    return Units(key[:size], check[:size], row[:size], start[:size], end[:size])


@kernel
def _fill(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    tables: CharTables,
    paragraphs: bool,
    min_chars: int,
    folded: bool,
    units: Units,
) -> int:
    longest = 0
    for row in range(offsets.size - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    code_points = np.empty(longest, dtype=np.int32)
    places = np.empty(longest + 1, dtype=np.int32)
    flags = np.empty(longest, dtype=np.uint16)
    filled = 0
    for row in range(offsets.size - 1):
        size = decode_placed(data, offsets[row], offsets[row + 1], code_points, places)
        for position in range(size):
            flags[position] = tables.flags[code_points[position]]
        begin, opened, closed = 0, -1, -1
        for position in range(size + 1):
            if position < size and code_points[position] != _NEWLINE:
                continue
            first, last = trim(flags, begin, position)
            begin = position + 1
            if first < last:
                opened = first if opened < 0 else opened
                closed = last
            if opened >= 0 and (not paragraphs or first == last or position == size):
                key, check, chars = _hash_unit(
                    code_points[opened:closed], flags[opened:closed], tables, folded
                )
                if chars >= min_chars:
                    units.key[filled], units.check[filled] = key, check
                    units.row[filled] = row
                    units.start[filled], units.end[filled] = places[opened], places[closed]
                    filled += 1
                opened = -1
    return filled


@kernel
def _hash_unit(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    tables: CharTables,
    folded: bool,
) -> tuple[np.uint64, np.uint64, int]:
    """127 bits of a trimmed unit as it is compared, the first half not 0, and its characters."""
    if folded:
        out = np.empty(fold_room(code_points, tables), dtype=np.int32)
        code_points = out[: fold_text(code_points, tables, out)]
    a, b = np.uint64(0), np.uint64(0)
    chars = 0
    after_space = False
    for position in range(code_points.size):
        value = code_points[position]
        if not folded:
            is_space = flags[position] & SPACE != 0
            if is_space and after_space:
                continue
            after_space = is_space
            value = _BLANK if is_space else value
        a = (a ^ np.uint64(value)) * _LANES[0]
        a ^= a >> np.uint64(32)
        b = (b + np.uint64(value)) * _LANES[1]
        b ^= b >> np.uint64(29)
        chars += 1
    return mix64(a ^ np.uint64(chars)) | np.uint64(1), mix64(b + np.uint64(chars)), chars
