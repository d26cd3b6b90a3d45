"""Exact duplicates: 128 bits of a text whose white space is evened out."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from mapneo.text.spaces import evened


def exact_keys(
    texts: pa.Array | pa.ChunkedArray,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """xxh3-128 of each text with its white space evened out: two uint64 arrays, high and low.

    Nothing else is folded, so `1.1` and `11` differ, and so does `A` from `a`.
    """
    data, offsets = evened(texts)
    view = memoryview(data)  # type: ignore[arg-type]
    digest = xxhash.xxh3_128_digest
    limits = offsets.tolist()
    digests = b"".join(
        [digest(view[start:end]) for start, end in zip(limits[:-1], limits[1:], strict=True)]
    )
    halves = np.frombuffer(digests, dtype=">u8").reshape(-1, 2).astype(np.uint64)
    return halves[:, 0].copy(), halves[:, 1].copy()
