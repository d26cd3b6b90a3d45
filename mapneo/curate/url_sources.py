"""The files of URL lists, in the layouts that they come in.

- A folder or tar archive of category folders, each with `domains` and `urls`, under `blacklists/`
  or not (the layout of the UT1 lists of the University of Toulouse).
- A folder or archive of flat files, one per category: `gambling`, `gambling.txt`.
- `domains` and `urls` without a category folder (as in datatrove's archive), or a single file:
  the source names the category.

Each file may be gzipped. UT1 gives some lists two or three names; they are one category here.
"""

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mapneo.core.config import Config
from mapneo.core.errors import ConfigError, InputError

DEFAULT_CATEGORIES = (
    "adult", "agressif", "cryptojacking", "dangerous_material", "dating", "ddos", "gambling",
    "hacking", "lingerie", "malware", "mixed_adult", "phishing", "publicite", "redirector", "sect",
    "stalkerware", "strict_redirector", "strong_redirector", "warez",
)  # fmt: skip
"""UT1 categories that count unless others are asked for."""

WHITE_CATEGORIES = frozenset(
    (
        "child", "cleaning", "download", "educational_games", "jobsearch", "liste_bu", "press",
        "sexual_education", "translation", "update",
    )
)  # fmt: skip
"""UT1 categories of pages to *allow*: a page that they list is never a hit."""

ALIASES = {
    "ads": "publicite",
    "porn": "adult",
    "aggressive": "agressif",
    "violence": "agressif",
    "drugs": "drogue",
    "mail": "forums",
    "proxy": "redirector",
}
"""Second names of the same list in UT1 → the one name it has here."""

_LIST_NAMES = ("domains", "urls")
_ROOTS = ("", "blacklists")
_ENDINGS = (".gz", ".txt", ".domains", ".urls")
_DAMAGED = (OSError, EOFError, tarfile.TarError, zlib.error)


class UrlListSource(Config):
    """Where lists lie."""

    path: Path
    """A folder, a tar archive (`.tar`, `.tar.gz`, …) or a single list."""
    category: str | None = None
    """Category of what lies in no category folder; it counts without being asked for."""


class ListFile(NamedTuple):
    """One list.

    Attributes:
        name: for messages: the file, and the member if it lies in an archive.
        category: under the one name of `ALIASES`.
        is_page_list: whether it is a `urls` file.
        read: gives the unpacked bytes; to be called before the next file is asked for.
    """

    name: str
    category: str
    is_page_list: bool
    read: Callable[[], bytes]


def list_files(source: UrlListSource) -> Iterator[ListFile]:
    """All lists of a source, in the order of their names; other files are passed over.

    Raises:
        InputError: the path is missing or can't be read, or an archive is damaged.
        ConfigError: a list lies in no category folder and the source names no category.
    """
    path = source.path
    if path.is_dir():
        yield from _in_folder(source)
    elif not path.is_file():
        raise InputError(f"{path} is missing: correct the path of the URL lists")
    elif tarfile.is_tarfile(path):
        yield from _in_archive(source)
    else:
        name = _stem(path.name)
        category = source.category or name
        if name in _LIST_NAMES and source.category is None:
            raise _no_category(str(path))
        yield ListFile(str(path), one_name(category), ".urls" in path.name or name == "urls",
                       partial(_unpack, str(path), path.read_bytes))  # fmt: skip


def one_name(category: str) -> str:
    """The name that a category goes by, whichever of its names is given."""
    return ALIASES.get(category, category)


def _in_folder(source: UrlListSource) -> Iterator[ListFile]:
    # Links are not followed: in UT1 they are the second names of lists that are there anyway.
    found = sorted(
        Path(folder, name)
        for folder, _, names in os.walk(source.path)
        for name in names
        if not Path(folder, name).is_symlink()
    )
    for path in found:
        relative = PurePosixPath(path.relative_to(source.path).as_posix())
        if (place := _place(relative, str(path), source)) is not None:
            yield ListFile(str(path), *place, partial(_unpack, str(path), path.read_bytes))


def _in_archive(source: UrlListSource) -> Iterator[ListFile]:
    try:
        with tarfile.open(source.path) as archive:
            members = sorted((m for m in archive if m.isfile()), key=lambda member: member.name)
            for member in members:
                name = f"{source.path}:{member.name}"
                place = _place(PurePosixPath(member.name), name, source)
                if place is not None:
                    read = partial(_unpack, name, partial(_member_bytes, archive, member))
                    yield ListFile(name, *place, read)
    except _DAMAGED as error:
        raise _damaged(str(source.path), error) from error


def _place(path: PurePosixPath, name: str, source: UrlListSource) -> tuple[str, bool] | None:
    """Category, and whether it is a list of pages; None if the file is no list."""
    stem = _stem(path.name)
    folder = path.parent.name
    if stem in _LIST_NAMES:
        category = source.category if folder in _ROOTS else folder
        if category is None:
            raise _no_category(name)
        return one_name(category), stem == "urls"
    if folder in _ROOTS and len(path.parts) <= 2 and not stem.startswith("."):
        return one_name(stem), ".urls" in path.name
    return None


def _stem(name: str) -> str:
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _member_bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    handle = archive.extractfile(member)
    assert handle is not None  # members were filtered by isfile()
    return handle.read()


def _unpack(name: str, read: Callable[[], bytes]) -> bytes:
    try:
        data = read()
        return gzip.decompress(data) if name.endswith(".gz") else data
    except _DAMAGED as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: BaseException) -> InputError:
    return InputError(f"{name} can't be read ({error}): get the URL lists again")


def _no_category(name: str) -> ConfigError:
    return ConfigError(f"{name} lies in no category folder: name its category in the source")
