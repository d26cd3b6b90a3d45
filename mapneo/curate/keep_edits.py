"""The edits of all kept text: what no reader would miss, and nothing else.

A byte-order mark, foreign line ends, control characters. Width, case, punctuation and links stay
as they were written.
"""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.curate.edit_spans import Span
from mapneo.text.buffers import string_view
from mapneo.text.kernel import kernel

_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+")


def find_bom(text: str) -> Iterator[Span]:
    """A byte-order mark at the start."""
    if text.startswith("\ufeff"):
        yield Span(0, 1)


def find_foreign_newlines(text: str) -> Iterator[Span]:
    """CR LF, CR, and the Unicode line and paragraph separators, each to become LF."""
    return (Span(*match.span(), "\n") for match in _NEWLINES.finditer(text))


def find_controls(text: str) -> Iterator[Span]:
    """C0 and C1 control characters other than LF, CR and tab."""
    return (Span(*match.span()) for match in _CONTROLS.finditer(text))


def rows_to_keep_clean(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Rows with a byte that one of these edits could match; most have none."""
    view = string_view(column)
    found = np.zeros(view.valid.size, dtype=np.bool_)
    _find_suspects(view.data, view.offsets, found)
    return found


@kernel
def _find_suspects(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], found: npt.NDArray[np.bool_]
) -> None:
    """Mark rows with a byte that any edit could match; most rows have none."""
    for row in range(found.size):
        for position in range(offsets[row], offsets[row + 1]):
            byte = data[position]
            if byte >= 0x20 and byte < 0x7F:
                continue
            if byte == 0x0A or byte == 0x09 or byte > 0xEF:
                continue
            if byte < 0x80 or _starts_suspect(data, position, offsets[row], offsets[row + 1]):
                found[row] = True
                break


@kernel
def _starts_suspect(data: npt.NDArray[np.uint8], position: int, start: int, end: int) -> bool:
    """C1 control (C2 80-9F), line or paragraph separator (E2 80 A8/A9), leading BOM (EF BB BF)."""
    first = data[position]
    if first == 0xC2:
        return position + 1 < end and bool(data[position + 1] < 0xA0)
    if position + 2 >= end:
        return False
    second, third = data[position + 1], data[position + 2]
    if first == 0xE2:
        return bool(second == 0x80 and (third == 0xA8 or third == 0xA9))
    return bool(first == 0xEF and position == start and second == 0xBB and third == 0xBF)
