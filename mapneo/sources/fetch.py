"""From a catalogue entry to files on disk: cached archive, verified hash, wanted members.

What is finished is never fetched or unpacked again, so a second run needs no network.
"""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mapneo.core.canonical import digest
from mapneo.core.errors import FetchError, ManifestError
from mapneo.core.files import read_json, sha256_file, write_json
from mapneo.sources.cache import fresh_directory, locked
from mapneo.sources.clients import deb_version, download
from mapneo.sources.package import Package
from mapneo.sources.unpack import Limits, UnpackedFile, Wanted, unpack

MARKER = "archive.json"
INDEX = "index.json"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A package file in the cache: where, its SHA-256, its size, the package's version."""

    path: Path
    sha256: str
    size_bytes: int
    version: str


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """A source on disk: the folder its files lie in, the files, the archive they came from."""

    folder: Path
    files: Sequence[UnpackedFile]
    archive_sha256: str
    version: str


def fetch_source(source: Package, cache: Path) -> Unpacked:
    """The source's files, fetched and unpacked unless the cache has them.

    Raises:
        FetchError: no network, wrong hash, unsafe or damaged archive; the package is named.
        NotOfferedError: an apt package that this system does not offer.
    """
    archive = fetch_archive(source, cache)
    wanted = Wanted(root=source.root, include=source.include, exclude=source.exclude)
    home = cache / "unpacked" / f"{source.name}-{digest([archive.sha256, asdict(wanted)])[:12]}"
    with locked(cache, home.name):
        index = _read_index(home)
        if index is None:
            _check_hash(source, archive)
            with fresh_directory(home) as temporary:
                files = unpack(archive.path, temporary / "files", wanted, Limits())
                write_json(temporary / INDEX, [asdict(file) for file in files])
            index = files
    return Unpacked(
        folder=home / "files", files=index, archive_sha256=archive.sha256, version=archive.version
    )


def fetch_archive(source: Package, cache: Path) -> Archive:
    """The package's archive, from the cache or from its registry.

    Raises:
        FetchError: it can't be had, or its SHA-256 is not the pinned one.
        NotOfferedError: an apt package that this system does not offer.
    """
    package = source.package.replace("/", "-").lstrip("@")
    kind = f"-{source.distribution}" if source.distribution else ""
    name = f"{package}-{source.version}{kind}" if source.version else package
    home = cache / "archives" / source.ecosystem / name
    with locked(cache, f"{source.ecosystem}-{name}"):
        archive = _read_marker(home)
        if archive is None or source.sha256 not in (None, archive.sha256):
            archive = _download_archive(source, home, cache)
    return archive


def _download_archive(source: Package, home: Path, cache: Path) -> Archive:
    with fresh_directory(home) as temporary:
        incoming = temporary / "incoming"
        incoming.mkdir()
        path = download(source, incoming, cache)
        sha256 = sha256_file(path)
        if source.sha256 not in (None, sha256):
            raise FetchError(
                f"{source.label}: {path.name} has sha256 {sha256}, pinned is {source.sha256}; "
                "don't use it, and check the mirror this system is set up with"
            )
        shutil.move(path, temporary / path.name)
        incoming.rmdir()
        archive = Archive(
            path=home / path.name,
            sha256=sha256,
            size_bytes=(temporary / path.name).stat().st_size,
            version=source.version or deb_version(path),
        )
        write_json(temporary / MARKER, {**asdict(archive), "path": path.name})
    return archive


def _read_marker(home: Path) -> Archive | None:
    try:
        marker = read_json(home / MARKER)
        archive = Archive(**{**marker, "path": home / marker["path"]})
        return archive if archive.path.stat().st_size == archive.size_bytes else None
    except (ManifestError, FileNotFoundError):
        return None


def _check_hash(source: Package, archive: Archive) -> None:
    found = sha256_file(archive.path)
    if found != archive.sha256:
        archive.path.unlink()
        raise FetchError(
            f"{source.label}: the cached {archive.path} has changed since it was fetched "
            f"(sha256 {found}, expected {archive.sha256}); it was removed: run the same command "
            "again to fetch it anew"
        )


def _read_index(home: Path) -> list[UnpackedFile] | None:
    """Files of an unpacked source; None if it is not there or a file's size has changed."""
    try:
        index = [UnpackedFile(**row) for row in read_json(home / INDEX)]
        whole = all(
            (home / "files" / file.path).stat().st_size == file.size_bytes for file in index
        )
    except (ManifestError, FileNotFoundError):
        return None
    return index if whole else None
