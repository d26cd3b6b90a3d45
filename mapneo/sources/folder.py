"""The user's own folder as a source: which files it holds, and which have changed.

All that is there is listed. What is not read (a name that starts with a dot, a link to nowhere or
to a folder, a device, a file or folder without permission) is listed with the kind of error that
it becomes, so that it is counted and does not stop the run.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mapneo.core.canonical import digest
from mapneo.core.errors import InputError
from mapneo.core.files import sha256_file
from mapneo.sources.file_types import UNKNOWN, file_type
from mapneo.sources.readers import READERS

CATEGORY_BY_READER = {"html": "web", "warc": "web", "code": "code"}
UNREADABLE_FILE = "unreadable_file"
NOT_READ: Mapping[str, str] = MappingProxyType(
    {
        "hidden": "its name starts with a dot, so it is left alone, as `ls` does; rename it to "
        "have it read",
        "linked_folder": "links to folders are not followed; put the folder itself here",
        "dangling_link": "a link to a file that does not exist, or to itself",
        "special_file": "a pipe, socket or device, not a file with an end",
        "undecodable_name": "its name is not UTF-8; rename it, for example with convmv",
        UNREADABLE_FILE: "the file can't be read; check its permissions",
        "unreadable_folder": "the folder can't be read; check its permissions, and whether its "
        "path is too long",
    }
)
"""Kinds of error a listed file or folder becomes without being opened, and what is said of it."""


@dataclass(frozen=True, kw_only=True)
class FolderFile:
    """A file of the folder: path below it (POSIX), where it lies, size and time stamp.

    `reader` names a reader, or is `unknown`, or a key of `NOT_READ`; then size and time stamp are
    0, for nothing depends on them.
    """

    path: str
    absolute: str
    reader: str
    size_bytes: int = 0
    mtime_ns: int = 0

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
        os.scandir(folder).close()
    except OSError as error:
        raise InputError(
            f"the data folder {folder} can't be read ({error.strerror}): check its permissions"
        ) from error
    found = sorted(_walk(str(folder.absolute())), key=lambda file: file.path)
    if not found:
        raise InputError(
            f"the data folder {folder} is empty: put HTML, PDF, JSONL, TXT, Markdown or code in it"
        )
    return found


def _walk(top: str) -> Iterator[FolderFile]:
    """Every file below `top`, folder by folder; a stack, as nesting may be deeper than Python's."""
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(os.path.join(top, prefix)) as opened:
                entries = list(opened)
        except OSError:
            yield _not_read(top, prefix.rstrip("/"), "unreadable_folder")
            continue
        for entry in entries:
            if _is_open_folder(entry):
                waiting.append(f"{prefix}{entry.name}/")
            else:
                yield _listed(top, prefix + entry.name, entry)


def _is_open_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")


def _listed(top: str, path: str, entry: os.DirEntry[str]) -> FolderFile:
    if entry.name.startswith("."):
        return _not_read(top, path, "hidden")
    try:
        status = os.stat(entry.path)
    except OSError:
        kind = "dangling_link" if entry.is_symlink() else UNREADABLE_FILE
        return _not_read(top, path, kind)
    kind = _kind_of_file(path, entry, status)
    if kind in NOT_READ:
        return _not_read(top, path, kind)
    return FolderFile(
        path=path,
        absolute=entry.path,
        reader=kind,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )


def _kind_of_file(path: str, entry: os.DirEntry[str], status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return "linked_folder"
    if not stat.S_ISREG(status.st_mode):
        return "special_file"
    if _storable(entry.path) != entry.path:
        return "undecodable_name"
    if not os.access(entry.path, os.R_OK):
        return UNREADABLE_FILE
    kind = file_type(path)
    return UNKNOWN if kind is None else kind.reader


def _not_read(top: str, path: str, kind: str) -> FolderFile:
    absolute = os.path.join(top, path)
    return FolderFile(path=_storable(path), absolute=_storable(absolute), reader=kind)


def _storable(path: str) -> str:
    """File names are bytes; those that are not UTF-8 are shown with escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def folder_digest(folder: Path) -> str:
    """Digest of names, readers, sizes and time stamps: equal as long as no file was touched."""
    return digest([[f.path, f.reader, f.size_bytes, f.mtime_ns] for f in list_folder(folder)])


def hash_files(
    found: list[FolderFile], known: Mapping[str, tuple[int, int, str]]
) -> dict[str, str]:
    """SHA-256 by path; files that `known` has with equal size and time are not read again.

    `known` maps a path to (size_bytes, mtime_ns, sha256). Files that no reader takes get "";
    files that could not be read after all are missing.
    """
    hashes = {}
    for file in found:
        old = known.get(file.path)
        if file.reader not in READERS:
            hashes[file.path] = ""
        elif old is not None and old[2] and old[:2] == (file.size_bytes, file.mtime_ns):
            hashes[file.path] = old[2]
        else:
            try:
                hashes[file.path] = sha256_file(Path(file.absolute))
            except OSError:
                continue
    return hashes
