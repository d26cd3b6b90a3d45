"""Listing a set of files: where each lies, its path in ids, how it is read, on what terms.

Files of this machine are hashed; remote ones are named by what their store says of them (an entity
tag), for hashing them would be reading them all. Paths of a list are taken as they are: such lists
are of files that never change.
"""

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from mapneo.core.canonical import Json, digest
from mapneo.core.errors import InputError
from mapneo.core.files import sha256_file
from mapneo.sources.addresses import is_remote
from mapneo.sources.documents import BrokenFileError, RawFile
from mapneo.sources.file_lists import path_hash
from mapneo.sources.file_types import UNKNOWN, file_type
from mapneo.sources.folder import CATEGORY_BY_READER, UNREADABLE_FILE
from mapneo.sources.hub import CARD, SPLITS, STATE, Card, read_card, saved_files, split_files
from mapneo.sources.licences import licence_above, tree_licences
from mapneo.sources.sets import USER_LICENCE, FileSet
from mapneo.sources.storage import list_addresses
from mapneo.sources.streams import Unpacked, lines, read_whole

_WILD = "*?["
_MAX_LIST_LINE_BYTES = 1 << 16
_MAX_CARD_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class SetFile:
    """A file of a set: its path in ids, its address, size and time stamp, its store's version."""

    path: str
    address: str
    size_bytes: int = 0
    mtime_ns: int = 0
    version: str | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a set, sorted by path, and what its dataset card says."""

    files: Sequence[SetFile]
    card: Card = Card()


def list_set(wanted: FileSet) -> Listing:
    """The set's files; remote stores are asked.

    Raises:
        InputError: there is no file, two have one path, or a list is damaged.
        FetchError: a remote store can't be reached.
    """
    if wanted.huggingface is not None:
        listing = _list_dataset(wanted, wanted.huggingface.rstrip("/"))
    elif wanted.paths:
        listing = Listing(files=list(_listed_paths(wanted)))
    else:
        found = [file for pattern in wanted.patterns for file in _list_pattern(pattern, wanted)]
        listing = Listing(files=found)
    by_path: dict[str, SetFile] = {}
    for file in listing.files:
        other = by_path.setdefault(file.path, file)
        if other.address != file.address:
            raise InputError(
                f"fetch.sets: {wanted.name}: {other.address} and {file.address} would have the "
                f"same ids ({file.path}): make two sets of them"
            )
    files = [by_path[path] for path in sorted(by_path)]
    if wanted.max_files is not None:
        order = sorted(files, key=lambda file: (path_hash(file.path), file.path))
        files = sorted(order[: wanted.max_files], key=lambda file: file.path)
    return replace(listing, files=files)


def local_digest(wanted: FileSet) -> str | None:
    """Digest of names, sizes and time stamps of a set on this machine; None for a remote one.

    A remote store is not asked again once its files are listed: that would need the network for
    "nothing to do".
    """
    places = (*wanted.patterns, *wanted.paths, wanted.base, wanted.huggingface or "")
    if any(is_remote(place) for place in places):
        return None
    files = list_set(wanted).files
    return digest([[file.path, file.size_bytes, file.mtime_ns] for file in files])


def set_rows(
    wanted: FileSet, listing: Listing, known: Mapping[str, tuple[int, int, str]]
) -> list[dict[str, Json]]:
    """Rows of the set's file list; `known` are hashes of an earlier one (see `hash_files`)."""
    form = wanted.open_set
    local = [(file.path, Path(file.address)) for file in listing.files if _is_local(file)]
    trees = tree_licences(local)
    rows = []
    for file in listing.files:
        kind = file_type(file.path)
        reader = wanted.reader or (form.reader if form else kind.reader if kind else UNKNOWN)
        sha256 = _sha256(file, known) if reader != UNKNOWN else ""
        terms = wanted.licence or (form.licence if form else None) or listing.card.licence
        tree = licence_above(file.path, trees) if reader == "code" else None
        category = form.category if form else CATEGORY_BY_READER.get(reader, "other")
        rows.append(
            {
                "source": wanted.name,
                "path": file.path,
                "absolute": file.address,
                "size_bytes": file.size_bytes,
                "mtime_ns": file.mtime_ns,
                "sha256": sha256 or "",
                "version": file.version,
                "reader": UNREADABLE_FILE if sha256 is None else reader,
                "category": wanted.category or category,
                "licence": terms or tree or USER_LICENCE,
                "publish": wanted.publish or (form.publish if form else "text"),
            }
        )
    return rows


def _is_local(file: SetFile) -> bool:
    return not is_remote(file.address)


