"""C4's line rules on decoded text: which lines stay, and what its page rules must know.

The order inside a line is that of datatrove's C4 filter: strip, over-long word, citations out,
closing mark, few words, "lorem ipsum" (drops the page), "javascript", curly bracket (drops the
page), policy phrases. Here the two page rules are facts beside the lines: a line that only they
mind is judged on, so each of them can be switched off without another look at the text.

Source: Raffel et al. 2020 (T5), section 2.2; datatrove 0.10.1, `C4QualityFilter`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.buffers import StringView
from mapneo.text.citations import citation_end, citations, padded_phrases
from mapneo.text.kernel import kernel
from mapneo.text.passages import trim
from mapneo.text.sentences import count_sentences
from mapneo.text.unicode import SPACE, char_tables
from mapneo.text.utf8 import decode_utf8

KEPT, TOO_LONG_WORD, NO_CLOSING_MARK, FEW_WORDS, JAVASCRIPT, POLICY = range(6)
"""What becomes of a line; all but the first remove it."""

MAX_WORD_CHARS = 1000
MIN_LINE_WORDS = 3


class C4Columns(NamedTuple):
    """Column of each fact in the result of `count_c4`.

    Lines are those of `str.splitlines`; blank ones count among `no_closing_mark_lines`.
    `sentences` are those of the kept lines, stripped and without citations.
    `lorem_ipsum_first` is 1 if the first line that makes C4 drop the page does so for "lorem
    ipsum"; `curly_bracket` is 1 if a line that gets as far as that rule holds "{". Rules in the
    order lorem_ipsum_first, curly_bracket, sentences give C4's outcome and first reason.
    """

    lines: int
    kept_lines: int
    sentences: int
    lorem_ipsum_first: int
    curly_bracket: int
    too_long_word_lines: int
    no_closing_mark_lines: int
    few_words_lines: int
    javascript_lines: int
    policy_lines: int


C4_COLUMNS = C4Columns(*range(len(C4Columns._fields)))
"""Where each fact stands in a row."""

# Found in a line: one bit each, and "{".
_LOREM, _SCRIPT, _POLICY, _CURLY = 1, 2, 4, 8
_NEEDLES = (
    (_LOREM, "lorem ipsum"),
    (_SCRIPT, "javascript"),
    (_POLICY, "terms of use"),
    (_POLICY, "privacy policy"),
    (_POLICY, "cookie policy"),
    (_POLICY, "uses cookies"),
    (_POLICY, "use of cookies"),
    (_POLICY, "use cookies"),
)

_NEEDLE_BITS = np.array([bit for bit, _ in _NEEDLES], dtype=np.int64)
_NEEDLE_TABLE = padded_phrases([phrase for _, phrase in _NEEDLES])
_STARTS = np.isin(np.arange(0x80), [*_NEEDLE_TABLE[:, 0], ord("{")])
_CLOSING = tuple(map(ord, ".?!\"'"))
_BREAKS = tuple(map(ord, "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))
_CR, _LF, _STOP, _OPEN, _CURLY_MARK = map(ord, "\r\n.[{")
_KELVIN, _SMALL_K = 0x212A, ord("k")


def count_c4(view: StringView, *, closing_mark: bool = True) -> npt.NDArray[np.float64]:
    """C4's facts about a batch of texts.

    Args:
        view: the texts.
        closing_mark: whether a line must end in one; FineWeb's C4 rules do without.

    Returns:
        float64, shape (rows, facts), columns as `C4_COLUMNS`. A null text counts as an empty one.
    """
    counts = np.zeros((view.valid.size, len(C4_COLUMNS)), dtype=np.float64)
    _count_rows(view.data, view.offsets, char_tables().flags, closing_mark, counts)
    return counts


def c4_line_table(text: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """What C4 keeps of one text.

    Returns:
        int32, shape (kept lines, 2): start and end of each kept line, stripped, in characters;
        int32, shape (citations, 2): start and end of every citation in the text.
    """
    code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.int32).copy()
    flags = char_tables().flags[code_points]
    table = np.zeros((_count_breaks(code_points) + 1, 3), dtype=np.int32)
    lines = c4_lines(code_points, flags, True, table, np.zeros(len(C4_COLUMNS)))
    return table[:lines][table[:lines, 0] == KEPT, 1:], citations(code_points)


@kernel
def _count_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint16],
    closing_mark: bool,
    counts: npt.NDArray[np.float64],
) -> None:
    longest = 1
    for row in range(counts.shape[0]):
        longest = max(longest, offsets[row + 1] - offsets[row])
    code_points = np.empty(longest, dtype=np.int32)
    flags = np.empty(longest, dtype=np.uint16)
    no_table = np.empty((0, 3), dtype=np.int32)
    for row in range(counts.shape[0]):
        chars = decode_utf8(data, offsets[row], offsets[row + 1], code_points)
        for position in range(chars):
            flags[position] = table[code_points[position]]
        c4_lines(code_points[:chars], flags[:chars], closing_mark, no_table, counts[row])


@kernel
def c4_lines(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    closing_mark: bool,
    table: npt.NDArray[np.int32],
    row: npt.NDArray[np.float64],
) -> int:
    """Judge every line of one document.

    Args:
        code_points: int32, shape (chars,).
        flags: uint16, shape (chars,), from `char_tables`.
        closing_mark: whether a line must end in one.
        table: int32, shape (lines, 3), filled with decision, start and end of each stripped line;
            no rows if only the facts are wanted.
        row: float64, columns as `C4_COLUMNS`, added to.

    Returns:
        The number of lines.
    """
    line = np.empty(code_points.size, dtype=np.int32)
    line_flags = np.empty(code_points.size, dtype=np.uint16)
    begin, lines = int(np.int64(0)), 0
    dropped = False
    while begin < code_points.size:
        newline = begin
        while newline < code_points.size and code_points[newline] not in _BREAKS:
            newline += 1
        first, end = trim(flags, begin, newline)
        size = _copy_without_citations(code_points, flags, first, end, line, line_flags)
        decision, found = _judge(flags[first:end], line[:size], closing_mark)
        if found & _LOREM and not dropped:
            row[C4_COLUMNS.lorem_ipsum_first] = 1
            dropped = True
        if found & _CURLY:
            row[C4_COLUMNS.curly_bracket] = 1
            dropped = True
        if decision == KEPT:
            row[C4_COLUMNS.kept_lines] += 1
            row[C4_COLUMNS.sentences] += count_sentences(line[:size], line_flags[:size])
        else:
            row[C4_COLUMNS.too_long_word_lines + decision - TOO_LONG_WORD] += 1
        if table.shape[0]:
            table[lines, 0], table[lines, 1], table[lines, 2] = decision, first, end
        lines += 1
        begin = _next_line(code_points, newline)
    row[C4_COLUMNS.lines] += lines
    return lines


@kernel
def _next_line(code_points: npt.NDArray[np.int32], newline: int) -> int:
    after = newline + 1
    is_pair = after < code_points.size and code_points[newline] == _CR
    return after + 1 if is_pair and code_points[after] == _LF else after


@kernel
def _copy_without_citations(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    first: int,
    end: int,
    line: npt.NDArray[np.int32],
    line_flags: npt.NDArray[np.uint16],
) -> int:
    """Fill `line` and its flags; returns the characters written."""
    size = 0
    position = first
    while position < end:
        if code_points[position] == _OPEN:
            after = citation_end(code_points, position, end)
            if after > position:
                position = after
                continue
        line[size], line_flags[size] = code_points[position], flags[position]
        size += 1
        position += 1
    return size


@kernel
def _judge(
    raw_flags: npt.NDArray[np.uint16], line: npt.NDArray[np.int32], closing_mark: bool
) -> tuple[int, int]:
    """Decision on a line, and the bits of page rules that were reached and hit.

    `raw_flags` are those of the stripped line with its citations (words are counted in it), `line`
    is without them.
    """
    words = longest = size = 0
    for flag in raw_flags:
        if flag & SPACE:
            size = 0
        else:
            words += size == 0
            size += 1
            longest = max(longest, size)
    if longest > MAX_WORD_CHARS:
        return TOO_LONG_WORD, 0
    if closing_mark and not _has_closing_mark(line):
        return NO_CLOSING_MARK, 0
    if words < MIN_LINE_WORDS:
        return FEW_WORDS, 0
    found = _search(line)
    if found & _SCRIPT:
        return JAVASCRIPT, found & _LOREM
    decision = POLICY if found & _POLICY else KEPT
    return decision, found & (_LOREM | _CURLY)


@kernel
def _has_closing_mark(line: npt.NDArray[np.int32]) -> bool:
    if line.size == 0 or line[-1] not in _CLOSING:
        return False
    return line.size < 3 or not (line[-1] == line[-2] == line[-3] == _STOP)


@kernel
def _search(line: npt.NDArray[np.int32]) -> int:
    """Bits of the phrases that stand in a line, in any case, and of "{"."""
    found = 0
    for start in range(line.size):
        letter = _lower(line[start])
        if letter >= 0x80 or not _STARTS[letter]:
            continue
        if letter == _CURLY_MARK:
            found |= _CURLY
            continue
        for needle in range(_NEEDLE_TABLE.shape[0]):
            if letter == _NEEDLE_TABLE[needle, 0]:
                matched = 1
                while (
                    start + matched < line.size
                    and _lower(line[start + matched]) == _NEEDLE_TABLE[needle, matched]
                ):
                    matched += 1
                if _NEEDLE_TABLE[needle, matched] == 0:
                    found |= _NEEDLE_BITS[needle]
    return found


@kernel
def _lower(code_point: int) -> int:
    """`str.lower` as far as ASCII phrases can tell.

    Of other characters only the Kelvin sign becomes an ASCII letter; a dotted capital I becomes
    "i" and a combining dot, which no phrase holds.
    """
    if 0x41 <= code_point <= 0x5A:
        return code_point + 0x20
    return _SMALL_K if code_point == _KELVIN else code_point


@kernel
def _count_breaks(code_points: npt.NDArray[np.int32]) -> int:
    count = 0
    for value in code_points:
        count += value in _BREAKS
    return count
