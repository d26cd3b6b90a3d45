"""Sentences that say nearly what an earlier one of the same document says."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.curate.exchange import Records
from mapneo.curate.passage_marks import MARK
from mapneo.curate.passages_config import PassagesConfig
from mapneo.text.buffers import string_view
from mapneo.text.kernel import kernel
from mapneo.text.passages import outline
from mapneo.text.pieces import find_pieces
from mapneo.text.similar import Pieces, find_similar, is_prose
from mapneo.text.unicode import char_tables
from mapneo.text.utf8 import decode_placed

_Arrays = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]


def similar_marks(
    texts: pa.Array | pa.ChunkedArray, ranks: npt.NDArray[np.int64], config: PassagesConfig
) -> tuple[Records, npt.NDArray[np.int64]]:
    """Mark the later ones of similar sentences.

    Returns:
        Marks in order of row and start, and the work done: see `find_similar`.
    """
    view = string_view(texts)
    work = np.zeros(3, dtype=np.int64)
    rows, spans = _walk(
        view.data,
        view.offsets,
        char_tables().flags,
        config.similar_min_chars,
        config.similar_max_share,
        work,
    )
    marks = np.empty(rows.size, dtype=MARK)
    marks["row"], marks["source_rank"] = rows, ranks[rows]
    for number, name in enumerate(("start", "end", "source_start", "source_end")):
        marks[name] = spans[:, number]
    return marks, work


@kernel
def _walk(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint16],
    min_chars: int,
    max_share: float,
    work: npt.NDArray[np.int64],
) -> _Arrays:
    longest = 0
    for row in range(offsets.size - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    code_points = np.empty(longest, dtype=np.int32)
    places = np.empty(longest + 1, dtype=np.int32)
    flags = np.empty(longest, dtype=np.uint16)
    begins, ends = np.empty(longest, dtype=np.int32), np.empty(longest, dtype=np.int32)
    twins, newlines = np.empty(longest, dtype=np.int32), np.empty(longest, dtype=np.int32)
    hashes = np.empty(longest + 1, dtype=np.uint64)
    rows, spans = np.empty(64, dtype=np.int32), np.empty((64, 4), dtype=np.int32)
    filled = 0
    for row in range(offsets.size - 1):
        size = decode_placed(data, offsets[row], offsets[row + 1], code_points, places)
        for position in range(size):
            flags[position] = table[code_points[position]]
        found = find_pieces(code_points[:size], flags[:size], begins, ends)
        kept = 0
        for number in range(found):
            if is_prose(flags[begins[number] : ends[number]], min_chars):
                begins[kept], ends[kept] = begins[number], ends[number]
                kept += 1
        if kept < 2:
            continue
        text = outline(code_points[:size], newlines, hashes)
        pieces = Pieces(code_points[:size], begins[:kept], ends[:kept])
        find_similar(pieces, text, max_share, twins, work)
        for number in range(kept):
            twin = twins[number]
            if twin < 0:
                continue
            if filled == rows.size:
                rows, spans = _twice(rows, spans)
            rows[filled] = row
            spans[filled, 0], spans[filled, 1] = places[begins[number]], places[ends[number]]
            spans[filled, 2], spans[filled, 3] = places[begins[twin]], places[ends[twin]]
            filled += 1
    return rows[:filled], spans[:filled]


@kernel
def _twice(rows: npt.NDArray[np.int32], spans: npt.NDArray[np.int32]) -> _Arrays:
    """The same arrays with room for twice as much."""
    more_rows = np.empty(2 * rows.size, dtype=np.int32)
    more_spans = np.empty((2 * rows.size, 4), dtype=np.int32)
    more_rows[: rows.size] = rows
    more_spans[: rows.size] = spans
    return more_rows, more_spans
