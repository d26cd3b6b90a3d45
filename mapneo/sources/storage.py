"""Opening and listing raw files wherever they lie: this machine, http(s)://, s3://, hf://.

Local files are opened as they are. All else goes through fsspec, whose optional parts (s3fs,
huggingface_hub) are named when they are missing. Credentials come from where those libraries look
for them, never from a recipe.

A local file that can't be read is that file's error. A remote one is not: the network's weather
must not decide which documents a run holds, so reading is tried again, and then the run stops.
"""

import errno
import io
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import fsspec

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError, FetchError, InputError
from mapneo.sources.documents import BrokenFileError, RawFile

BLOCK_BYTES = 4 << 20
TRIES = 4
_FIRST_WAIT_S = 0.5
_EXTRAS = {"s3": "s3", "hf": "hf", "http": "http", "https": "http"}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A remote file: address, size (0 if not known), and what changes when its bytes do."""

    address: str
    size_bytes: int = 0
    version: str | None = None


def open_raw(file: RawFile, start: int = 0) -> io.BufferedReader:
    """The file's bytes from `start` on, unpacked by nobody.

    Raises:
        BrokenFileError: a local file can't be opened.
        FetchError: a remote one can't be reached.
    """
    if isinstance(file.path, str):
        remote = _RemoteFile(file.path, file.storage)
        remote.seek(start)
        return io.BufferedReader(remote, BLOCK_BYTES)
    try:
        handle = file.path.open("rb")
    except OSError as error:
        raise BrokenFileError("unreadable_file", f"can't be opened: {error.strerror}") from error
    if start:
        handle.seek(start)
    return handle


def remote_version(file: RawFile) -> str | None:
    """What changes when a remote file's bytes do, as of now; None if the server tells nothing.

    Raises:
        FetchError: the file can't be reached.
    """
    assert isinstance(file.path, str)
    system, path = _file_system(file.path, file.storage)
    system.invalidate_cache()
    return _version(_tried(file.path, lambda: system.info(path)))


def list_addresses(pattern: str, storage: Mapping[str, Json]) -> list[Listed]:
    """The files below an address, or those that its wildcards match, sorted by address.

    Raises:
        FetchError: it can't be reached.
        InputError: there is no such file.
    """
    system, path = _file_system(pattern, storage)

    def look() -> dict[str, Any]:
        if any(mark in path for mark in "*?["):
            return dict(system.glob(path, detail=True))
        if system.isfile(path):
            return {path: system.info(path)}
        return dict(system.find(path, detail=True))

    entries = _tried(pattern, look)
    listed = [
        Listed(
            address=system.unstrip_protocol(name),
            size_bytes=int(info.get("size") or 0),
            version=_version(info),
        )
        for name, info in sorted(entries.items())
        if info.get("type") != "directory"
    ]
    if not listed:
        raise InputError(f"{pattern} holds no file: check the address in fetch.sets")
    return listed


def _version(info: Mapping[str, Any]) -> str | None:
    """An entity tag or checksum if the store keeps one, else size and time stamp."""
    for key in ("ETag", "etag", "blob_id", "checksum"):
        if info.get(key):
            return f"{key.lower()} {info[key]}"
    stamp = info.get("LastModified") or info.get("last_modified") or info.get("mtime")
    return f"size {info['size']} time {stamp}" if info.get("size") is not None else None


def _file_system(address: str, storage: Mapping[str, Json]) -> tuple[Any, str]:
    try:
        system, path = fsspec.core.url_to_fs(address, **storage)
    except ImportError as error:
        scheme = address.split("://")[0]
        extra = _EXTRAS.get(scheme)
        remedy = f"pip install 'mapneo[{extra}]'" if extra else f"install what fsspec asks: {error}"
        raise FetchError(f"{address}: this system can't open {scheme}:// ({remedy})") from error
    except ValueError as error:
        raise InputError(f"{address} is no address that fsspec knows: {error}") from error
    return system, path


def _tried(address: str, action: Any) -> Any:
    """What `action` gives, tried again after a pause if the other side fails."""
    for wait in _waits():
        try:
            return action()
        except (FileNotFoundError, PermissionError) as error:
            raise _unreachable(address, error) from error
        except DataError:
            raise
        except Exception as error:  # botocore's, aiohttp's and huggingface_hub's have no base
            if wait is None:
                raise _unreachable(address, error) from error
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _waits() -> Iterator[float | None]:
    yield from (_FIRST_WAIT_S * 2**number for number in range(TRIES - 1))
    yield None


def _unreachable(address: str, error: Exception) -> FetchError:
    reason = str(error).strip() or type(error).__name__
    if isinstance(error, FileNotFoundError):
        return FetchError(f"{address} is not there: check the address in fetch.sets")
    if isinstance(error, PermissionError):
        return FetchError(
            f"{address}: access denied ({reason}); set the credentials that the store's own tools "
            "use, or storage = { anon = true } for public data"
        )
    return FetchError(
        f"{address} can't be read after {TRIES} tries ({reason[:200]}): check the network and run "
        "the same command again; finished shards are kept"
    )


class _RemoteFile(io.RawIOBase):
    """A remote file that goes on where it was after a lost connection."""

    def __init__(self, address: str, storage: Mapping[str, Json]) -> None:
        self._address = address
        self._system, self._path = _file_system(address, storage)
        self._handle: IO[bytes] | None = None
        self._position = 0
        self._in_one_go = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: 0}[whence]
        if whence == io.SEEK_END:
            base = int(_tried(self._address, lambda: self._system.info(self._path))["size"])
        if base + offset != self._position:
            self._drop()
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        data = _tried(self._address, lambda: self._read(len(buffer)))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            if self._handle is None:
                self._handle = self._open()
            return self._handle.read(size)
        except Exception as error:
            self._drop()
            if isinstance(error, OSError) and error.errno == errno.EBUSY:
                raise DataError(
                    f"{self._address} has changed while it was read: run the same command again"
                ) from error
            # A server that can't serve ranges is asked for all of it, from the start.
            self._in_one_go = isinstance(error, ValueError)
            raise

    def _open(self) -> IO[bytes]:
        if not self._in_one_go:
            handle: IO[bytes] = self._system.open(
                self._path, "rb", block_size=BLOCK_BYTES, cache_type="readahead"
            )
            handle.seek(self._position)
            return handle
        handle = self._system.open(self._path, "rb", block_size=0)
        left = self._position
        while left and (skipped := handle.read(min(left, BLOCK_BYTES))):
            left -= len(skipped)
        return handle

    def _drop(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def close(self) -> None:
        self._drop()
        super().close()
