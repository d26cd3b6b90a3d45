"""The cache: who may write it now, what it holds.

    archives/<ecosystem>/<package>-<version>/<file>   as the registry gave it, with archive.json
    unpacked/<source>-<key>/files/…                   the wanted members, with index.json
    locks/<name>.lock                                 one per thing being made
    apt/                                              package lists, where the system has none
    words/<dictionary>.npz                            word tables built by mapneo.text.dictionary

A finished thing is named by a JSON file written last; whatever lacks it is made again.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mapneo.core.files import TEMPORARY_PREFIX, storage_error


@contextmanager
def locked(cache: Path, name: str) -> Iterator[None]:
    """Hold the cache's lock of this name; waits for another process that holds it."""
    path = cache / "locks" / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError as error:
        raise storage_error(error, path) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def fresh_directory(final: Path) -> Iterator[Path]:
    """Give an empty temporary sibling of `final`; on success it takes `final`'s place."""
    temporary = final.with_name(f"{TEMPORARY_PREFIX}{final.name}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        if final.exists():
            shutil.rmtree(final)
        temporary.replace(final)
    except OSError as error:
        raise storage_error(error, final) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class CacheUse:
    """One folder of the cache: its path below the cache, files and bytes in it."""

    relative: str
    files: int
    size_bytes: int


def cache_use(cache: Path) -> list[CacheUse]:
    """What the cache holds, one row per archive, unpacked source and tables, sorted by path."""
    rows = []
    for pattern in ("archives/*/*", "unpacked/*", "words"):
        for folder in sorted(cache.glob(pattern)):
            sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
            rows.append(
                CacheUse(
                    relative=folder.relative_to(cache).as_posix(),
                    files=len(sizes),
                    size_bytes=sum(sizes),
                )
            )
    return rows


def clear_cache(cache: Path) -> None:
    """Delete all archives, unpacked sources, package lists and word tables."""
    for folder in ("archives", "unpacked", "locks", "apt", "words"):
        shutil.rmtree(cache / folder, ignore_errors=True)
