"""Documents of which cuts leave too little go; but nothing that a copy elsewhere rests on.

What a span names as its source may itself be cut, with a source still earlier in the order; so a
chain of sources ends at text that is kept. Two things could break it: the document there goes,
or the text there was cut for being *like* another, and what it says word by word is lost. Both are
held against the sources of all exact copies. If one lies in what is left of a document that would
go, the document stays; if one lies in a sentence cut for being like another, the sentence stays,
and so does its document.
Staying only adds text, so it breaks no other chain, and one round is enough.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.curate.exchange import Records
from mapneo.curate.passage_drafts import KINDS
from mapneo.curate.passages_config import SIMILAR_LINE
from mapneo.text.buffers import StringView
from mapneo.text.cuts import count_chars, trim_bytes, widen_cuts
from mapneo.text.kernel import kernel

SHORT = np.dtype([("row", "<i4"), ("rank", "<i8"), ("chars", "<i4"), ("bytes", "<i4")])
STRETCH = np.dtype([("rank", "<i8"), ("start", "<i4"), ("end", "<i4")])

_OFFSET_BITS = 31


class Cuts(NamedTuple):
    """What is cut out of the rows of a shard.

    Attributes:
        row: int32, shape (cuts,); ascending.
        start: int32, in bytes of the text; ascending and disjoint within a row.
        end: int32.
        touched: int32, shape (rows,); rows with cuts.
        left: int32, shape (rows,); characters that are left of each of those.
    """

    row: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    touched: npt.NDArray[np.int32]
    left: npt.NDArray[np.int32]


def cuts_of(view: StringView, flags: npt.NDArray[np.uint16], spans: Records) -> Cuts:
    """What spans (row, start, end; sorted by row and start) take out of their texts.

    Spans of all kinds are united and widened: see `mapneo.text.cuts.widen_cuts`.
    """
    row, start, end = (spans[name].copy() for name in ("row", "start", "end"))
    touched = np.unique(row)
    first = np.searchsorted(row, touched)
    limits = np.append(first, row.size)
    sizes = np.empty(touched.size, dtype=np.int64)
    left = np.empty(touched.size, dtype=np.int32)
    _cut_rows(view.data, view.offsets, flags, touched, limits, start, end, sizes, left)
    chosen = np.repeat(first, sizes) + _count_up(sizes)
    return Cuts(np.repeat(touched, sizes), start[chosen], end[chosen], touched, left)


def _count_up(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, … for each size, end to end."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if sizes.size else 0
    return np.arange(total) - np.repeat(ends - sizes, sizes)


@kernel
def _cut_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint16],
    touched: npt.NDArray[np.int32],
    limits: npt.NDArray[np.int64],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int64],
    left: npt.NDArray[np.int32],
) -> None:
    for n in range(touched.size):
        text = data[offsets[touched[n]] : offsets[touched[n] + 1]]
        starts, ends = start[limits[n] : limits[n + 1]], end[limits[n] : limits[n + 1]]
        sizes[n] = widen_cuts(text, flags, starts, ends)
        chars = count_chars(text, int(np.int64(0)), text.size)
        for cut in range(sizes[n]):
            chars -= count_chars(text, starts[cut], ends[cut])
        left[n] = chars


def short_documents(
    view: StringView,
    flags: npt.NDArray[np.uint16],
    cuts: Cuts,
    ranks: npt.NDArray[np.int64],
    min_chars: int,
) -> tuple[Records, Records]:
    """Documents that cuts leave with fewer than `min_chars`, and where what is left of them lies.

    Returns:
        Records of dtype SHORT, in order of row, and of dtype STRETCH: stretches with text.
    """
    rows = cuts.touched[cuts.left < min_chars]
    short = np.empty(rows.size, dtype=SHORT)
    short["row"], short["rank"] = rows, ranks[rows]
    short["chars"] = cuts.left[cuts.left < min_chars]
    short["bytes"] = np.diff(view.offsets)[rows]
    inside = np.isin(cuts.row, rows)
    row, start, end = cuts.row[inside], cuts.start[inside], cuts.end[inside]
    left_row, left_start, left_end = _gaps(view.data, view.offsets, flags, row, start, end)
    remains = np.empty(left_row.size, dtype=STRETCH)
    remains["rank"], remains["start"], remains["end"] = ranks[left_row], left_start, left_end
    return short, remains


@kernel
def _gaps(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint16],
    row: npt.NDArray[np.int32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Stretches with text between cuts, and before and behind them."""
    out_row = np.empty(2 * row.size, dtype=np.int32)
    out_start, out_end = np.empty_like(out_row), np.empty_like(out_row)
    size = 0
    for n in range(row.size):
        text = data[offsets[row[n]] : offsets[row[n] + 1]]
        if n == 0 or row[n - 1] != row[n]:
            low, high = trim_bytes(text, flags, int(np.int64(0)), start[n])
            if low < high:
                out_row[size], out_start[size], out_end[size] = row[n], low, high
                size += 1
        following = start[n + 1] if n + 1 < row.size and row[n + 1] == row[n] else text.size
        low, high = trim_bytes(text, flags, end[n], following)
        if low < high:
            out_row[size], out_start[size], out_end[size] = row[n], low, high
            size += 1
    return out_row[:size], out_start[:size], out_end[:size]


