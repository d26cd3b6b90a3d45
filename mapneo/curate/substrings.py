"""Exact substrings: every stretch of N units that stands earlier is marked, at linear work.

A window of N units is a copy if the same window stands in an earlier document (or earlier in the
same one, not overlapping, if asked for). Sending each window to a partition would say so at once,
and cost a record per character. So windows are sent in three rounds, each smaller:
1. The key of each *anchor* (`mapneo.text.windows`), one in N/4 characters. Equal windows have equal
   anchors, so an anchor that is alone in the corpus speaks for windows that are alone.
2. Of the others, a hash of the stretch *around* the anchor, which holds all windows that contain
   it. If the same stretch stands earlier, all those are copies. If all stretches around an anchor
   are the same, nothing else is left to ask.
3. Of the first of each stretch that is left, at the ends of what two documents share, the windows
   that name the anchor, each with a hash of its own. But only those whose core, most of what they
   hold, is shared by another one that is left.
The first occurrence of any window takes part in round 3, or is decided in round 2: its anchor has
no equal stretch before it, or that would hold the window earlier still. So the marks are those of
the definition; nothing depends on how popular an anchor is but the number of its records.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.curate.exchange import Records, gather, split_by_key
from mapneo.curate.groups import firsts, repeated
from mapneo.curate.passage_marks import by_shard, marks_by_shard
from mapneo.curate.passages_config import SUBSTRING, PassagesConfig
from mapneo.text.buffers import string_view
from mapneo.text.unicode import char_tables
from mapneo.text.window_walk import (
    CORES,
    Anchors,
    Windows,
    anchor_keys,
    anchors_wanted,
    core_range,
    windows_of,
)
from mapneo.text.windows import WindowSetting, window_setting

ANCHOR, SHARED, AROUND, EXPAND, WINDOW = "anchor", "shared", "around", "expand", "window"
WINDOW_MARK = "window_mark"

_PLACE = [("rank", "<i8"), ("row", "<i4"), ("start", "<i4"), ("end", "<i4"), ("unit", "<i4")]
AROUND_RECORD = np.dtype(
    [
        ("key", "<u8"),
        ("around", "<u8"),
        ("cores", "<u8", (CORES,)),
        *_PLACE,
        ("anchor", "<i4"),
        ("first", "<i4"),
        ("windows", "<i4"),
    ]
)
WINDOW_RECORD = np.dtype([("key", "<u8"), ("check", "<u8"), *_PLACE])
EXPAND_RECORD = np.dtype([("row", "<i4"), ("first", "<i4"), ("windows", "<i4")])

_MIX = np.uint64(0x9E3779B97F4A7C15)


def _setting(config: PassagesConfig) -> WindowSetting:
    return window_setting(config.substring_units, by_words=config.substring_by == "words")


def anchor_parts(
    texts: pa.ChunkedArray, config: PassagesConfig, partitions: int
) -> dict[str, Records]:
    """Round 1, map: keys of a shard's anchors, as parts `anchor-<partition>`."""
    view = string_view(texts)
    keys = anchor_keys(view.data, view.offsets, char_tables().flags, _setting(config))
    return split_by_key(ANCHOR, keys, keys, partitions)


def decide_anchors(files: Sequence[InputFile], partition: int) -> dict[str, Records]:
    """Round 1, decide: which of each shard's anchors are not alone, as parts `shared-<shard>`.

    Bits, in the order in which the shard sent them.
    """
    keys, starts = gather(files, f"{ANCHOR}-{partition}")
    shared = repeated(keys)
    return {
        f"{SHARED}-{n}": np.packbits(shared[starts[n] : starts[n + 1]]) for n in range(len(files))
    }


def around_parts(
    texts: pa.ChunkedArray,
    ranks: npt.NDArray[np.int64],
    bits: Sequence[npt.NDArray[np.uint8]],
    config: PassagesConfig,
) -> dict[str, Records]:
    """Round 2, map: the stretches around anchors that are not alone, as parts `around-<p>`.

    Args:
        texts: of the shard.
        ranks: of its documents.
        bits: what round 1 decided, by partition.
        config: as in round 1.
    """
    view, flags, setting = string_view(texts), char_tables().flags, _setting(config)
    shared = [np.unpackbits(part).astype(np.bool_) for part in bits]
    begins = np.cumsum([0, *(part.size for part in shared)])[:-1]
    wanted = np.concatenate(shared)
    anchors = anchors_wanted(view.data, view.offsets, flags, setting, wanted, begins)
    return _split(AROUND, anchors, AROUND_RECORD, ranks, len(bits))


