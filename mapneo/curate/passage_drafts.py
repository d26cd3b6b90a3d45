"""From marks to what is to be cut: one source for each stretch, whole sentences, one list."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mapneo.curate.exchange import Records
from mapneo.curate.passage_marks import MARK
from mapneo.curate.passages_config import LINE, PARAGRAPH, SIMILAR_LINE, SUBSTRING
from mapneo.text.buffers import StringView
from mapneo.text.kernel import kernel
from mapneo.text.passages import trim
from mapneo.text.pieces import find_pieces
from mapneo.text.utf8 import decode_placed

KINDS = (LINE, PARAGRAPH, SIMILAR_LINE, SUBSTRING)
DRAFT = np.dtype([("kind", "u1"), *MARK.descr])
"""A mark with its kind, as a number of KINDS."""

_NEWLINE = ord("\n")


def drafts_of(marks: Mapping[str, Records]) -> Records:
    """One list of marks of several kinds, in order of row, start, kind, end, source."""
    parts = []
    for kind, some in marks.items():
        draft = np.empty(some.size, dtype=DRAFT)
        draft["kind"] = KINDS.index(kind)
        for name in MARK.names or ():
            draft[name] = some[name]
        parts.append(draft)
    drafts = np.concatenate([np.empty(0, dtype=DRAFT), *parts])
    names = ("row", "start", "kind", "end", "source_rank", "source_start")
    return drafts[np.lexsort([drafts[name] for name in reversed(names)])]


def one_source_each(marks: Records) -> Records:
    """Overlapping marks of substrings as disjoint ones that cover the same, as few as can be.

    Marks that continue one another in the same source become one. Where several cover a place, the
    one that reaches farthest is followed to its end.
    """
    lag = marks["source_start"].astype(np.int64) - marks["start"]
    some = marks[np.lexsort((marks["start"], lag, marks["source_rank"], marks["row"]))]
    columns = [np.ascontiguousarray(some[name]) for name in MARK.names or ()]
    row, start, end, rank, source, _ = columns
    size = _join(row, start, end, rank, source)
    order = np.lexsort((source[:size], rank[:size], -end[:size], start[:size], row[:size]))
    row, start, end, rank, source = (a[:size][order] for a in (row, start, end, rank, source))
    chosen, froms, untils = _cover(row, start, end)
    made = np.empty(chosen.size, dtype=MARK)
    made["row"], made["start"], made["end"] = row[chosen], froms, untils
    made["source_rank"] = rank[chosen]
    made["source_start"] = source[chosen] + (froms - start[chosen])
    made["source_end"] = source[chosen] + (untils - start[chosen])
    return made


@kernel
def _join(
    row: npt.NDArray[np.int32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    rank: npt.NDArray[np.int64],
    source: npt.NDArray[np.int32],
) -> int:
    """Join neighbours with one lag that overlap or touch, in place; how many are left."""
    size = 0
    for n in range(row.size):
        last = size - 1
        if (
            size
            and row[last] == row[n]
            and rank[last] == rank[n]
            and source[last] - start[last] == source[n] - start[n]
            and start[n] <= end[last]
        ):
            end[last] = max(end[last], end[n])
            continue
        row[size], start[size], end[size] = row[n], start[n], end[n]
        rank[size], source[size] = rank[n], source[n]
        size += 1
    return size


@kernel
def _cover(
    row: npt.NDArray[np.int32], start: npt.NDArray[np.int32], end: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Cover the union of intervals, sorted by row and start: (interval, from, until) each."""
    chosen = np.empty(row.size, dtype=np.int64)
    froms, untils = np.empty(row.size, dtype=np.int32), np.empty(row.size, dtype=np.int32)
    size, n = 0, 0
    while n < row.size:
        here, place, best = row[n], start[n], n
        while True:
            while n < row.size and row[n] == here and start[n] <= place:
                if end[n] > end[best]:
                    best = n
                n += 1
            if end[best] <= place:
                break
            chosen[size], froms[size], untils[size] = best, place, end[best]
            place = end[best]
            size += 1
    return chosen[:size], froms[:size], untils[:size]


def snap(marks: Records, view: StringView, flags: npt.NDArray[np.uint16], cut_at: str) -> Records:
    """Marks of `one_source_each`, cut back to the sentences or lines that lie wholly inside.

    Neighbouring marks that touch are one stretch.
    """
    if cut_at == "exact" or not marks.size:
        return marks
    row, start, end = (np.ascontiguousarray(marks[name]) for name in ("row", "start", "end"))
    froms, untils = np.empty_like(start), np.empty_like(end)
    by_lines = cut_at == "line"
    _snap(view.data, view.offsets, flags, by_lines, row, start, end, froms, untils)
    made = marks.copy()
    made["start"], made["end"] = froms, untils
    made["source_start"] += froms - start
    made["source_end"] += untils - end
    return made[froms < untils]


@kernel
def _snap(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint16],
    by_lines: bool,
    row: npt.NDArray[np.int32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    froms: npt.NDArray[np.int32],
    untils: npt.NDArray[np.int32],
) -> None:
    longest = 0
    for n in row:
        longest = max(longest, offsets[n + 1] - offsets[n])
    code_points = np.empty(longest, dtype=np.int32)
    places = np.empty(longest + 1, dtype=np.int32)
    flags = np.empty(longest, dtype=np.uint16)
    begins, ends = np.empty(longest, dtype=np.int32), np.empty(longest, dtype=np.int32)
    n, here, found = 0, -1, 0
    while n < row.size:
        if row[n] != here:
            here = row[n]
            size = decode_placed(data, offsets[here], offsets[here + 1], code_points, places)
            for position in range(size):
                flags[position] = table[code_points[position]]
            if by_lines:
                found = _find_lines(code_points[:size], flags[:size], begins, ends)
            else:
                found = find_pieces(code_points[:size], flags[:size], begins, ends)
            for number in range(found):
                begins[number], ends[number] = places[begins[number]], places[ends[number]]
        last = n
        while last + 1 < row.size and row[last + 1] == here and start[last + 1] == end[last]:
            last += 1
        first = np.searchsorted(begins[:found], start[n], "left")
        behind = np.searchsorted(ends[:found], end[last], "right")
        low = begins[first] if first < found else end[last]
        high = ends[behind - 1] if behind > 0 else start[n]
        for inside in range(n, last + 1):
            froms[inside] = min(max(start[inside], low), end[inside])
            untils[inside] = max(min(end[inside], high), froms[inside])
        n = last + 1


@kernel
def _find_lines(
    code_points: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    begins: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
) -> int:
    """Lines with text, trimmed."""
    found = begin = 0
    for position in range(code_points.size + 1):
        if position == code_points.size or code_points[position] == _NEWLINE:
            first, last = trim(flags, begin, position)
            begin = position + 1
            if first < last:
                begins[found], ends[found] = first, last
                found += 1
    return found
