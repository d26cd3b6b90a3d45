"""Where files lie: on a local disk, or in an object store (`s3://…`) through fsspec.

A place is a path of pathlib. In an object store it is one of universal_pathlib, which has the same
methods; the type checker is told that it is a `Path`, because stages only join names to it and hand
it to `core/files.py` and `core/tables.py`, which ask here. What needs the operating system (memory
maps, locks) asks `is_remote` first.
"""

import concurrent.futures
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pyarrow as pa

from mapneo.core.errors import ConfigError, MapNeoError, StorageError

T = TypeVar("T")
R = TypeVar("R")

_REQUESTS_AT_ONCE = 16
_FEW = 256
_BLOCK_BYTES = 8 << 20
_SCHEME = "://"


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What tells cheaply that a file was changed.

    Attributes:
        size_bytes: its size.
        mtime_ns: modification time in nanoseconds; 0 in an object store.
        etag: what the object store calls this content (ETag, generation); empty on a local disk.
    """

    size_bytes: int
    mtime_ns: int = 0
    etag: str = ""


def place(name: str | Path) -> Path:
    """The folder or file of this name: a local path, or a URL of an object store.

    Raises:
        ConfigError: the package for such URLs is not installed, or there is none.
    """
    text = str(name)
    if _SCHEME not in text:
        return Path(text)
    protocol = text.partition(_SCHEME)[0]
    if protocol == "file":
        return Path(text.removeprefix("file://"))
    try:
        from upath import UPath

        # Other machines write to the same folders: a listing of before would hide their files.
        path = UPath(text, use_listings_cache=False)
        assert path.fs is not None
    except ImportError as error:
        raise ConfigError(
            f"{text} needs a package that is not installed ({error}): pip install 'mapneo[s3]', "
            "which is all for s3://; other stores need their fsspec package beside it"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{text}: there is no storage of the kind {protocol}://") from error
    return cast(Path, path)


def is_remote(path: object) -> bool:
    """Whether a place lies in an object store."""
    return not isinstance(path, Path)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what an object store or the way to it refuses into one sentence.

    Raises:
        FileNotFoundError, FileExistsError: as they came: the caller knows what they mean.
        StorageError: anything else that is neither our own error nor about a file's content.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError, MapNeoError):
        raise
    except Exception as error:
        if not is_remote(path) or _is_about_content(error):
            raise
        raise _refusal(error, path) from error


def _is_about_content(error: Exception) -> bool:
    """Whether pyarrow says that what it read is no table; it does so without an error number."""
    return isinstance(error, pa.ArrowInvalid) or (type(error) is OSError and error.errno is None)


def _refusal(error: Exception, path: Path) -> StorageError:
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, PermissionError) or "redential" in type(error).__name__:
        return StorageError(
            f"the object store refuses access to {path} ({reason}): check the credentials that "
            "fsspec uses for it (for S3: AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY) and the bucket's policy"
        )
    return StorageError(
        f"can't reach {path} ({reason}): check the network and the endpoint (for S3: "
        "AWS_ENDPOINT_URL), then run the same command again; finished shards are kept"
    )


def read_bytes(path: Path) -> bytes:
    """A whole file.

    Raises:
        FileNotFoundError: there is none.
        StorageError: the object store can't be reached, or refuses.
    """
    with explained(path):
        if is_remote(path):
            remote = _remote(path)
            return cast(bytes, remote.fs.cat_file(remote.path))
        return path.read_bytes()


@contextmanager
def open_for_reading(path: Path) -> Iterator[Any]:
    """A binary file that can be read and sought; in an object store only what is read is sent."""
    with explained(path):
        if is_remote(path):
            remote = _remote(path)
            with remote.fs.open(remote.path, "rb", cache_type="none") as handle:
                yield handle
        else:
            with path.open("rb") as handle:
                yield handle


def put(local: Path, path: Path) -> None:
    """Send a finished local file to an object store: it is there as a whole, or not at all.

    Raises:
        StorageError: the bucket is missing, can't be reached, or refuses.
    """
    with _writing(path) as remote:
        remote.fs.put_file(str(local), remote.path)


def put_new(path: Path, text: str) -> bool:
    """Write a small object unless there is one of this name; returns whether it was written.

    Raises: as `put`.
    """
    try:
        with _writing(path) as remote:
            remote.fs.pipe_file(remote.path, text.encode(), mode="create")
    except FileExistsError:
        return False
    return True


@contextmanager
def _writing(path: Path) -> Iterator[Any]:
    try:
        with explained(path):
            yield _remote(path)
    except FileNotFoundError as error:
        raise StorageError(
            f"can't write {path} ({error}): the bucket does not exist; create it, or correct --runs"
        ) from error


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits; read back from where it lies."""
    state = hashlib.sha256()
    with open_for_reading(path) as handle:
        while block := handle.read(_BLOCK_BYTES):
            state.update(block)
    return state.hexdigest()


def exists(path: Path) -> bool:
    """Whether there is a file of this name.

    Raises:
        StorageError: the object store can't be reached, or refuses.
    """
    return stamp(path) is not None


def stamp(path: Path) -> Stamp | None:
    """What a file looks like now, or None if there is none."""
    try:
        with explained(path):
            if is_remote(path):
                remote = _remote(path)
                return _stamp_of_object(remote.fs.info(remote.path))
            stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Stamp(size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)


def stamps(folder: Path, names: Sequence[str]) -> dict[str, Stamp | None]:
    """What the files `names` below a folder look like now; many objects are listed, not asked."""
    if is_remote(folder) and len(names) > _FEW:
        found = list_files(folder)
        return {name: found.get(name) for name in names}
    return dict(zip(names, at_once(lambda name: stamp(folder / name), names, folder), strict=True))


def list_files(folder: Path) -> dict[str, Stamp]:
    """All files below a folder, by path relative to it, in sorted order."""
    if is_remote(folder):
        return dict(sorted(_list_objects(folder)))
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (seen := stamp(path)) is not None:
            found[path.relative_to(folder).as_posix()] = seen
    return found


def _list_objects(folder: Path) -> Iterator[tuple[str, Stamp]]:
    remote = _remote(folder)
    with explained(folder):
        try:
            objects = remote.fs.find(remote.path, detail=True)
        except FileNotFoundError:
            return
    start = len(remote.path.rstrip("/")) + 1
    for name, info in objects.items():
        if info["type"] == "file" and len(name) > start:
            yield name[start:], _stamp_of_object(info)


def _stamp_of_object(info: Any) -> Stamp:
    named = (info.get(key) for key in ("ETag", "etag", "generation", "LastModified", "mtime"))
    return Stamp(size_bytes=info["size"] or 0, etag=str(next(filter(None, named), "")).strip('"'))


def delete(folder: Path, names: Iterable[str]) -> None:
    """Delete objects below a folder of an object store."""
    remote = _remote(folder)
    paths = [_remote(folder / name).path for name in names]
    with explained(folder):
        if paths:
            remote.fs.rm(paths)


def at_once(function: Callable[[T], R], items: Sequence[T], folder: Path) -> list[R]:
    """`function` of each item, in order; in an object store several requests are under way."""
    if not is_remote(folder) or len(items) < 2:
        return [function(item) for item in items]
    with concurrent.futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        return list(pool.map(function, items))


def _remote(path: Path) -> Any:
    """The same path, with what universal_pathlib adds: `fs` and `path`."""
    return path
