"""Texts whose white space is evened out: each run is one space, none at the ends."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.text.buffers import string_view
from mapneo.text.kernel import kernel
from mapneo.text.unicode import SPACE, char_tables
from mapneo.text.utf8 import decode_multibyte

_BLANK = np.uint8(32)


class Evened(NamedTuple):
    """Texts end to end.

    Attributes:
        data: uint8; UTF-8.
        offsets: int64, shape (rows + 1,).
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]


def evened(texts: pa.Array | pa.ChunkedArray) -> Evened:
    """Each text, stripped, with every run of white space (`str.isspace`) as one space."""
    view = string_view(texts)
    data = np.empty(int(view.offsets[-1] - view.offsets[0]), dtype=np.uint8)
    offsets = np.zeros(view.offsets.size, dtype=np.int64)
    _even(view.data, view.offsets, char_tables().flags, data, offsets)
    return Evened(data[: offsets[-1]], offsets)


@kernel
def _even(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint16],
    out: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
) -> None:
    written = 0
    for row in range(offsets.size - 1):
        position, end = starts[row], starts[row + 1]
        first, after_space = written, True
        while position < end:
            size = 1
            code_point = np.int32(data[position])
            if code_point >= 0x80:
                code_point, size = decode_multibyte(data, position, end, code_point)
            if flags[code_point] & SPACE != 0:
                if not after_space:
                    out[written] = _BLANK
                    written += 1
                after_space = True
            else:
                after_space = False
                for offset in range(size):
                    out[written + offset] = data[position + offset]
                written += size
            position += size
        if after_space and written > first:
            written -= 1
        offsets[row + 1] = written
