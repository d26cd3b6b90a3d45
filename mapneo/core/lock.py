"""One writer per run directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapneo.core.errors import LockError
from mapneo.core.files import storage_error


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold `directory/lock`; the kernel frees it when the holder ends, even by kill -9.

    Raises:
        LockError: another process holds it; its process id is named.
        StorageError: the directory can't be written.
    """
    path = directory / "lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise LockError(
                f"process {holder} is already writing {directory}: wait for it, stop it, "
                "or choose another directory with --name"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
