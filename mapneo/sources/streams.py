"""From a raw file to unpacked bytes and lines, in memory that does not grow with the file.

What a file is packed with is seen by its first bytes, not by its name; but a file that is named
`.gz` or `.zst` and is not packed so is broken.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
from isal import igzip, isal_zlib

from mapneo.sources.documents import BrokenFileError, RawFile
from mapneo.sources.storage import open_raw

CHUNK_BYTES = 1 << 18
FIRST_READ_BYTES = 1 << 20
_igzip: Any = igzip
_isal_zlib: Any = isal_zlib
PACKED_SUFFIXES: Mapping[str, str] = {
    ".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2", ".xz": "xz",
}  # fmt: skip
"""Suffix of a packed file → what it is packed with."""
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
)  # fmt: skip
_MAX_MAGIC_BYTES = 6
_OPENERS: Mapping[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda raw: _igzip.IGzipFile(fileobj=raw, mode="rb"),
    "zstd": lambda raw: pa.CompressedInputStream(raw, "zstd"),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, _isal_zlib.IsalError)


class Readable(Protocol):
    """Bytes in order."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Unpacked:
    """A file's bytes after unpacking, from the start or from a raw offset on; closes with it."""

    def __init__(self, file: RawFile, start: int = 0) -> None:
        """Opens the file.

        Raises:
            BrokenFileError: `unreadable_file`, or named as packed and not packed.
            FetchError: a remote file can't be reached.
        """
        self._raw = open_raw(file, start)
        head = self._raw.peek(_MAX_MAGIC_BYTES)
        self.packing = packing_of(head)
        named = named_packing(file.relative)
        if head and named and self.packing is None:
            self._raw.close()
            raise BrokenFileError(
                f"bad_{named}", f"is named like a {named} file and does not begin like one"
            )
        opener = _OPENERS[self.packing] if self.packing else None
        stream: Any = opener(self._raw) if opener else self._raw
        # What could be unpacked before a tear is given, where the stream can give less than asked.
        self._position = 0
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end.

        Raises:
            BrokenFileError: `bad_gzip`, `bad_zstd`, …: damaged or torn.
        """
        try:
            data = self._read(size)
        except _DAMAGE as error:
            if self.packing is None:
                raise BrokenFileError("unreadable_file", f"can't be read: {error}") from error
            raise BrokenFileError(
                f"bad_{self.packing}", f"not a whole {self.packing} file: {error}"
            ) from error
        self._position += len(data)
        return data

    def tell(self) -> int:
        """Unpacked bytes read so far."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def __enter__(self) -> "Unpacked":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


def packing_of(head: bytes) -> str | None:
    """What a file that begins with `head` is packed with; None for nothing known."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def named_packing(path: str) -> str | None:
    """What a file's name says it is packed with."""
    return PACKED_SUFFIXES.get(path[path.rfind(".") :].lower()) if "." in path else None


def read_whole(file: RawFile, max_bytes: int) -> bytes:
    """The file's unpacked bytes.

    Raises:
        BrokenFileError: `empty_file`, `too_large`, `unreadable_file`, `bad_gzip` and its like.
        FetchError: a remote file can't be reached.
    """
    if named_packing(file.relative) is None:
        # The common case, read in one go; a larger read would first make room for all of it.
        with open_raw(file) as raw:
            data = raw.read(FIRST_READ_BYTES)
            if len(data) == FIRST_READ_BYTES:
                data += raw.read(max(0, max_bytes + 1 - len(data)))
        if packing_of(data) is not None:
            data = _unpack_whole(file, max_bytes)
    else:
        data = _unpack_whole(file, max_bytes)
    if not data:
        raise BrokenFileError("empty_file", "the file has no bytes")
    if len(data) > max_bytes:
        raise BrokenFileError("too_large", f"more than {max_bytes} bytes (max_document_bytes)")
    return data


def _unpack_whole(file: RawFile, max_bytes: int) -> bytes:
    """The file's unpacked bytes, or somewhat more than `max_bytes` of them."""
    with Unpacked(file) as stream:
        chunks = []
        size_bytes = 0
        while size_bytes <= max_bytes and (chunk := stream.read(CHUNK_BYTES)):
            chunks.append(chunk)
            size_bytes += len(chunk)
    return b"".join(chunks)


def lines(stream: Readable, max_bytes: int) -> Iterator[bytes]:
    """Lines without their line feed; of a longer one, its first `max_bytes` + 1 bytes.

    Holds one chunk and one line cut there, however long the line is.
    """
    parts: list[bytes] = []
    size_bytes = 0
    is_open = False
    while chunk := stream.read(CHUNK_BYTES):
        first, *others = chunk.split(b"\n")
        if size_bytes <= max_bytes:
            parts.append(first)
        size_bytes += len(first)
        is_open = True
        if not others:
            continue
        yield b"".join(parts)[: max_bytes + 1]
        last = others.pop()
        yield from others
        parts, size_bytes, is_open = [last], len(last), bool(last)
    if is_open:
        yield b"".join(parts)[: max_bytes + 1]
