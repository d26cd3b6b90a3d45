"""64-bit hashing inside kernels: mixing, open addressing, band keys."""

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel

# Multipliers of the splitmix64 finaliser (Steele, Lea, Flood 2014) and an odd 64-bit constant
# from the fraction of the golden ratio, used as the base of polynomial hashes.
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@kernel
def mix64(value: np.uint64) -> np.uint64:
    """Scramble 64 bits so that each input bit flips half of the output bits.

    Source: finaliser of splitmix64 (Steele, Lea, Flood 2014).
    """
    value = value ^ (value >> np.uint64(30))
    value = value * _MIX_A
    value = value ^ (value >> np.uint64(27))
    value = value * _MIX_B
    return value ^ (value >> np.uint64(31))


@kernel
def chain64(state: np.uint64, value: np.uint64) -> np.uint64:
    """Add one value to a sequence hash; order matters. Finish with `mix64`."""
    return state * GOLDEN + mix64(value + GOLDEN)


@kernel
def append64(state: np.uint64, value: np.uint64) -> np.uint64:
    """Add one small value to a sequence hash at the price of one multiplication (as FNV-1a does).

    Order matters; sequences that differ in one place never meet. Finish with `mix64`.
    """
    return (state ^ value) * GOLDEN


@kernel
def salt_keys(keys: npt.NDArray[np.uint64]) -> None:
    """Scramble the keys of a document (not 0) in place by all of them; equal keys stay equal.

    Hash functions are fixed and public, so that results are the same everywhere; without a salt,
    words could be chosen that all begin at one slot of a table, and looking them up would be
    quadratic. The salt changes with each of them.
    """
    state = np.uint64(0)
    for key in keys:
        state = chain64(state, key)
    salt = mix64(state)
    for position in range(keys.size):
        keys[position] = mix64(keys[position] ^ salt) | np.uint64(1)


@kernel
def table_size(entries: int) -> int:
    """Power of two that keeps an open-addressing table at most half full."""
    size = 16
    while size < 2 * entries:
        size *= 2
    return size


@kernel
def find_slot(keys: npt.NDArray[np.uint64], mask: int, key: np.uint64) -> int:
    """Slot of `key`, or the empty slot (value 0) where it belongs. `key` must not be 0."""
    slot = int(np.int64(key & np.uint64(mask)))
    while keys[slot] != np.uint64(0) and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def find_sorted(values: npt.NDArray[np.uint64], wanted: np.uint64) -> int:
    """Position of `wanted` in ascending `values`, or -1."""
    low, high = 0, values.size
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < values.size and values[low] == wanted else -1
