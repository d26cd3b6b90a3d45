"""Statistics of a sequence of units (words or characters): entropy, repeated n-grams.

A unit is a 64-bit hash and a length in characters. n-grams are told apart by a 64-bit hash of
their unit hashes in order. An n-gram occurs twice only if both (n-1)-grams inside it do, so after
n = 2 only the few positions that repeated before are looked at again.
"""

import numpy as np
import numpy.typing as npt

from mapneo.text.hashing import chain64, find_slot, mix64, table_size
from mapneo.text.kernel import kernel

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
FIRST_UNITS = 1000


@kernel
def unigram_statistics(units: npt.NDArray[np.uint64], n: int) -> tuple[int, int, float]:
    """Count distinct units among the first `n`.

    Returns:
        (distinct units, distinct among the first 1,000, Shannon entropy in nats).
    """
    size = table_size(n)
    keys = np.zeros(size, dtype=np.uint64)
    counts = np.zeros(size, dtype=np.int64)
    distinct = distinct_first = 0
    for position in range(n):
        slot = find_slot(keys, size - 1, units[position])
        if counts[slot] == 0:
            keys[slot] = units[position]
            distinct += 1
            if position < FIRST_UNITS:
                distinct_first += 1
        counts[slot] += 1
    total = 0.0
    for slot in range(size):
        if counts[slot] > 1:
            total += counts[slot] * np.log(counts[slot])
    entropy = np.log(n) - total / n if n else np.nan
    return distinct, distinct_first, entropy


@kernel
def repetition(
    units: npt.NDArray[np.uint64], lengths: npt.NDArray[np.int32], n: int
) -> npt.NDArray[np.int64]:
    """Characters in repeated n-grams of the first `n` units.

    Returns:
        int64, shape (9,). First for n = 2, 3, 4: occurrences × characters of the n-gram that
        occurs most often, 0 if none occurs twice; among equals the longest counts. Then for
        n = 5 … 10: characters covered by n-grams that occur at least twice, each once.
    """
    chars = np.zeros(len(TOP_SIZES) + len(DUPLICATE_SIZES), dtype=np.int64)
    hashes = np.empty(n, dtype=np.uint64)
    repeated = np.empty(n, dtype=np.bool_)
    for position in range(n):
        hashes[position] = units[position]
        repeated[position] = True
    for size in range(2, DUPLICATE_SIZES[-1] + 1):
        positions = n - size + 1
        if positions < 2:
            break
        candidates = _extend(hashes, repeated, units, size, positions)
        if candidates < 2:
            break
        weight = _mark_repeated(hashes, repeated, lengths, size, candidates)
        if size > TOP_SIZES[-1]:
            weight = _covered(repeated, lengths, size, positions)
        chars[size - TOP_SIZES[0]] = weight
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
) -> int:
    """Leave `repeated` true only where an n-gram occurs at least twice.

    Returns:
        Occurrences × characters of the most frequent one (the longest among equals), or 0.
    """
    table = table_size(candidates)
    keys = np.zeros(table, dtype=np.uint64)
    counts = np.zeros(table, dtype=np.int32)
    first = np.zeros(table, dtype=np.int32)
    best_count, best_chars = 1, 0
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
        if counts[slot] >= best_count:
            chars = 0
            for unit in range(position, position + size):
                chars += lengths[unit]
            if counts[slot] > best_count or chars > best_chars:
                best_count, best_chars = counts[slot], chars
    return best_count * best_chars


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
