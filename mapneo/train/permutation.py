"""A shuffle that is a function: a keyed bijection of {0, …, size - 1} with its inverse.

A Feistel network permutes a power-of-four range that covers the size; a value that lands outside
is sent through again until it lands inside (cycle walking), which takes fewer than four rounds on
average. No table is kept, so 2**40 windows cost what 40 cost.
Source: Black and Rogaway 2002, "Ciphers with arbitrary finite domains", §4.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import xxhash

Integers: TypeAlias = npt.NDArray[np.uint64]

ROUNDS = 8
MAX_SIZE = 1 << 62
_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def key_of(*parts: int | str) -> int:
    """A 64-bit key from what names a shuffle, such as (seed, phase, bucket, epoch)."""
    return xxhash.xxh3_64_intdigest("\x1f".join(str(part) for part in parts).encode())


@dataclass(frozen=True, kw_only=True)
class Permutation:
    """The bijection of {0, …, size - 1} that `key` (64 bit) selects."""

    size: int
    key: int

    def __post_init__(self) -> None:
        """Refuse sizes the arithmetic does not cover."""
        if not 1 <= self.size <= MAX_SIZE:
            raise ValueError(f"a permutation needs 1 to 2**62 elements, got {self.size}")

    def forward(self, index: int) -> int:
        """Where `index` goes."""
        self._check(index)
        value = self._encrypt(index)
        while value >= self.size:
            value = self._encrypt(value)
        return value

    def inverse(self, value: int) -> int:
        """Which index comes to `value`."""
        self._check(value)
        index = self._decrypt(value)
        while index >= self.size:
            index = self._decrypt(index)
        return index

    def forward_many(self, indices: npt.ArrayLike) -> Integers:
        """`forward` of each of `indices` (n,), as uint64 (n,)."""
        values = self._encrypt_many(np.asarray(indices, dtype=np.uint64))
        outside = np.flatnonzero(values >= self.size)
        while outside.size:
            values[outside] = self._encrypt_many(values[outside])
            outside = outside[values[outside] >= self.size]
        return values

    @property
    def _half_bits(self) -> int:
        return max(1, (int(self.size - 1).bit_length() + 1) // 2)

    @property
    def _round_keys(self) -> list[int]:
        return [_scramble((self.key + (n + 1) * _GOLDEN) & _WORD) for n in range(ROUNDS)]

    def _check(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise IndexError(f"{index} is outside the permutation's 0 … {self.size - 1}")

    def _encrypt(self, value: int) -> int:
        bits = self._half_bits
        mask = (1 << bits) - 1
        left, right = value >> bits, value & mask
        for key in self._round_keys:
            left, right = right, left ^ (_scramble(right ^ key) & mask)
        return left << bits | right

    def _decrypt(self, value: int) -> int:
        bits = self._half_bits
        mask = (1 << bits) - 1
        left, right = value >> bits, value & mask
        for key in reversed(self._round_keys):
            left, right = right ^ (_scramble(left ^ key) & mask), left
        return left << bits | right

    def _encrypt_many(self, values: Integers) -> Integers:
        bits = np.uint64(self._half_bits)
        mask = np.uint64((1 << self._half_bits) - 1)
        left, right = values >> bits, values & mask
        for key in self._round_keys:
            left, right = right, left ^ (_scramble_many(right ^ np.uint64(key)) & mask)
        return left << bits | right


def _scramble(value: int) -> int:
    """The output function of SplitMix64. Source: Steele, Lea and Flood 2014, fig. 17."""
    value = (value ^ value >> 30) * _MIX_1 & _WORD
    value = (value ^ value >> 27) * _MIX_2 & _WORD
    return value ^ value >> 31


def _scramble_many(values: Integers) -> Integers:
    values = (values ^ values >> np.uint64(30)) * np.uint64(_MIX_1)
    values = (values ^ values >> np.uint64(27)) * np.uint64(_MIX_2)
    return values ^ values >> np.uint64(31)
