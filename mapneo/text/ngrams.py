"""Statistics of a sequence of units (words or characters): entropy, repeated n-grams.

A unit is a 64-bit hash and a length in characters. n-grams are told apart by a 64-bit hash of
their unit hashes in order. An n-gram occurs twice only if both (n-1)-grams inside it do, so
only the few positions that repeated before are looked at again.
"""

import numpy as np
import numpy.typing as npt

from mapneo.text.hashing import chain64, find_slot, mix64, table_size
from mapneo.text.kernel import kernel

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
FIRST_UNITS = 1000
MEASURES = 9
"""Sizes of n-grams that are looked at."""
READINGS = 2
"""Ours, and datatrove's."""


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

    `repeated` says which units occur more than once, and is used up.

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
    hashes = np.empty(n, dtype=np.uint64)
    for position in range(n):
        hashes[position] = units[position]
    for size in range(2, DUPLICATE_SIZES[-1] + 1):
        positions = n - size + 1
        if positions < 2:
            break
        candidates = _extend(hashes, repeated, units, size, positions)
        if candidates < 2:
            break
        longest, first, occurrences = _mark_repeated(hashes, repeated, lengths, size, candidates)
        measure = size - TOP_SIZES[0]
        if size > TOP_SIZES[-1]:
            chars[measure] = _covered(repeated, lengths, size, positions)
            chars[MEASURES + measure] = _greedy(hashes, repeated, lengths, size, positions)
        elif occurrences > 1:
            chars[measure] = occurrences * longest
            spaced = _chars_of(lengths, first, size) + size - 1
            chars[MEASURES + measure] = occurrences * spaced
    return chars


@kernel
def _chars_of(lengths: npt.NDArray[np.int32], start: int, size: int) -> int:
    chars = 0
    for unit in range(start, start + size):
        chars += lengths[unit]
    return chars


@kernel
def _extend(
    hashes: npt.NDArray[np.uint64],
    repeated: npt.NDArray[np.bool_],
    units: npt.NDArray[np.uint64],
    size: int,
    positions: int,
) -> int:
    """Turn (size-1)-gram hashes into size-gram hashes in place. Returns how many may repeat."""
    candidates = 0
    for position in range(positions):
        repeated[position] = repeated[position] and repeated[position + 1]
        if repeated[position]:
            hashes[position] = chain64(hashes[position], units[position + size - 1])
            candidates += 1
    for position in range(positions, repeated.size):
        repeated[position] = False
    return candidates


@kernel
def _mark_repeated(
    hashes: npt.NDArray[np.uint64],
    repeated: npt.NDArray[np.bool_],
    lengths: npt.NDArray[np.int32],
    size: int,
    candidates: int,
) -> tuple[int, int, int]:
    """Leave `repeated` true only where an n-gram occurs at least twice.

    Returns:
        Of the most frequent n-gram: characters of the longest among equals, position of the first
        among equals, and occurrences; (0, 0, 1) if none occurs twice.
    """
    table = table_size(candidates)
    keys = np.zeros(table, dtype=np.uint64)
    counts = np.zeros(table, dtype=np.int32)
    first = np.zeros(table, dtype=np.int32)
    best_count, best_chars, best_first = 1, 0, 0
    for position in range(repeated.size):
        if not repeated[position]:
            continue
        key = mix64(hashes[position]) | np.uint64(1)
        slot = find_slot(keys, table - 1, key)
        counts[slot] += 1
        if counts[slot] == 1:
            keys[slot] = key
            first[slot] = position
            repeated[position] = False
            continue
        repeated[first[slot]] = True
        if counts[slot] > best_count:
            best_count, best_first = counts[slot], first[slot]
            best_chars = _chars_of(lengths, position, size)
        elif counts[slot] == best_count:
            best_first = min(best_first, first[slot])
            best_chars = max(best_chars, _chars_of(lengths, position, size))
    return best_chars, best_first, best_count


@kernel
def _greedy(
    hashes: npt.NDArray[np.uint64],
    repeated: npt.NDArray[np.bool_],
    lengths: npt.NDArray[np.int32],
    size: int,
    positions: int,
) -> int:
    """Characters of n-grams met before on a walk that skips each n-gram it counts."""
    candidates = 0
    for position in range(positions):
        candidates += repeated[position]
    if candidates == 0:
        return 0
    table = table_size(candidates)
    keys = np.zeros(table, dtype=np.uint64)
    chars = position = 0
    while position < positions:
        step = 1
        if repeated[position]:
            key = mix64(hashes[position]) | np.uint64(1)
            slot = find_slot(keys, table - 1, key)
            if keys[slot] == key:
                chars += _chars_of(lengths, position, size)
                step = size
            keys[slot] = key
        position += step
    return chars


@kernel
def _covered(
    repeated: npt.NDArray[np.bool_], lengths: npt.NDArray[np.int32], size: int, positions: int
) -> int:
    """Characters under at least one marked n-gram."""
    chars = covered_until = 0
    for position in range(positions):
        if repeated[position]:
            for unit in range(max(position, covered_until), position + size):
                chars += lengths[unit]
            covered_until = position + size
    return chars
