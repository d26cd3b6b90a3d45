"""Texts as near-duplicate detection compares them: folded, in shingle units.

Folding is the same for all languages: compatibility form and case (full-width and half-width
letters meet), punctuation and control characters deleted, each run of white space one space.
"""

import unicodedata

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.text.buffers import StringView, string_view
from mapneo.text.hashing import chain64, mix64
from mapneo.text.kernel import kernel
from mapneo.text.unicode import HAN, MARK, CharTables
from mapneo.text.utf8 import decode_multibyte

_SPACE = 32
_FIRST_MARK_BYTE = 0xCC  # U+0300 begins with it in UTF-8, no mark with less


def composed_view(column: pa.Array | pa.ChunkedArray, tables: CharTables) -> StringView:
    """View a string column with combining marks composed (NFC), so that both spellings agree.

    Only rows that hold a combining mark are touched.
    """
    view = string_view(column)
    marked = np.zeros(view.valid.size, dtype=np.bool_)
    _find_marks(view.data, view.offsets, tables, marked)
    if not marked.any():
        return view
    texts = column.to_pylist()
    for row in np.flatnonzero(marked):
        texts[row] = unicodedata.normalize("NFC", texts[row])
    return string_view(pa.array(texts, pa.large_string()))


@kernel
def _find_marks(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    tables: CharTables,
    marked: npt.NDArray[np.bool_],
) -> None:
    for row in range(marked.size):
        position, end = offsets[row], offsets[row + 1]
        while position < end and not marked[row]:
            if data[position] < _FIRST_MARK_BYTE:
                position += 1
                continue
            first = np.int32(data[position])
            code_point, size = decode_multibyte(data, position, end, first)
            marked[row] = tables.flags[code_point] & MARK != 0
            position += size


@kernel
def fold_room(code_points: npt.NDArray[np.int32], tables: CharTables) -> int:
    """The most code points that `fold_text` may write for a text."""
    room = 0
    for code_point in code_points:
        folded = tables.fold[code_point]
        room += 1 if folded >= 0 else tables.expansions[-folded]
    return room


@kernel
def fold_text(
    code_points: npt.NDArray[np.int32], tables: CharTables, out: npt.NDArray[np.int32]
) -> int:
    """Fold a text into `out`, stripped of outer space. Returns the number of code points.

    `out` needs room for `fold_room` values.
    """
    written = 0
    after_space = True
    for code_point in code_points:
        folded = tables.fold[code_point]
        if folded == 0 or (folded == _SPACE and after_space):
            continue
        after_space = folded == _SPACE
        if folded > 0:
            out[written] = folded
            written += 1
            continue
        for index in range(1 - folded, 1 - folded + tables.expansions[-folded]):
            out[written] = tables.expansions[index]
            written += 1
    return written - 1 if written and after_space else written


@kernel
def character_units(folded: npt.NDArray[np.int32], out: npt.NDArray[np.uint64]) -> int:
    """One unit per character of a folded text. Returns how many."""
    for position in range(folded.size):
        out[position] = mix64(np.uint64(folded[position]) + np.uint64(1))
    return folded.size


@kernel
def word_units(
    folded: npt.NDArray[np.int32], tables: CharTables, out: npt.NDArray[np.uint64]
) -> int:
    """One unit per word of a folded text; an ideograph is a word of its own. Returns how many."""
    units = 0
    state = np.uint64(0)
    inside = False
    for code_point in folded:
        ideograph = tables.flags[code_point] & HAN != 0
        if inside and (ideograph or code_point == _SPACE):
            out[units] = mix64(state)
            units += 1
            inside = False
            state = np.uint64(0)
        if ideograph:
            out[units] = mix64(np.uint64(code_point) + np.uint64(1))
            units += 1
        elif code_point != _SPACE:
            state = chain64(state, np.uint64(code_point))
            inside = True
    if inside:
        out[units] = mix64(state)
        units += 1
    return units
