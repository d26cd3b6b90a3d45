"""Raw files between fetch and extract: are they still what was listed; copies of remote ones."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.core.files import sha256_file
from mapneo.sources.documents import BrokenFileError, RawFile
from mapneo.sources.storage import open_raw, remote_version
from mapneo.sources.streams import CHUNK_BYTES

ONE_DOCUMENT = frozenset(("html", "text", "code", "pdf"))
"""Readers whose files are one document each, whose raw bytes are therefore the file's."""
_HASHED_AGAIN_BYTES = 64 << 20


def check_unchanged(file: RawFile, listed: Mapping[str, Json]) -> None:
    """Refuse a file that is not what fetch listed: its hash, or its store's version, differs.

    Of a large file with a time stamp, size and time stamp are compared.

    Raises:
        DataError: it has changed or gone.
        FetchError: a remote store can't be reached.
    """
    if isinstance(file.path, str):
        if listed["version"] is not None and remote_version(file) != listed["version"]:
            raise DataError(
                f"{file.path} has changed since fetch listed it: remove fetch/manifest.json of the "
                "run to list it again, then run the same command"
            )
        return
    try:
        status = file.path.stat()
        if listed["mtime_ns"] and status.st_size > _HASHED_AGAIN_BYTES:
            same = (status.st_size, status.st_mtime_ns) == (
                listed["size_bytes"],
                listed["mtime_ns"],
            )
        else:
            same = sha256_file(file.path) == listed["sha256"]
    except OSError as error:
        raise DataError(
            f"{file.path} was there at fetch and can't be read now ({error.strerror}): run "
            "`mapneo fetch` to fill the cache again, then the same command"
        ) from error
    if not same:
        raise DataError(
            f"{file.path} has changed while the run was going on: run the same command again"
        )


@contextmanager
def local_copy(file: RawFile, max_bytes: int) -> Iterator[tuple[RawFile, str]]:
    """A remote file copied to this machine for as long as it is read, and its SHA-256.

    Raises:
        BrokenFileError: `too_large`.
        FetchError: it can't be reached.
    """
    suffix = "".join(PurePosixPath(file.relative).suffixes[-2:])
    with (
        tempfile.NamedTemporaryFile(prefix="mapneo-", suffix=suffix[-32:]) as copy,
        closing(open_raw(file)) as raw,
    ):
        hasher = hashlib.sha256()
        size_bytes = 0
        while chunk := raw.read(CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                raise BrokenFileError("too_large", f"more than {max_bytes} bytes")
            hasher.update(chunk)
            copy.write(chunk)
        copy.flush()
        yield replace(file, path=Path(copy.name), storage={}), hasher.hexdigest()
