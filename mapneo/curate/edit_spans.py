"""Changed spans of a text: applied, recorded in bytes, and composed over several steps."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple


class Span(NamedTuple):
    """What one step changes: characters `[start, end)` of its text become `replacement`."""

    start: int
    end: int
    replacement: str = ""


class Edit(NamedTuple):
    """One change: bytes `[start_byte, end_byte)` of the old text became `replacement`."""

    edit: str
    start_byte: int
    end_byte: int
    replacement: str


def apply_spans(text: str, spans: Iterable[Span]) -> str:
    """The text with ascending, disjoint spans replaced."""
    pieces: list[str] = []
    done = 0
    for span in spans:
        pieces += [text[done : span.start], span.replacement]
        done = span.end
    pieces.append(text[done:])
    return "".join(pieces)


def to_edits(name: str, text: str, spans: Iterable[Span]) -> list[Edit]:
    """Spans of `text` as edits called `name`, counted in bytes of UTF-8."""
    edits = []
    done_chars = done_bytes = 0
    for span in spans:
        start = done_bytes + byte_length(text[done_chars : span.start])
        end = start + byte_length(text[span.start : span.end])
        edits.append(Edit(name, start, end, span.replacement))
        done_chars, done_bytes = span.end, end
    return edits


def byte_length(text: str) -> int:
    """Bytes of a text in UTF-8; a lone surrogate takes three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def compose(earlier: Sequence[Edit], middle: bytes, later: Sequence[Edit]) -> list[Edit]:
    """Two steps as one: edits of the original text that give what the later step gave.

    An edit that meets no other keeps its name and replacement. Edits that overlap become one,
    called after the last of the later step.

    Args:
        earlier: edits of the original text, ascending and disjoint.
        middle: the text between the steps, UTF-8.
        later: edits of `middle`, ascending and disjoint.

    Returns:
        Edits of the original text, ascending and disjoint.
    """
    made: list[Edit] = []
    i = j = 0
    shift = 0  # an offset of `middle` minus the same place's offset in the original
    while i < len(earlier) or j < len(later):
        if j == len(later) or (i < len(earlier) and _end(earlier[i], shift) <= later[j].start_byte):
            made.append(earlier[i])
            shift += growth(earlier[i])
            i += 1
        elif i == len(earlier) or later[j].end_byte <= earlier[i].start_byte + shift:
            made.append(_moved(later[j], -shift))
            j += 1
        else:
            low = min(later[j].start_byte, earlier[i].start_byte + shift)
            start = min(later[j].start_byte - shift, earlier[i].start_byte)
            high, first = low + 1, j
            while True:
                if i < len(earlier) and earlier[i].start_byte + shift < high:
                    high = max(high, _end(earlier[i], shift))
                    shift += growth(earlier[i])
                    i += 1
                elif j < len(later) and later[j].start_byte < high:
                    high = max(high, later[j].end_byte)
                    j += 1
                else:
                    break
            replacement = _rewritten(middle, low, high, later[first:j])
            made.append(Edit(later[j - 1].edit, start, high - shift, replacement))
    return made


def _end(edit: Edit, shift: int) -> int:
    return edit.start_byte + shift + byte_length(edit.replacement)


def _moved(edit: Edit, distance: int) -> Edit:
    return edit._replace(start_byte=edit.start_byte + distance, end_byte=edit.end_byte + distance)


def _rewritten(middle: bytes, low: int, high: int, edits: Sequence[Edit]) -> str:
    pieces = []
    for edit in edits:
        pieces += [middle[low : edit.start_byte], edit.replacement.encode("utf-8", "surrogatepass")]
        low = edit.end_byte
    return b"".join([*pieces, middle[low:high]]).decode("utf-8", "surrogatepass")


def growth(edit: Edit) -> int:
    """By how many bytes an edit makes a text longer."""
    return byte_length(edit.replacement) - (edit.end_byte - edit.start_byte)


def shift_offset(offset_bytes: int, edits: Sequence[Edit]) -> int:
    """Where a byte offset of the old text lies in the new one.

    An offset inside a changed span moves to the start of its replacement.
    """
    return shift_offsets([offset_bytes], edits)[0]


def shift_offsets(offsets_bytes: Iterable[int], edits: Sequence[Edit]) -> list[int]:
    """`shift_offset` for many offsets of one text."""
    ends = [edit.end_byte for edit in edits]
    starts = [edit.start_byte for edit in edits]
    shifts = [0, *accumulate(growth(edit) for edit in edits)]
    moved = []
    for offset in offsets_bytes:
        before = bisect_right(ends, offset)
        inside = min(offset, starts[before]) if before < len(edits) else offset
        moved.append(inside + shifts[before])
    return moved
