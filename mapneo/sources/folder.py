"""The user's own folder as a source: which files it holds, and which have changed.

Names that start with a dot are left alone, as `ls` does. Linked folders are not followed.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mapneo.core.canonical import digest
from mapneo.core.errors import InputError
from mapneo.core.files import sha256_file
from mapneo.sources.readers import UNKNOWN, file_type

CATEGORY_BY_READER = {"html": "web", "code": "code"}


@dataclass(frozen=True, kw_only=True)
class FolderFile:
    """A file of the folder: path below it (POSIX), where it lies, size and time stamp."""

    path: str
    absolute: str
    size_bytes: int
    mtime_ns: int

    @property
    def reader(self) -> str:
        """Name of the reader for its suffix, or `unknown`."""
        kind = file_type(self.path)
        return UNKNOWN if kind is None else kind.reader

    @property
    def category(self) -> str:
        """Category by kind of file: web for HTML, code for code, else other."""
        return CATEGORY_BY_READER.get(self.reader, "other")


def list_folder(folder: Path) -> list[FolderFile]:
    """All files below `folder`, sorted by path; nothing is opened.

    Raises:
        InputError: the folder is missing, unreadable, or holds no file.
    """
    if not folder.is_dir():
        raise InputError(
            f"the data folder {folder} does not exist or is not a folder: check --data"
        )
    try:
        found = sorted(_walk(folder.absolute(), ""), key=lambda file: file.path)
    except OSError as error:
        raise InputError(f"the data folder {folder} can't be read: {error}") from error
    if not found:
        raise InputError(
            f"the data folder {folder} is empty: put HTML, PDF, JSONL, TXT, Markdown or code in it"
        )
    return found


def _walk(folder: Path, prefix: str) -> Iterator[FolderFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")
            elif not entry.is_dir():
                # A dangling link has no target to ask; its own size and time tell it apart.
                status = entry.stat(follow_symlinks=Path(entry.path).exists())
                yield FolderFile(
                    path=_storable(prefix + entry.name),
                    absolute=_storable(entry.path),
                    size_bytes=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                )


def _storable(path: str) -> str:
    """File names are bytes; one that is not UTF-8 is shown with escapes (and can't be opened)."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def folder_digest(folder: Path) -> str:
    """Digest of names, sizes and time stamps: equal as long as no file was touched."""
    return digest([[f.path, f.size_bytes, f.mtime_ns] for f in list_folder(folder)])


def hash_files(
    found: list[FolderFile], known: Mapping[str, tuple[int, int, str]]
) -> dict[str, str]:
    """SHA-256 by path; files that `known` has with equal size and time are not read again.

    `known` maps a path to (size_bytes, mtime_ns, sha256). Files no reader takes get "".

    Raises:
        InputError: a file can't be read.
    """
    hashes = {}
    for file in found:
        old = known.get(file.path)
        if file.reader == UNKNOWN:
            hashes[file.path] = ""
        elif old is not None and old[:2] == (file.size_bytes, file.mtime_ns):
            hashes[file.path] = old[2]
        else:
            try:
                hashes[file.path] = sha256_file(Path(file.absolute))
            except OSError as error:
                raise InputError(f"{file.absolute} can't be read: {error.strerror}") from error
    return hashes
