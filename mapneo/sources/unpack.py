"""Taking the wanted files out of an archive that may be hostile.

Only plain files whose path matches are written, one by one, below the given folder: no links, no
devices, no modes or owners. A path that points out of the archive condemns the whole archive.
"""

import fnmatch
import hashlib
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from mapneo.core.errors import FetchError

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an archive may hold before it is taken for an attack."""

    max_members: int = 300_000
    max_member_bytes: int = 1 << 29
    max_written_bytes: int = 1 << 32
    max_stream_bytes: int = 1 << 35


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which members to take: below `root`, matching `include` and not `exclude`."""

    root: str
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()

    def relative(self, name: str) -> str | None:
        """Path below `root` if the member is wanted, else None."""
        prefix = f"{self.root.strip('/')}/" if self.root.strip("/") else ""
        if not name.startswith(prefix):
            return None
        below = name.removeprefix(prefix)
        if not any(fnmatch.fnmatchcase(below, pattern) for pattern in self.include):
            return None
        return None if any(fnmatch.fnmatchcase(below, p) for p in self.exclude) else below


@dataclass(frozen=True, kw_only=True)
class UnpackedFile:
    """A file taken out: path below the folder (POSIX), size, SHA-256."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class _Member:
    name: str
    size_bytes: int
    is_file: bool
    link: str | None
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, wanted: Wanted, limits: Limits) -> list[UnpackedFile]:
    """Write the wanted members of a wheel, zip, tar or Debian archive below `folder`.

    Returns the files written, sorted by path.

    Raises:
        FetchError: damaged archive, a path or link pointing outside, more than the limits allow,
            or nothing wanted in it.
    """
    written: dict[str, UnpackedFile] = {}
    left_bytes = limits.max_written_bytes
    stream_bytes = 0
    try:
        for number, member in enumerate(_members(archive), start=1):
            stream_bytes += member.size_bytes
            if number > limits.max_members or stream_bytes > limits.max_stream_bytes:
                raise _unsafe(archive, member.name, "the archive holds more than any of its kind")
            name = _safe_name(archive, member.name)
            relative = wanted.relative(name)
            if relative is None:
                continue
            if member.link is not None:
                _check_link(archive, name, member.link)
            if not member.is_file:
                continue
            max_bytes = min(limits.max_member_bytes, left_bytes)
            file = _write(archive, member, folder, relative, max_bytes)
            left_bytes -= file.size_bytes
            written[relative] = file
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise FetchError(
            f"{archive} is damaged ({error}): delete it and run the same command again"
        ) from error
    if not written:
        raise FetchError(
            f"{archive} has no file below {wanted.root or '.'} matching "
            f"{', '.join(wanted.include)}: the package has changed its layout; correct the "
            "catalogue entry, or take the source off fetch.sources"
        )
    return [written[path] for path in sorted(written)]


def _members(archive: Path) -> Iterator[_Member]:
    if archive.suffix in (".whl", ".zip"):
        yield from _zip_members(archive)
    elif archive.suffix == ".deb":
        yield from _deb_members(archive)
    else:
        with archive.open("rb") as stream:
            yield from _tar_members(stream)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as bundle:
        for entry in bundle.infolist():
            mode = entry.external_attr >> 16
            is_link = stat.S_ISLNK(mode)
            yield _Member(
                name=entry.filename,
                size_bytes=entry.file_size,
                is_file=not entry.is_dir() and not is_link,
                link=bundle.read(entry)[:4096].decode("utf-8", "replace") if is_link else None,
                open=lambda entry=entry: bundle.open(entry),  # type: ignore[misc]
            )


def _tar_members(stream: IO[bytes]) -> Iterator[_Member]:
    with tarfile.open(fileobj=stream, mode="r|*") as bundle:
        for entry in bundle:
            link = entry.linkname if entry.issym() else None
            # A hard link names its target from the archive's top, not from its own folder.
            link = f"/{entry.linkname}" if entry.islnk() and ".." in entry.linkname else link
            yield _Member(
                name=entry.name,
                size_bytes=entry.size,
                is_file=entry.isreg(),
                link=link,
                open=lambda entry=entry: _opened(bundle, entry),  # type: ignore[misc]
            )


def _opened(bundle: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    handle = bundle.extractfile(entry)
    if handle is None:
        raise tarfile.ReadError(f"{entry.name} has no content")
    return handle


def _deb_members(archive: Path) -> Iterator[_Member]:
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield from _tar_members(process.stdout)
        finally:
            process.stdout.close()
            process.kill()


def _safe_name(archive: Path, name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or ":" in path.parts[:1]:
        raise _unsafe(archive, name, "its path points out of the archive")
    return path.as_posix()


def _check_link(archive: Path, name: str, target: str) -> None:
    depth = len(PurePosixPath(name).parts) - 1
    outside = PurePosixPath(target).is_absolute()
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        outside = outside or depth < 0
    if outside:
        raise _unsafe(archive, name, f"it is a link to {target}, outside of the archive")


def _write(
    archive: Path, member: _Member, folder: Path, relative: str, max_bytes: int
) -> UnpackedFile:
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    hasher = hashlib.sha256()
    size_bytes = 0
    with member.open() as source, target.open("wb") as sink:
        # The header's size is a claim; only what really comes out is counted.
        while chunk := source.read(CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                raise _unsafe(archive, member.name, f"it unpacks to more than {max_bytes} bytes")
            hasher.update(chunk)
            sink.write(chunk)
    return UnpackedFile(path=relative, size_bytes=size_bytes, sha256=hasher.hexdigest())


def _unsafe(archive: Path, member: str, reason: str) -> FetchError:
    return FetchError(
        f"{archive} is not safe to unpack: member {member!r}: {reason}; nothing of it was kept. "
        "Check where this archive comes from"
    )
