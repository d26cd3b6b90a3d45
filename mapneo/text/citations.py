"""Wikipedia's citation marks: `[12]`, `[]`, `[edit]`, `[citation needed]`.

Source: the C4 filter of datatrove 0.10.1, which removes them from every line.
"""

import unicodedata

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel


def padded_phrases(phrases: list[str]) -> npt.NDArray[np.int32]:
    """Phrases for kernels: int32, a row each, padded with at least one 0."""
    table = np.zeros((len(phrases), max(map(len, phrases)) + 1), dtype=np.int32)
    for row, phrase in zip(table, phrases, strict=True):
        row[: len(phrase)] = [ord(c) for c in phrase]
    return table


_LETTERED_CITATIONS = padded_phrases(["[edit]", "[citation needed]"])
# `\d` means decimal digits, which come in runs of ten; `str.isdigit` knows more (², ①). Unicode
# has none above plane 1.
_DECIMAL_ZEROS = np.array(
    [c for c in range(0x20000) if unicodedata.decimal(chr(c), None) == 0], dtype=np.int32
)
_OPEN, _CLOSE = map(ord, "[]")


def citations_of(text: str) -> list[tuple[int, int]]:
    """Start and end, in characters, of every citation in a text."""
    code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.int32)
    return [(start, end) for start, end in citations(code_points.copy()).tolist()]


@kernel
def citations(code_points: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Start and end of every `[12]`, `[]`, `[edit]` and `[citation needed]`: int32, (n, 2)."""
    opened = 0
    for value in code_points:
        opened += value == _OPEN
    spans = np.empty((opened, 2), dtype=np.int32)
    found, position = 0, int(np.int64(0))  # a literal 0 would compile `citation_end` twice
    while position < code_points.size:
        after = position
        if code_points[position] == _OPEN:
            after = citation_end(code_points, position, code_points.size)
        if after > position:
            spans[found, 0], spans[found, 1] = position, after
            found += 1
        position = max(after, position + 1)
    return spans[:found].copy()


@kernel
def citation_end(code_points: npt.NDArray[np.int32], start: int, end: int) -> int:
    """Where the citation that opens at `start` (a "[") ends, or `start` if there is none."""
    position = start + 1
    while position < end and _is_decimal(code_points[position]):
        position += 1
    if position < end and code_points[position] == _CLOSE:
        return position + 1
    for phrase in _LETTERED_CITATIONS:
        size = 0
        while phrase[size] and start + size < end and code_points[start + size] == phrase[size]:
            size += 1
        if phrase[size] == 0:
            return start + size
    return start


@kernel
def _is_decimal(code_point: int) -> bool:
    if code_point < 0x80:
        return 0x30 <= code_point <= 0x39
    low, high = 0, _DECIMAL_ZEROS.size
    while high - low > 1:
        middle = (low + high) // 2
        if _DECIMAL_ZEROS[middle] <= code_point:
            low = middle
        else:
            high = middle
    return bool(code_point - _DECIMAL_ZEROS[low] < 10)
