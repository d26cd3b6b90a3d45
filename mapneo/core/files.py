"""Writing so that a kill at any moment leaves either the whole file or none of it."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapneo.core.canonical import Json
from mapneo.core.errors import ManifestError, StorageError

TEMPORARY_PREFIX = ".tmp-"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to write; on success fsync it and rename it to `path`.

    Raises:
        StorageError: the disk is full, or the folder can't be written.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def storage_error(error: OSError, path: Path) -> Exception:
    """Turn an operating system's refusal to write into one sentence; other errors come back."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"no space left while writing {path}: free some space (`mapneo fetch --cache` shows "
            "what the cache holds) and run the same command again; finished shards are kept"
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return StorageError(f"can't write {path}: {error.strerror}; check the folder's permissions")
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return StorageError(
            f"can't write {path}: a file stands where a folder should be, or a folder where a "
            "file should be; move it away"
        )
    return error


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_temporaries(directory: Path) -> None:
    """Delete what a killed writer left behind under `directory`."""
    for path in directory.rglob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def files_below(folder: Path, *names: str) -> list[str]:
    """All files in the folders `names` of `folder`, relative to it, sorted within each."""
    return [
        path.relative_to(folder).as_posix()
        for name in names
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    ]


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Json) -> None:
    """Write `value` as sorted, indented UTF-8 JSON, atomically."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path) -> Json:
    """Read a JSON file that mapneo wrote.

    Raises:
        ManifestError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ManifestError(f"{path} is missing: run the stage that writes it again") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"{path} is not valid JSON ({error}): delete it and run the stage again"
        ) from error


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