def decide_around(
    files: Sequence[InputFile], partition: int, config: PassagesConfig
) -> dict[str, Records]:
    """Round 2, decide: marks as parts `substring-<shard>`, and what to ask, `expand-<shard>`."""
    records, starts = gather(files, f"{AROUND}-{partition}")
    first, is_copy, is_mixed = _judge(records, "around", config)
    places = np.flatnonzero(is_mixed & ~is_copy)
    asked, places = _runs_to_ask(records[places], places, config)
    marks = _marks(SUBSTRING, records, starts, first, is_copy)
    return marks | by_shard(EXPAND, asked, places, starts)


def _runs_to_ask(
    records: Records, places: npt.NDArray[np.int64], config: PassagesConfig
) -> tuple[Records, npt.NDArray[np.int64]]:
    """Runs of windows, with dtype EXPAND_RECORD, whose core another record has, too.

    Returns the runs and, for each, the one of `places` that its record has.
    """
    runs, of = [], []
    setting = _setting(config)
    rank, unit = _columns(records, ("rank", "unit"))
    for core in range(CORES):
        content = np.ascontiguousarray(records["cores"][:, core])
        value = (records["key"] * _MIX ^ content) | np.uint64(1)
        shared = repeated(value)
        if not config.substring_within_document:
            first, _ = firsts(value, content, rank, unit)
            elsewhere = np.zeros(value.size, dtype=np.bool_)
            elsewhere[first[rank != rank[first]]] = True
            shared = elsewhere[first]
        shared &= content != 0
        some = records[shared]
        low, high = core_range(setting, core)
        run = np.empty(some.size, dtype=EXPAND_RECORD)
        run["row"] = some["row"]
        run["first"] = np.maximum(some["first"], some["anchor"] - high)
        last = np.minimum(some["first"] + some["windows"] - 1, some["anchor"] - low)
        run["windows"] = last - run["first"] + 1
        runs.append(run)
        of.append(places[shared])
    return np.concatenate(runs), np.concatenate(of)


def window_parts(
    texts: pa.ChunkedArray,
    ranks: npt.NDArray[np.int64],
    asked: Sequence[Records],
    config: PassagesConfig,
) -> dict[str, Records]:
    """Round 3, map: the windows asked for, as parts `window-<partition>`."""
    view = string_view(texts)
    runs = np.concatenate(asked)
    runs = runs[np.lexsort((runs["first"], runs["row"]))]
    windows = windows_of(
        view.data,
        view.offsets,
        char_tables().flags,
        _setting(config),
        *_columns(runs, ("row", "first", "windows")),
    )
    return _split(WINDOW, windows, WINDOW_RECORD, ranks, len(asked))


def decide_windows(
    files: Sequence[InputFile], partition: int, config: PassagesConfig
) -> dict[str, Records]:
    """Round 3, decide: more marks, as parts `window_mark-<shard>`."""
    records, starts = gather(files, f"{WINDOW}-{partition}")
    first, is_copy, _ = _judge(records, "check", config)
    return _marks(WINDOW_MARK, records, starts, first, is_copy)


def _judge(
    records: Records, content: str, config: PassagesConfig
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The first record with the same content; whether that is an earlier copy; mixed keys.

    In the same document, a place is a copy only if asked for and if the two do not overlap.
    """
    key, body, rank, unit = _columns(records, ("key", content, "rank", "unit"))
    first, is_mixed = firsts(key, body, rank, unit)
    is_copy = rank != rank[first]
    if config.substring_within_document:
        is_copy |= unit - unit[first] >= config.substring_units
    return first, is_copy, is_mixed


def _columns(records: Records, names: Sequence[str]) -> list[npt.NDArray[Any]]:
    return [np.ascontiguousarray(records[name]) for name in names]


def _split(
    kind: str,
    columns: Anchors | Windows,
    dtype: np.dtype[np.void],
    ranks: npt.NDArray[np.int64],
    partitions: int,
) -> dict[str, Records]:
    records = np.empty(columns.key.size, dtype=dtype)
    for name, column in zip(columns._fields, columns, strict=True):
        records[name] = column
    records["rank"] = ranks[records["row"]]
    return split_by_key(kind, records, columns.key, partitions)


def _marks(
    kind: str,
    records: Records,
    starts: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    is_copy: npt.NDArray[np.bool_],
) -> dict[str, Records]:
    places = np.flatnonzero(is_copy)
    return marks_by_shard(kind, records[places], records[first[places]], places, starts)
