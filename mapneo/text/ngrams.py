"""Statistics of a sequence of units (words or characters): entropy, repeated n-grams.

Units are numbered in order of first appearance. Positions are then sorted into *groups* that begin
with the same n-gram, ascending, only groups of two at least; a group falls into groups of longer
n-grams by the unit that follows, with one tally per unit. So nothing but single units is hashed,
and a position is looked at again only as long as the n-gram there is repeated.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.hashing import find_slot, table_size
from mapneo.text.kernel import kernel

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
FIRST_UNITS = 1000
SIZES = len(TOP_SIZES) + len(DUPLICATE_SIZES)
"""How many sizes of n-grams are looked at."""


class Numbered(NamedTuple):
    """Units of a document as small numbers.

    Attributes:
        ids: int32, shape (units + 1,); 0 for the first unit and what equals it, and so on; the
            last entry is a number that no unit has.
        counts: int32, shape (distinct units + 1,); how often each number occurs.
    """

    ids: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]


@kernel
def number_units(units: npt.NDArray[np.uint64]) -> Numbered:
    """Number units, of which none is 0, in order of first appearance."""
    n = units.size
    size = table_size(n)
    keys = np.zeros(size, dtype=np.uint64)
    numbers = np.empty(size, dtype=np.int32)
    ids = np.empty(n + 1, dtype=np.int32)
    counts = np.zeros(n + 1, dtype=np.int32)
    distinct = 0
    for position in range(n):
        slot = find_slot(keys, size - 1, units[position])
        if keys[slot] == 0:
            keys[slot] = units[position]
            numbers[slot] = distinct
            distinct += 1
        ids[position] = numbers[slot]
        counts[numbers[slot]] += 1
    ids[n] = distinct
    return Numbered(ids, counts[: distinct + 1])


@kernel
def unigram_statistics(units: Numbered) -> tuple[int, int, float]:
    """Count distinct units.

    Returns:
        (distinct units, distinct among the first 1,000, Shannon entropy in nats).
    """
    n = units.ids.size - 1
    distinct_first = 0
    for position in range(min(n, FIRST_UNITS)):
        distinct_first = max(distinct_first, units.ids[position] + 1)
    total = 0.0
    for count in units.counts:
        if count > 1:
            total += count * np.log(count)
    entropy = np.log(n) - total / n if n else np.nan
    return units.counts.size - 1, distinct_first, entropy


class _Groups(NamedTuple):
    """Positions in groups: `starts` one group after the other, and where each group ends."""

    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]


class _Copies(NamedTuple):
    """Scratch of one value a position, to walk from left to right.

    Attributes:
        alive: int32, positions where a repeated n-gram begins, ascending.
        size: uint8, the longest repeated n-gram that begins here and is looked at so far.
        first: int32, where that n-gram occurs first.
        met: uint8, the longest n-gram that the walk met first here.
    """

    alive: npt.NDArray[np.int32]
    size: npt.NDArray[np.uint8]
    first: npt.NDArray[np.int32]
    met: npt.NDArray[np.uint8]


@kernel
def repetition(
    units: Numbered, lengths: npt.NDArray[np.int32], is_greedy: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Characters in repeated n-grams of units, whose characters are in `lengths`.

    Returns:
        Two readings, int64, shape (9,). For n = 2, 3, 4: occurrences × characters of the n-gram
        that occurs most often, 0 if none occurs twice; among equals the longest counts. Then for
        n = 5 … 10: characters covered by n-grams that occur at least twice, each once.

        Then as datatrove reads Gopher. Top: occurrences × characters of the most frequent n-gram,
        units joined by spaces; among equals the first, which may occur once. Duplicates: going
        from left to right, characters of n-grams met before, skipping what they cover; only if
        `is_greedy`.
    """
    n = units.ids.size - 1
    ours, gopher = np.zeros(SIZES, dtype=np.int64), np.zeros(SIZES, dtype=np.int64)
    before = np.zeros(n + 1, dtype=np.int32)
    for position in range(n):
        before[position + 1] = before[position] + lengths[position]
    for size in TOP_SIZES:
        if n >= size:
            gopher[size - TOP_SIZES[0]] = before[size] + size - 1
    now = _Groups(np.empty(n, dtype=np.int32), np.empty(n // 2, dtype=np.int32))
    longer = _Groups(np.empty(n, dtype=np.int32), np.empty(n // 2, dtype=np.int32))
    tally, places = np.zeros_like(units.counts), np.empty_like(units.counts)
    copies = _Copies(
        np.arange(n).astype(np.int32),
        np.zeros(n, dtype=np.uint8),
        np.empty(n, dtype=np.int32),
        np.zeros(n, dtype=np.uint8),
    )
    groups = _unit_groups(units, now, places)
    alive = n
    for size in range(TOP_SIZES[0], DUPLICATE_SIZES[-1] + 1):
        groups = _longer_groups(now, groups, units.ids[size - 1 :], longer, tally, places)
        if groups == 0:
            break
        now, longer = longer, now
        measure = size - TOP_SIZES[0]
        if size <= TOP_SIZES[-1]:
            longest, first, most = _most_frequent(now, groups, before, size)
            ours[measure] = most * longest
            gopher[measure] = most * (before[first + size] - before[first] + size - 1)
            continue
        _mark(now, groups, size, copies)
        if is_greedy:
            alive, gopher[measure] = _walk(copies, alive, before, size)
    _cover(copies.size, before, ours)
    return ours, gopher


@kernel
def _unit_groups(units: Numbered, groups: _Groups, places: npt.NDArray[np.int32]) -> int:
    """Sort positions by unit, those aside that occur once. Returns how many groups there are."""
    filled = made = 0
    for number in range(units.counts.size):
        places[number] = -1
        if units.counts[number] > 1:
            places[number] = filled
            filled += units.counts[number]
            groups.ends[made] = filled
            made += 1
    for position in range(units.ids.size - 1):
        number = units.ids[position]
        if places[number] >= 0:
            groups.starts[places[number]] = position
            places[number] += 1
    return made


@kernel
def _longer_groups(
    groups: _Groups,
    count: int,
    following: npt.NDArray[np.int32],
    longer: _Groups,
    tally: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
) -> int:
    """Divide groups by the unit that follows their n-gram, and leave only groups of two or more.

    `following` is the number of that unit by position; `tally` is 0 everywhere, also afterwards.

    Returns:
        How many groups `longer` has then.
    """
    filled = made = begin = 0
    for group in range(count):
        end = groups.ends[group]
        number = following[groups.starts[begin]]
        equal = True
        for index in range(begin + 1, end):
            equal &= following[groups.starts[index]] == number
        if equal:
            # Most groups of long n-grams stay together, and half of all have two members.
            for index in range(begin, end):
                longer.starts[filled + index - begin] = groups.starts[index]
            filled += end - begin
            longer.ends[made] = filled
            made += 1
        if equal or end - begin == 2:
            begin = end
            continue
        for start in groups.starts[begin:end]:
            tally[following[start]] += 1
        for start in groups.starts[begin:end]:
            number = following[start]
            left = tally[number]
            if left == 1:
                tally[number] = 0
                continue
            if left > 1:
                places[number] = filled
                filled += left
                longer.ends[made] = filled
                made += 1
                left = -left
            # Below 0: the group is open, and so many of it are still to come.
            longer.starts[places[number]] = start
            places[number] += 1
            tally[number] = left + 1
        begin = end
    return made


@kernel
def _most_frequent(
    groups: _Groups, count: int, before: npt.NDArray[np.int32], size: int
) -> tuple[int, int, int]:
    """Of the largest groups: characters of the longest n-gram, start of the first; their size.

    `before` are the characters before each unit.
    """
    most = longest = first = begin = 0
    for group in range(count):
        end = groups.ends[group]
        start = groups.starts[begin]
        chars = before[start + size] - before[start]
        if end - begin > most:
            most, first, longest = end - begin, start, chars
        elif end - begin == most:
            first, longest = min(first, start), max(longest, chars)
        begin = end
    return longest, first, most


@kernel
def _mark(groups: _Groups, count: int, size: int, copies: _Copies) -> None:
    """Enter groups of n-grams of `size` units in `copies`."""
    begin = 0
    for group in range(count):
        end = groups.ends[group]
        first = groups.starts[begin]
        for start in groups.starts[begin:end]:
            copies.size[start] = size
            copies.first[start] = first
        begin = end


@kernel
def _cover(
    longest: npt.NDArray[np.uint8], before: npt.NDArray[np.int32], chars: npt.NDArray[np.int64]
) -> None:
    """Add, for each size of duplicates, the characters under at least one repeated n-gram.

    `longest` is the size of the longest repeated n-gram that begins at each position: the shorter
    ones there are repeated too.
    """
    covered_until = np.zeros(SIZES, dtype=np.int64)
    for start in range(longest.size):
        for size in range(DUPLICATE_SIZES[0], longest[start] + 1):
            measure = size - TOP_SIZES[0]
            first = max(start, covered_until[measure])
            covered_until[measure] = start + size
            chars[measure] += before[start + size] - before[first]


@kernel
def _walk(copies: _Copies, alive: int, before: npt.NDArray[np.int32], size: int) -> tuple[int, int]:
    """Go over repeated n-grams of `size` units from left to right.

    `alive` positions begin repeated n-grams one unit shorter; `before` are the characters before
    each unit.

    Returns:
        How many positions are left; characters of n-grams met before on a walk that skips each
        n-gram it counts.
    """
    kept = greedy = free_from = 0
    for index in range(alive):
        start = copies.alive[index]
        if copies.size[start] != size:
            continue
        copies.alive[kept] = start
        kept += 1
        if start < free_from:
            continue
        if copies.met[copies.first[start]] == size:
            greedy += before[start + size] - before[start]
            free_from = start + size
        else:
            copies.met[copies.first[start]] = size
    return kept, greedy
