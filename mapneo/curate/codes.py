"""A column of few names as whole numbers, so that whole columns are compared at once."""

from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Codes(NamedTuple):
    """A code per row (int64, shape (rows,)), and the names that the codes stand for."""

    codes: npt.NDArray[np.int64]
    names: tuple[str, ...]

    @staticmethod
    def of(strings: pa.Array | pa.ChunkedArray) -> "Codes":
        """From strings without nulls, plain or dictionary-encoded."""
        if isinstance(strings, pa.ChunkedArray):
            strings = strings.unify_dictionaries().combine_chunks()
        encoded = strings.dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return Codes(codes, tuple(encoded.dictionary.to_pylist()))

    def take(self, rows: npt.NDArray[np.int64]) -> "Codes":
        """Those of some rows."""
        return Codes(self.codes[rows], self.names)

    def match(self, pattern: str) -> npt.NDArray[np.bool_]:
        """Whose name fits a pattern such as `books-*`, shape (rows,)."""
        fits = np.array([fnmatchcase(name, pattern) for name in self.names], np.bool_)
        return fits[self.codes]
