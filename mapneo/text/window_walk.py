"""Anchors and windows of many texts, as columns: the walks behind exact substring deduplication."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel
from mapneo.text.partition import partition_of
from mapneo.text.utf8 import decode_placed
from mapneo.text.windows import (
    Prefixes,
    WindowSetting,
    anchor_key,
    find_anchors,
    hash_prefixes,
    powers_up_to,
    window_hash,
)

CORES = 4
"""Ranges of windows that name an anchor."""


class _Scratch(NamedTuple):
    code_points: npt.NDArray[np.int32]
    places: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]
    values: npt.NDArray[np.uint64]
    anchors: npt.NDArray[np.int32]
    firsts: npt.NDArray[np.int32]


class Anchors(NamedTuple):
    """Some anchors, by row and place.

    The stretch around an anchor holds all windows that contain it, cut off at the text's ends.

    Attributes:
        key: uint64; equal for equal anchors, not 0.
        around: uint64; hash of the stretch around it and of where in it the anchor lies.
        cores: uint64, shape (anchors, CORES); windows that name the anchor, in ranges of where in
            them it lies (`core_range`): hash of what all of a range have in common, 0 if there is
            no window in it.
        row: int32; the text.
        start: int32; where the stretch around it begins, in bytes.
        end: int32; where that ends.
        unit: int32; where the stretch begins, in units.
        anchor: int32; where the anchor begins, in units.
        first: int32; the first window that names this anchor.
        windows: int32; how many do.
    """

    key: npt.NDArray[np.uint64]
    around: npt.NDArray[np.uint64]
    cores: npt.NDArray[np.uint64]
    row: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    unit: npt.NDArray[np.int32]
    anchor: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    windows: npt.NDArray[np.int32]


class Windows(NamedTuple):
    """Windows, in the order asked for.

    Attributes:
        key: uint64; one half of the hash, not 0.
        check: uint64; the other.
        row: int32; the text.
        start: int32; where it begins, in bytes.
        end: int32; where it ends.
        unit: int32; where it begins, in units.
    """

    key: npt.NDArray[np.uint64]
    check: npt.NDArray[np.uint64]
    row: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    unit: npt.NDArray[np.int32]


@kernel
def core_range(setting: WindowSetting, core: int) -> tuple[int, int]:
    """The least and the most units that windows of a range have left of their anchor."""
    places = setting.units - setting.anchor_units + 1
    return core * places // CORES, (core + 1) * places // CORES - 1


@kernel
def _scratch(offsets: npt.NDArray[np.int64], lanes: int) -> _Scratch:
    longest = 0
    for row in range(offsets.size - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return _Scratch(
        np.empty(longest, dtype=np.int32),
        np.empty(longest + 1, dtype=np.int32),
        np.empty((lanes, longest + 1), dtype=np.uint64),
        np.empty(longest, dtype=np.uint64),
        np.empty(longest + 1, dtype=np.int32),
        np.empty(longest + 2, dtype=np.int32),
    )


@kernel
def _open(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    row: int,
    flags: npt.NDArray[np.uint16],
    setting: WindowSetting,
    scratch: _Scratch,
) -> Prefixes:
    size = decode_placed(data, offsets[row], offsets[row + 1], scratch.code_points, scratch.places)
    return hash_prefixes(
        scratch.code_points[:size], scratch.places, flags, setting.by_words, scratch.hashes
    )


@kernel
def anchor_keys(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint16],
    setting: WindowSetting,
) -> npt.NDArray[np.uint64]:
    """Keys of all anchors of texts, in order of row and place."""
    scratch = _scratch(offsets, 1)
    powers = powers_up_to(setting.anchor_units)
    bytes_all = offsets[-1] - offsets[0]
    keys = np.empty(64 + bytes_all // (setting.units - setting.anchor_units + 1), dtype=np.uint64)
    filled = 0
    for row in range(offsets.size - 1):
        text = _open(data, offsets, row, flags, setting, scratch)
        found = find_anchors(text, setting, powers, scratch.values, scratch.anchors, scratch.firsts)
        if filled + found > keys.size:
            more = np.empty(2 * (filled + found), dtype=np.uint64)
            more[:filled] = keys[:filled]
            keys = more
        for number in range(found):
            keys[filled] = anchor_key(scratch.values[scratch.anchors[number]])
            filled += 1
    return keys[:filled]


@kernel
def _empty_anchors(size: int) -> Anchors:
    return Anchors(
        np.empty(size, dtype=np.uint64),
        np.empty(size, dtype=np.uint64),
        np.zeros((size, CORES), dtype=np.uint64),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
    )


@kernel
def _hash_cores(
    text: Prefixes,
    setting: WindowSetting,
    powers: npt.NDArray[np.uint64],
    anchor: int,
    first: int,
    behind: int,
    cores: npt.NDArray[np.uint64],
) -> None:
    """Hash the cores of an anchor that the windows from `first` to before `behind` name."""
    for core in range(CORES):
        low, high = core_range(setting, core)
        if max(first, anchor - high) <= min(behind - 1, anchor - low):
            end = anchor - high + setting.units
            cores[core] = window_hash(text, powers, 0, anchor - low, end) | np.uint64(1)


@kernel
def anchors_wanted(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint16],
    setting: WindowSetting,
    wanted: npt.NDArray[np.bool_],
    begins: npt.NDArray[np.int64],
) -> Anchors:
    """The anchors of texts that are wanted, of all those that `anchor_keys` gives, in its order.

    Args:
        data: of the texts.
        offsets: of the texts.
        flags: `CharTables.flags`.
        setting: windows.
        wanted: for each anchor, in the order of `by_partition`.
        begins: int64, shape (partitions,); where each partition begins there.
    """
    size = wanted.sum()
    cursors = begins.copy()
    out = _empty_anchors(size)
    scratch = _scratch(offsets, 1)
    powers = powers_up_to(2 * setting.units)
    beside = setting.units - setting.anchor_units
    filled = 0
    for row in range(offsets.size - 1):
        text = _open(data, offsets, row, flags, setting, scratch)
        found = find_anchors(text, setting, powers, scratch.values, scratch.anchors, scratch.firsts)
        for number in range(found):
            anchor = scratch.anchors[number]
            key = anchor_key(scratch.values[anchor])
            p = partition_of(key, begins.size)
            cursors[p] += 1
            if not wanted[cursors[p] - 1]:
                continue
            begin, end = max(0, anchor - beside), min(text.size, anchor + setting.units)
            around = window_hash(text, powers, 0, begin, end)
            out.key[filled] = key
            out.around[filled] = anchor_key(around ^ np.uint64(anchor - begin))
            first, behind = scratch.firsts[number], scratch.firsts[number + 1]
            _hash_cores(text, setting, powers, anchor, first, behind, out.cores[filled])
            out.row[filled] = row
            out.start[filled], out.end[filled] = text.places[begin], text.places[end]
            out.unit[filled], out.anchor[filled] = begin, anchor
            out.first[filled], out.windows[filled] = first, behind - first
            filled += 1
    return out


@kernel
def windows_of(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint16],
    setting: WindowSetting,
    rows: npt.NDArray[np.int32],
    firsts: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int32],
) -> Windows:
    """Runs of windows: `counts[i]` of text `rows[i]` from window `firsts[i]` on; rows ascend."""
    size = counts.sum()
    out = Windows(
        np.empty(size, dtype=np.uint64),
        np.empty(size, dtype=np.uint64),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
    )
    scratch = _scratch(offsets, 2)
    powers = powers_up_to(setting.units)
    filled, run = 0, 0
    while run < rows.size:
        row = rows[run]
        text = _open(data, offsets, row, flags, setting, scratch)
        while run < rows.size and rows[run] == row:
            for begin in range(firsts[run], firsts[run] + counts[run]):
                end = begin + setting.units
                out.key[filled] = window_hash(text, powers, 0, begin, end) | np.uint64(1)
                out.check[filled] = window_hash(text, powers, 1, begin, end)
                out.row[filled] = row
                out.start[filled], out.end[filled] = text.places[begin], text.places[end]
                out.unit[filled] = begin
                filled += 1
            run += 1
    return out
