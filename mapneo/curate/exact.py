"""Exact duplicates: 128 bits of a text whose white space is evened out."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

_LOW = (1 << 64) - 1
_BLANKS = re.compile(r"\s+")


def comparable(text: str) -> str:
    """The text that exact dedup compares: each run of white space is one space, ends stripped.

    Nothing else is folded, so `1.1` and `11` differ, and so does `A` from `a`.
    """
    return _BLANKS.sub(" ", text).strip(" ")


def exact_keys(
    texts: pa.Array | pa.ChunkedArray,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """xxh3-128 of each comparable text, as two uint64 arrays of shape (rows,): high and low."""
    digests = [xxhash.xxh3_128_intdigest(comparable(text).encode()) for text in texts.to_pylist()]
    high = np.array([value >> 64 for value in digests], dtype=np.uint64)
    low = np.array([value & _LOW for value in digests], dtype=np.uint64)
    return high, low
