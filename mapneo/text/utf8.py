"""UTF-8 to code points inside kernels, safe on any bytes."""

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel

REPLACEMENT = 0xFFFD


@kernel
def decode_utf8(
    data: npt.NDArray[np.uint8], start: int, end: int, out: npt.NDArray[np.int32]
) -> int:
    """Decode `data[start:end]` into `out` (room for `end - start` values).

    A byte that starts no complete sequence becomes U+FFFD and is skipped alone, so broken
    input can neither read past `end` nor stall. Overlong forms and surrogates are not looked
    for: Arrow writers refuse them, and they do no harm here.

    Returns:
        The number of code points written.
    """
    written = 0
    position = start
    while position < end:
        first = np.int32(data[position])
        if first < 0x80:
            out[written] = first
            position += 1
        else:
            code_point, size = decode_multibyte(data, position, end, first)
            out[written] = code_point
            position += size
        written += 1
    return written


@kernel
def decode_placed(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    out: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
) -> int:
    """As `decode_utf8`, and fill `places` with the offset in bytes of each code point.

    Offsets count from `start`; one more than there are code points is written, the last being
    `end - start`, so `places` needs room for `end - start + 1` values.

    Returns:
        The number of code points written.
    """
    written = 0
    position = start
    while position < end:
        first = np.int32(data[position])
        places[written] = position - start
        if first < 0x80:
            out[written] = first
            position += 1
        else:
            code_point, size = decode_multibyte(data, position, end, first)
            out[written] = code_point
            position += size
        written += 1
    places[written] = end - start
    return written


@kernel
def decode_multibyte(
    data: npt.NDArray[np.uint8], position: int, end: int, first: np.int32
) -> tuple[np.int32, int]:
    """Decode the sequence that begins with `first` (not ASCII) at `data[position]`.

    Returns:
        (code point, bytes used); U+FFFD and 1 if it is no complete sequence.
    """
    if first >= 0xF0:
        size, value = 4, first & 0x07
    elif first >= 0xE0:
        size, value = 3, first & 0x0F
    elif first >= 0xC0:
        size, value = 2, first & 0x1F
    else:
        return np.int32(REPLACEMENT), 1
    if position + size > end:
        return np.int32(REPLACEMENT), 1
    for step in range(1, size):
        following = np.int32(data[position + step])
        if following & 0xC0 != 0x80:
            return np.int32(REPLACEMENT), 1
        value = (value << 6) | (following & 0x3F)
    if value > 0x10FFFF:
        return np.int32(REPLACEMENT), 1
    return np.int32(value), size
