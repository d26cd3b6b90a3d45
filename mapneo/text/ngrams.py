"""Statistics of a sequence of units (words or characters): entropy, repeated n-grams.

A unit is a 64-bit hash and a length in characters. n-grams are told apart by a 64-bit hash of
their unit hashes in order. An n-gram occurs twice only if both (n-1)-grams inside it do, so
only the few positions that repeated before are looked at again.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.hashing import GOLDEN, find_slot, mix64, table_size
from mapneo.text.kernel import kernel

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
FIRST_UNITS = 1000
MEASURES = 9
"""Sizes of n-grams that are looked at."""
READINGS = 2
"""Ours, and datatrove's."""

_MET = -1


@kernel
def unigram_statistics(
    units: npt.NDArray[np.uint64], repeated: npt.NDArray[np.bool_]
) -> tuple[int, int, float]:
    """Count distinct units among the first `repeated.size`, and mark those that occur again.

    Returns:
        (distinct units, distinct among the first 1,000, Shannon entropy in nats).
    """
    n = repeated.size
    size = table_size(n)
    keys = np.zeros(size, dtype=np.uint64)
    counts = np.zeros(size, dtype=np.int64)
    slots = np.empty(n, dtype=np.int32)
    distinct = distinct_first = 0
    for position in range(n):
        slot = find_slot(keys, size - 1, units[position])
        slots[position] = slot
        if counts[slot] == 0:
            keys[slot] = units[position]
            distinct += 1
            if position < FIRST_UNITS:
                distinct_first += 1
        counts[slot] += 1
    for position in range(n):
        repeated[position] = counts[slots[position]] > 1
    total = 0.0
    for slot in range(size):
        if counts[slot] > 1:
            total += counts[slot] * np.log(counts[slot])
    entropy = np.log(n) - total / n if n else np.nan
    return distinct, distinct_first, entropy


@kernel
def repetition(
    units: npt.NDArray[np.uint64],
    lengths: npt.NDArray[np.int32],
    repeated: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Characters in repeated n-grams of the first `repeated.size` units.

    `repeated` says which units occur more than once.

    Returns:
        int64, shape (18,). First for n = 2, 3, 4: occurrences × characters of the n-gram that
        occurs most often, 0 if none occurs twice; among equals the longest counts. Then for
        n = 5 … 10: characters covered by n-grams that occur at least twice, each once.

        Then the same as datatrove reads Gopher. Top: occurrences × characters of the most frequent
        n-gram, units joined by spaces; among equals the first, which may occur once. Duplicates:
        going from left to right, characters of n-grams met before, skipping what they cover.
    """
    n = repeated.size
    chars = np.zeros(READINGS * MEASURES, dtype=np.int64)
    for size in TOP_SIZES:
        if n >= size:
            chars[MEASURES + size - TOP_SIZES[0]] = _chars_of(lengths, 0, size) + size - 1
    grams = _Grams(np.empty(n, dtype=np.int32), np.empty(n, dtype=np.uint64))
    left = 0
    for position in range(n):
        if repeated[position]:
            grams.starts[left] = position
            grams.hashes[left] = units[position]
            left += 1
    for size in range(2, DUPLICATE_SIZES[-1] + 1):
        left = _extend(grams, left, units, size, n)
        if left < 2:
            break
        measure = size - TOP_SIZES[0]
        if size <= TOP_SIZES[-1]:
            left, longest, first, occurrences = _keep_repeated(grams, left, lengths, size)
            if occurrences > 1:
                chars[measure] = occurrences * longest
                spaced = _chars_of(lengths, first, size) + size - 1
                chars[MEASURES + measure] = occurrences * spaced
        else:
            left, greedy = _keep_met(grams, left, lengths, size)
            chars[measure] = _covered(grams.starts[:left], lengths, size)
            chars[MEASURES + measure] = greedy
    return chars


class _Grams(NamedTuple):
    """n-grams that may occur more than once: where they start, ascending, and their hashes."""

    starts: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]


@kernel
def _chars_of(lengths: npt.NDArray[np.int32], start: int, size: int) -> int:
    chars = 0
    for unit in range(start, start + size):
        chars += lengths[unit]
    return chars


@kernel
def _extend(grams: _Grams, left: int, units: npt.NDArray[np.uint64], size: int, n: int) -> int:
    """Turn (size-1)-grams into size-grams, where the next one may repeat too. Returns how many."""
    kept = 0
    for index in range(left):
        start = grams.starts[index]
        if start + size > n:
            break
        if index + 1 < left and grams.starts[index + 1] == start + 1:
            grams.hashes[kept] = grams.hashes[index] * GOLDEN + units[start + size - 1]
            grams.starts[kept] = start
            kept += 1
    return kept


@kernel
def _keep_repeated(
    grams: _Grams, left: int, lengths: npt.NDArray[np.int32], size: int
) -> tuple[int, int, int, int]:
    """Leave only n-grams that do occur at least twice.

    Returns:
        How many are left; then of the most frequent: characters of the longest among equals,
        start of the first among equals, and occurrences; 0, 0 and 1 if none occurs twice.
    """
    table = table_size(left)
    keys = np.zeros(table, dtype=np.uint64)
    first = np.empty(table, dtype=np.int32)
    counts = np.zeros(table, dtype=np.int32)
    slots = np.empty(left, dtype=np.int32)
    best_count, best_chars, best_first = 1, 0, 0
    for index in range(left):
        key = mix64(grams.hashes[index]) | np.uint64(1)
        slot = find_slot(keys, table - 1, key)
        slots[index] = slot
        counts[slot] += 1
        start = grams.starts[index]
        if counts[slot] == 1:
            keys[slot] = key
            first[slot] = start
        elif counts[slot] > best_count:
            best_count, best_first = counts[slot], first[slot]
            best_chars = _chars_of(lengths, start, size)
        elif counts[slot] == best_count:
            best_first = min(best_first, first[slot])
            best_chars = max(best_chars, _chars_of(lengths, start, size))
    kept = 0
    for index in range(left):
        if counts[slots[index]] > 1:
            grams.starts[kept], grams.hashes[kept] = grams.starts[index], grams.hashes[index]
            kept += 1
    return kept, best_chars, best_first, best_count


@kernel
def _covered(starts: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32], size: int) -> int:
    """Characters under at least one of the n-grams."""
    chars = covered_until = 0
    for start in starts:
        for unit in range(max(start, covered_until), start + size):
            chars += lengths[unit]
        covered_until = start + size
    return chars


@kernel
def _keep_met(
    grams: _Grams, left: int, lengths: npt.NDArray[np.int32], size: int
) -> tuple[int, int]:
    """Leave only n-grams that do occur at least twice.

    Returns:
        How many are left, and the characters of n-grams met before on a walk from left to right
        that skips each n-gram it counts.
    """
    table = table_size(left)
    keys = np.zeros(table, dtype=np.uint64)
    counts = np.zeros(table, dtype=np.int32)
    slots = np.empty(left, dtype=np.int32)
    for index in range(left):
        key = mix64(grams.hashes[index]) | np.uint64(1)
        slot = find_slot(keys, table - 1, key)
        keys[slot] = key
        slots[index] = slot
        counts[slot] += 1
    kept = chars = free_from = 0
    for index in range(left):
        slot = slots[index]
        if counts[slot] == 1:
            continue
        start = grams.starts[index]
        grams.starts[kept], grams.hashes[kept] = start, grams.hashes[index]
        kept += 1
        if start < free_from:
            continue
        if counts[slot] == _MET:
            chars += _chars_of(lengths, start, size)
            free_from = start + size
        counts[slot] = _MET
    return kept, chars