def soft_spans(view: StringView, drafts: Records, ranks: npt.NDArray[np.int64]) -> Records:
    """Spans of sentences that are like their source but not equal to it, with dtype STRETCH."""
    some = drafts[drafts["kind"] == KINDS.index(SIMILAR_LINE)]
    names = ("row", "start", "end", "source_start", "source_end")
    columns = [np.ascontiguousarray(some[name]) for name in names]
    some = some[_differ(view.data, view.offsets, *columns)]
    soft = np.empty(some.size, dtype=STRETCH)
    soft["rank"], soft["start"], soft["end"] = ranks[some["row"]], some["start"], some["end"]
    return soft


@kernel
def _differ(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    row: npt.NDArray[np.int32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    source_start: npt.NDArray[np.int32],
    source_end: npt.NDArray[np.int32],
) -> npt.NDArray[np.bool_]:
    differ = np.ones(row.size, dtype=np.bool_)
    for n in range(row.size):
        left, right = offsets[row[n]] + start[n], offsets[row[n]] + source_start[n]
        size, same = end[n] - start[n], 0
        if source_end[n] - source_start[n] != size:
            continue
        while same < size and data[left + same] == data[right + same]:
            same += 1
        differ[n] = same < size
    return differ


def rested_on(
    drafts: Records, ranks: npt.NDArray[np.int64], stretches: Records, *, own: bool
) -> Records:
    """Those of the stretches, of any shards, in which the source of a shard's exact copy lies.

    Args:
        drafts: the shard's spans.
        ranks: of the shard's documents.
        stretches: remains or soft spans, with dtype STRETCH, disjoint.
        own: whether copies in the document of the stretch count. A document is no reason for its
            own remains to stay, but for its own sentences.
    """
    stretches = np.sort(stretches, order=("rank", "start"))
    exact = drafts["kind"] != KINDS.index(SIMILAR_LINE)
    chosen = drafts[exact if own else exact & (drafts["source_rank"] != ranks[drafts["row"]])]
    names = ("source_rank", "source_start", "source_end")
    sources = [np.ascontiguousarray(chosen[name]) for name in names]
    ends = (stretches["rank"] << _OFFSET_BITS) + stretches["end"]
    first = np.searchsorted(ends, (sources[0] << _OFFSET_BITS) + sources[1], "right")
    rank, start = (np.ascontiguousarray(stretches[name]) for name in ("rank", "start"))
    hit = _hits(first, sources[0], sources[2], rank, start)
    return stretches[hit]


@kernel
def _hits(
    first: npt.NDArray[np.int64],
    source_rank: npt.NDArray[np.int64],
    source_end: npt.NDArray[np.int32],
    rank: npt.NDArray[np.int64],
    start: npt.NDArray[np.int32],
) -> npt.NDArray[np.bool_]:
    hit = np.zeros(rank.size, dtype=np.bool_)
    for n in range(first.size):
        place = first[n]
        while place < rank.size and rank[place] == source_rank[n] and start[place] < source_end[n]:
            hit[place] = True
            place += 1
    return hit


def without_rested(drafts: Records, ranks: npt.NDArray[np.int64], soft: Records) -> Records:
    """A shard's spans without the like sentences that exact copies rest on, in the same order."""
    place = (ranks[drafts["row"]] << _OFFSET_BITS) + drafts["start"]
    rested = np.isin(place, (soft["rank"] << _OFFSET_BITS) + soft["start"])
    kept: Records = drafts[~(rested & (drafts["kind"] == KINDS.index(SIMILAR_LINE)))]
    return kept
