"""Named changes to the text that is kept, each with the bytes it touched.

Only what no reader would miss is changed: a byte-order mark, foreign line ends, control
characters. Everything else (width, case, punctuation, links) stays as it was written; what rules
need normalised is normalised while measuring.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.tables import DOCUMENT_SCHEMA
from mapneo.text.buffers import StringView, string_view
from mapneo.text.kernel import kernel

KEEP_EDITS = ("strip_bom", "normalise_newlines", "strip_control")
"""The edit chain of kept text, in order of precedence."""

CHAINS: dict[str, tuple[str, ...]] = {"keep": ()}
"""Edit chains by name."""

_PATTERN = re.compile(
    r"(?P<strip_bom>\A\ufeff)"
    r"|(?P<normalise_newlines>\r\n?|[\u2028\u2029])"
    r"|(?P<strip_control>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+)"
)


class Edit(NamedTuple):
    """One change: bytes `[start_byte, end_byte)` of the old text became `replacement`."""

    edit: str
    start_byte: int
    end_byte: int
    replacement: str


def edit_text(text: str) -> tuple[str, list[Edit]]:
    """Apply the keep edits.

    `strip_bom` deletes a byte-order mark at the start; `normalise_newlines` turns CR LF, CR and
    the Unicode line and paragraph separators into LF; `strip_control` deletes C0 and C1 control
    characters other than LF and tab.

    Returns:
        The new text and the edits, ascending and disjoint.
    """
    edits: list[Edit] = []
    pieces: list[str] = []
    done_chars = done_bytes = 0
    for match in _PATTERN.finditer(text):
        untouched = text[done_chars : match.start()]
        start = done_bytes + len(untouched.encode())
        end = start + len(match.group().encode())
        name = str(match.lastgroup)
        replacement = "\n" if name == "normalise_newlines" else ""
        edits.append(Edit(name, start, end, replacement))
        pieces += [untouched, replacement]
        done_chars, done_bytes = match.end(), end
    pieces.append(text[done_chars:])
    return "".join(pieces), edits


def chain_texts(column: pa.Array | pa.ChunkedArray, chain: str) -> pa.Array | pa.ChunkedArray:
    """TEMPORARY"""
    return column


def shift_offset(offset_bytes: int, edits: Sequence[Edit]) -> int:
    """Where a byte offset of the old text lies in the new one.

    An offset inside a changed span moves to the start of its replacement.
    """
    before = edits[: bisect_right(edits, offset_bytes, key=lambda edit: edit.end_byte)]
    shift = sum(len(e.replacement.encode()) - (e.end_byte - e.start_byte) for e in before)
    if len(before) < len(edits):
        offset_bytes = min(offset_bytes, max(edits[len(before)].start_byte, 0))
    return offset_bytes + shift


def edit_documents(documents: pa.Table) -> pa.Table:
    """Apply the keep edits to `text`, append them to `edits`, and move `origins` along."""
    touched = np.flatnonzero(_needs_edit_rows(string_view(documents["text"])))
    if touched.size == 0:
        return documents
    columns = {name: documents[name].to_pylist() for name in ("text", "edits", "origins")}
    for row in touched:
        text, edits = edit_text(columns["text"][row])
        columns["text"][row] = text
        columns["edits"][row] = (columns["edits"][row] or []) + [e._asdict() for e in edits]
        columns["origins"][row] = [
            {
                **origin,
                "start_byte": shift_offset(origin["start_byte"], edits),
                "end_byte": shift_offset(origin["end_byte"], edits),
            }
            for origin in columns["origins"][row] or []
        ]
    for name, values in columns.items():
        field = DOCUMENT_SCHEMA.field(name)
        position = documents.schema.get_field_index(name)
        documents = documents.set_column(position, field, pa.array(values, type=field.type))
    return documents


def _needs_edit_rows(view: StringView) -> npt.NDArray[np.bool_]:
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
