"""What `xz -9e` needs for held-out text, alone and after reading training text.

A model that does not beat a general compressor has learned less than a dictionary of repeats.
"""

import lzma
from dataclasses import dataclass

PRESET = 9 | lzma.PRESET_EXTREME


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """Held-out text of one language and category, and what xz makes of it; all in bytes."""

    bytes: int
    prime_bytes: int
    xz_bytes: int
    xz_primed_bytes: int


def xz_size(data: bytes) -> int:
    """Size in bytes of `data` after `xz -9e`, container included."""
    return len(lzma.compress(data, format=lzma.FORMAT_XZ, preset=PRESET))


def compress(heldout: bytes, prime: bytes) -> Compressed:
    """Compress `heldout` alone, and as what it adds behind `prime` in one stream."""
    return Compressed(
        bytes=len(heldout),
        prime_bytes=len(prime),
        xz_bytes=xz_size(heldout),
        xz_primed_bytes=xz_size(prime + heldout) - xz_size(prime),
    )