def _sha256(file: SetFile, known: Mapping[str, tuple[int, int, str]]) -> str | None:
    """A local file's hash, "" for a remote one, None if it can't be read."""
    if not _is_local(file):
        return ""
    size_bytes, mtime_ns, sha256 = known.get(file.path, (0, 0, ""))
    if sha256 and (size_bytes, mtime_ns) == (file.size_bytes, file.mtime_ns):
        return sha256
    try:
        return sha256_file(Path(file.address))
    except OSError:
        return None


def _list_pattern(pattern: str, wanted: FileSet) -> Iterator[SetFile]:
    """Files of one address; ids begin below its folder, or the last one before a wildcard."""
    if is_remote(pattern):
        found = list_addresses(pattern, wanted.storage)
        single = len(found) == 1 and found[0].address.rstrip("/").endswith(pattern.rstrip("/"))
        base = _base(pattern, is_file=single)
        for file in found:
            yield SetFile(
                path=file.address.removeprefix(base).lstrip("/"),
                address=file.address,
                size_bytes=file.size_bytes,
                version=file.version,
            )
        return
    place = os.path.abspath(os.path.expanduser(pattern))
    base = _base(place, is_file=os.path.isfile(place))
    names = _local_names(place)
    if not names:
        raise InputError(f"{pattern} holds no file: check the path in fetch.sets")
    for name in names:
        yield _listed(PurePosixPath(os.path.relpath(name, base)).as_posix(), name)


def _listed(path: str, address: str) -> SetFile:
    """A file as this machine knows it; of a remote one, its address alone."""
    if is_remote(address):
        return SetFile(path=path, address=address)
    try:
        status = os.stat(address)
    except OSError as error:
        raise InputError(f"{address} can't be read: {error.strerror}") from error
    return SetFile(
        path=path, address=address, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns
    )


def _base(pattern: str, *, is_file: bool) -> str:
    wild = min((pattern.find(mark) for mark in _WILD if mark in pattern), default=-1)
    if wild < 0 and not is_file:
        return pattern.rstrip("/")
    return pattern[: wild if wild >= 0 else len(pattern)].rpartition("/")[0]


def _local_names(place: str) -> list[str]:
    if any(mark in place for mark in _WILD) and not os.path.exists(place):
        found = glob.glob(place, recursive=True)
    elif os.path.isdir(place):
        found = [
            os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names
        ]
        found = [name for name in found if not os.path.relpath(name, place).startswith(".")]
    else:
        found = [place]
    return sorted(name for name in found if os.path.isfile(name))


def _listed_paths(wanted: FileSet) -> Iterator[SetFile]:
    for address in wanted.paths:
        file = _raw(address, wanted)
        try:
            with Unpacked(file) as stream:
                for line in lines(stream, _MAX_LIST_LINE_BYTES):
                    path = line.decode("utf-8").strip()
                    if path and not path.startswith("#"):
                        yield _listed(path.lstrip("/"), _join(wanted.base, path))
        except (BrokenFileError, UnicodeDecodeError) as error:
            raise InputError(f"{address} is no list of paths: {error}") from error


def _join(base: str, path: str) -> str:
    if is_remote(path) or not base:
        return path
    return f"{base.rstrip('/')}/{path.lstrip('/')}"


def _raw(address: str, wanted: FileSet) -> RawFile:
    path = address if is_remote(address) else Path(address).expanduser().absolute()
    return RawFile(path=path, relative=address, storage=wanted.storage)


def _list_dataset(wanted: FileSet, folder: str) -> Listing:
    found = {file.path: file for file in _list_pattern(folder, wanted)}
    card = Card()
    if CARD in found:
        card = read_card(_read_text(found[CARD], wanted))
    if SPLITS in found or STATE in found:
        inside = wanted.split if SPLITS in found else ""
        state = f"{inside}/{STATE}" if inside else STATE
        if state not in found:
            raise InputError(f"{folder} has no split {wanted.split!r}: there is no {state}")
        chosen = saved_files(_read_text(found[state], wanted), inside)
        missing = [path for path in chosen if path not in found]
        if missing:
            raise InputError(f"{folder}: {missing[0]} is missing, which {state} names")
    else:
        chosen = split_files(found, card, wanted.config, wanted.split)
    return Listing(files=[found[path] for path in chosen], card=card)


def _read_text(file: SetFile, wanted: FileSet) -> str:
    try:
        return read_whole(_raw(file.address, wanted), _MAX_CARD_BYTES).decode("utf-8", "replace")
    except BrokenFileError as error:
        raise InputError(f"{file.address} can't be read: {error}") from error
