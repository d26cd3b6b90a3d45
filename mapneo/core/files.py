"""Writing so that a kill at any moment leaves either the whole file or none of it."""

import errno
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapneo.core.canonical import Json
from mapneo.core.errors import ManifestError, StorageError
from mapneo.core.storage import delete, is_remote, list_files, put, read_bytes, sha256_file

__all__ = [
    "atomic_file",
    "files_below",
    "read_json",
    "remove_temporaries",
    "sha256_file",
    "storage_error",
    "sweep",
    "write_json",
    "write_text",
]

TEMPORARY_PREFIX = ".tmp-"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to write; on success fsync it and rename it to `path`.

    For an object store the temporary is a local file, sent whole on success.

    Raises:
        StorageError: the disk is full, the folder can't be written, the store can't be reached.
    """
    if is_remote(path):
        with _atomic_object(path) as temporary:
            yield temporary
        return
    # Not the process id alone: two machines may write to one folder.
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{unique}-{path.name}")
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


@contextmanager
def _atomic_object(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mapneo-") as folder:
        temporary = Path(folder) / path.name
        try:
            yield temporary
        except OSError as error:
            raise storage_error(error, temporary) from error
        put(temporary, path)


def storage_error(error: OSError, path: Path) -> Exception:
    """Turn an operating system's refusal to write into one sentence; other errors come back."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"no space left while writing {path}: free some space (`mapneo fetch --cache` shows "
            "what the cache holds) and run the same command again; finished shards are kept"
        )
    if error.errno == errno.EFBIG:
        return StorageError(
            f"{path} would be larger than files may be here (`ulimit -f`, or the file system): "
            "raise the limit or use smaller shards, and run the same command again"
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
    """Delete what a killed writer left behind under `directory`; an object store has none."""
    if is_remote(directory):
        return
    for path in directory.rglob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def files_below(folder: Path, *names: str) -> list[str]:
    """All files in the folders `names` of `folder`, relative to it, sorted within each."""
    return [f"{name}/{file}" for name in names for file in list_files(folder / name)]


def sweep(folder: Path, keep: set[str]) -> None:
    """Delete all files below `folder` but those of these relative paths, and empty folders."""
    if is_remote(folder):
        delete(folder, [name for name in list_files(folder) if name not in keep])
        return
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in keep:
            path.unlink()


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
        StorageError: the object store can't be reached, or refuses.
    """
    try:
        return json.loads(read_bytes(path).decode("utf-8"))
    except FileNotFoundError as error:
        raise ManifestError(f"{path} is missing: run the stage that writes it again") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"{path} is not valid JSON ({error}): delete it and run the stage again"
        ) from error
