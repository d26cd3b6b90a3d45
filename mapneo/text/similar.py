"""Pieces of one text that say nearly what an earlier piece says.

Two pieces are alike if their edit distance is at most a share of the longer one's length; short
ones only if equal. In order of the text, a piece that is like an earlier one that stays, goes.

The result is that of comparing all pairs; the work is not. Equal pieces are found by hash. Others
are compared only if their lengths allow it (pieces lie sorted by length), then if their characters
do: one edit changes the multiset of characters by at most two, and so does it the 256 bits that
summarise it. Long pieces, whose characters are always much the same, have to share stretches: cut
into stretches, one has at most as many that the other lacks as there are edits. What passes is
measured, and given up at the limit.
Work: m² / 2 looks at 32 bytes for m different pieces of like lengths that stay; for each pair that
has nearly the same characters and stretches, a distance, of at most (p² + p) · length² steps.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.edit_distance import distance_within
from mapneo.text.hashing import GOLDEN, mix64, table_size
from mapneo.text.kernel import kernel
from mapneo.text.passages import Outline, stretch_key
from mapneo.text.unicode import LETTER, SPACE, TERMINAL

SHORT_CHARS = 15
"""Pieces of at most so many characters are alike only if equal (MAP-Neo)."""

_WORDS = 4  # of 64 bits, that summarise a piece's characters
_BUCKETS = 256
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_LONG_CHARS = 64  # pieces from here on are asked for shared stretches, too
_STRETCH_SHARE = 0.7
_STRETCH_BITS = 16  # of the table of stretches, for each of them


class Pieces(NamedTuple):
    """Pieces of a text that may be compared, in order.

    Attributes:
        code_points: int32; the text.
        begins: int32, shape (pieces,).
        ends: int32, shape (pieces,).
    """

    code_points: npt.NDArray[np.int32]
    begins: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]


class Shelf(NamedTuple):
    """Different pieces that stay, by length; within a length by place in the text.

    Attributes:
        starts: int64, shape (longest + 2,); where each length's part begins.
        filled: int64, shape (longest + 1,); how many lie there so far.
        piece: int32; the pieces.
        bits: uint64, shape (places, 4); the summaries of their characters.
    """

    starts: npt.NDArray[np.int64]
    filled: npt.NDArray[np.int64]
    piece: npt.NDArray[np.int32]
    bits: npt.NDArray[np.uint64]


@kernel
def is_prose(flags: npt.NDArray[np.uint16], min_chars: int) -> bool:
    """Whether a piece is text to compare: long enough, and mostly letters.

    Numbers, rulers and marks of lists (`1.1.1.1`, `......`, `[1]`) are not: they repeat by nature.
    So do headings; what is short has to end like a sentence.
    """
    letters = blanks = 0
    for flag in flags:
        letters += flag & LETTER != 0
        blanks += flag & SPACE != 0
    if flags.size < min_chars or 2 * letters < flags.size - blanks:
        return False
    return flags.size > SHORT_CHARS or flags[-1] & TERMINAL != 0


@kernel
def find_similar(
    pieces: Pieces,
    text: Outline,
    max_share: float,
    twins: npt.NDArray[np.int32],
    work: npt.NDArray[np.int64],
) -> None:
    """Find for each piece the first one that stays and is like it.

    Args:
        pieces: what to compare.
        text: outline of the whole text.
        max_share: distance over the longer length up to which pieces are alike, at most 0.5.
        twins: gets the piece for each that goes, -1 for those that stay.
        work: int64, shape (3,); adds the pairs that were looked at, the pairs whose distance was
            measured, and the steps of that.
    """
    count = pieces.begins.size
    shelf = _empty_shelf(pieces)
    seen = np.full(table_size(count), -1, dtype=np.int32)
    counts = np.zeros(_BUCKETS, dtype=np.uint32)
    bits = np.zeros(_WORDS, dtype=np.uint64)
    for number in range(count):
        first = _find_equal(pieces, text, seen, number)
        if first != number:
            twins[number] = first if twins[first] < 0 else twins[first]
            continue
        twins[number] = -1
        begin, end = pieces.begins[number], pieces.ends[number]
        if end - begin <= SHORT_CHARS:
            continue
        _summarise(pieces.code_points[begin:end], counts, bits)
        twins[number] = _search(pieces, text, shelf, number, bits, max_share, work)
        if twins[number] < 0:
            place = shelf.starts[end - begin] + shelf.filled[end - begin]
            shelf.filled[end - begin] += 1
            shelf.piece[place] = number
            shelf.bits[place] = bits


@kernel
def _empty_shelf(pieces: Pieces) -> Shelf:
    longest = 0
    for number in range(pieces.begins.size):
        longest = max(longest, pieces.ends[number] - pieces.begins[number])
    starts = np.zeros(longest + 2, dtype=np.int64)
    for number in range(pieces.begins.size):
        size = pieces.ends[number] - pieces.begins[number]
        starts[size + 1] += size > SHORT_CHARS
    for size in range(longest + 1):
        starts[size + 1] += starts[size]
    return Shelf(
        starts,
        np.zeros(longest + 1, dtype=np.int64),
        np.empty(starts[-1], dtype=np.int32),
        np.empty((starts[-1], _WORDS), dtype=np.uint64),
    )


@kernel
def _find_equal(pieces: Pieces, text: Outline, seen: npt.NDArray[np.int32], number: int) -> int:
    """The first piece with the same characters; the piece itself if it is the first."""
    begin, end = pieces.begins[number], pieces.ends[number]
    mask = seen.size - 1
    slot = int(np.int64(stretch_key(text, begin, end) & np.uint64(mask)))
    while seen[slot] >= 0:
        other = seen[slot]
        start = pieces.begins[other]
        if pieces.ends[other] - start == end - begin:
            same = 0
            while (
                same < end - begin
                and pieces.code_points[start + same] == pieces.code_points[begin + same]
            ):
                same += 1
            if same == end - begin:
                return int(other)
        slot = (slot + 1) & mask
    seen[slot] = number
    return number


@kernel
def _summarise(
    piece: npt.NDArray[np.int32], counts: npt.NDArray[np.uint32], bits: npt.NDArray[np.uint64]
) -> None:
    """Each character, together with how often it came before, flips one bit.

    So two pieces differ in at most as many bits as their multisets of characters in members.
    `counts` comes and goes as zeros.
    """
    bits[:] = np.uint64(0)
    for value in piece:
        bucket = (np.uint64(value) * _SPREAD) >> np.uint64(56)
        before = counts[bucket]
        counts[bucket] = before + np.uint32(1)
        place = ((bucket << np.uint64(32) | np.uint64(before)) + np.uint64(1)) * _SPREAD
        bits[place >> np.uint64(62)] ^= np.uint64(1) << ((place >> np.uint64(56)) & np.uint64(63))
    for value in piece:
        counts[(np.uint64(value) * _SPREAD) >> np.uint64(56)] = np.uint32(0)


@kernel
def _search(
    pieces: Pieces,
    text: Outline,
    shelf: Shelf,
    number: int,
    bits: npt.NDArray[np.uint64],
    max_share: float,
    work: npt.NDArray[np.int64],
) -> int:
    """The first piece on the shelf that is like a piece; -1 if there is none."""
    begin, end = pieces.begins[number], pieces.ends[number]
    size = end - begin
    best = -1
    low = max(SHORT_CHARS + 1, size - int(max_share * size))
    width = max(1, int(_STRETCH_SHARE / max_share))
    table = _stretch_table(text, begin, end, width)
    for length in range(low, shelf.filled.size):
        limit = int(max_share * max(size, length))
        if length - size > limit:
            break
        first = shelf.starts[length]
        for place in range(first, first + shelf.filled[length]):
            other = shelf.piece[place]
            if best >= 0 and other > best:
                break
            work[0] += 1
            if not _may_be_within(shelf.bits[place], bits, 2 * limit):
                continue
            start = pieces.begins[other]
            if table.size and _lacks_more(text, table, start, start + length, width, limit):
                continue
            distance, steps = distance_within(
                pieces.code_points[start : start + length], pieces.code_points[begin:end], limit
            )
            work[1] += 1
            work[2] += steps
            if distance <= limit:
                best = other
                break
    return int(best)


@kernel
def _stretch_table(text: Outline, begin: int, end: int, width: int) -> npt.NDArray[np.bool_]:
    """Which stretches of `width` characters a piece has, by hash; empty if the piece is short."""
    if end - begin < _LONG_CHARS:
        return np.zeros(0, dtype=np.bool_)
    table = np.zeros(table_size(_STRETCH_BITS // 2 * (end - begin)), dtype=np.bool_)
    for position in range(begin, end - width + 1):
        table[_stretch_slot(text, position, width, table.size)] = True
    return table


@kernel
def _stretch_slot(text: Outline, position: int, width: int, slots: int) -> int:
    power = np.uint64(1)
    for _ in range(width):
        power *= GOLDEN
    value = text.hashes[position + width] - text.hashes[position] * power
    return int(np.int64(mix64(value ^ text.salt) & np.uint64(slots - 1)))


@kernel
def _lacks_more(
    text: Outline, table: npt.NDArray[np.bool_], begin: int, end: int, width: int, limit: int
) -> bool:
    """Whether more than `limit` of a piece's stretches, laid end to end, are not in the table.

    Each needs an edit of its own, so that the distance is larger than `limit`.
    """
    lacking = 0
    for position in range(begin, end - width + 1, width):
        lacking += not table[_stretch_slot(text, position, width, table.size)]
        if lacking > limit:
            return True
    return False


@kernel
def _may_be_within(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], limit: int) -> bool:
    different = np.uint64(0)
    for word in range(_WORDS):
        different += _ones(left[word] ^ right[word])
    return bool(different <= np.uint64(limit))


@kernel
def _ones(value: np.uint64) -> np.uint64:
    """How many bits are set; this form becomes one instruction of the processor."""
    value -= (value >> np.uint64(1)) & np.uint64(0x5555555555555555)
    value = (value & np.uint64(0x3333333333333333)) + (
        (value >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (value * np.uint64(0x0101010101010101)) >> np.uint64(56)
