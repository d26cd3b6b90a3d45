"""Token windows from memory-mapped files: a bucket's files read as if laid end to end."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mapneo.core.errors import ManifestError
from mapneo.mix import Bucket
from mapneo.train.windows import Order, Window

TokenType: TypeAlias = np.dtype[np.unsignedinteger[Any]]


def token_dtype(token_bytes: int) -> TokenType:
    """The dtype of token files: little-endian, 2 or 4 bytes."""
    return np.dtype(f"<u{token_bytes}")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """A stretch of a token file."""

    file: str
    start_token: int
    end_token: int


class TokenWindows:
    """The tokens behind one phase's windows."""

    def __init__(self, root: Path, order: Order) -> None:
        """Map the files that the order's quotas name, below `root`; nothing is read yet.

        Raises:
            ManifestError: a file is missing or has another length than the quotas say.
        """
        self._seq_len = order.quotas.seq_len
        self._buckets = order.buckets
        dtype = token_dtype(order.quotas.token_bytes)
        self._files = [_map_files(root, bucket, dtype) for bucket in self._buckets]
        self._ends = [list(accumulate(f.tokens for f in bucket.files)) for bucket in self._buckets]

    def batch(self, windows: Sequence[Window]) -> Tensor:
        """Token ids (B, seq_len + 1) int64 of `windows`."""
        rows = np.empty((len(windows), self._seq_len + 1), dtype=np.int64)
        for row, window in zip(rows, windows, strict=True):
            start = 0
            for number, extent in self._pieces(window):
                length = extent.end_token - extent.start_token
                tokens = self._files[window.bucket][number]
                row[start : start + length] = tokens[extent.start_token : extent.end_token]
                start += length
        return torch.from_numpy(rows)

    def extents(self, window: Window) -> list[Extent]:
        """Where the tokens of `window` stand: one stretch, or more if it spans files."""
        return [extent for _, extent in self._pieces(window)]

    def _pieces(self, window: Window) -> list[tuple[int, Extent]]:
        bucket, ends = self._buckets[window.bucket], self._ends[window.bucket]
        start = window.window * self._seq_len
        last = start + self._seq_len + 1
        pieces = []
        number = bisect_right(ends, start)
        while start < last:
            first = ends[number] - bucket.files[number].tokens
            end = min(last, ends[number])
            extent = Extent(
                file=bucket.files[number].file, start_token=start - first, end_token=end - first
            )
            if end > start:
                pieces.append((number, extent))
            start, number = end, number + 1
        return pieces


def _map_files(
    root: Path, bucket: Bucket, dtype: TokenType
) -> list[npt.NDArray[np.unsignedinteger[Any]]]:
    return [map_tokens(root / file.file, file.tokens, dtype) for file in bucket.files]


def map_tokens(path: Path, tokens: int, dtype: TokenType) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Memory-map a token file.

    Raises:
        ManifestError: it is missing, or its size is not `tokens` ids.
    """
    if not path.exists():
        raise ManifestError(f"{path} is missing: run the stage encode again")
    size = path.stat().st_size
    if size != tokens * dtype.itemsize:
        raise ManifestError(
            f"{path} holds {size} bytes, but {tokens} tokens of {dtype.itemsize} bytes are "
            "expected: run the stages encode and mix again"
        )
    if tokens == 0:
        return np.empty(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r")
