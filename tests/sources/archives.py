"""Makes small archives, good and hostile, for the tests of this room."""

import io
import tarfile
import zipfile
from pathlib import Path


def make_tar(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as bundle:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            bundle.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.SYMTYPE
            entry.linkname = target
            bundle.addfile(entry)
    return path


def make_zip(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            bundle.writestr(entry, target)
    return path


def make_sdist(folder: Path, name: str, version: str, members: dict[str, bytes]) -> Path:
    """A source archive whose setup.py would leave a trace if anything ran it."""
    root = f"{name}-{version}"
    trace = folder / "setup-was-run"
    headers = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    setup = f"open({str(trace)!r}, 'w').close()\nfrom setuptools import setup\nsetup()\n"
    build = b"[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
    return make_tar(
        folder / f"{root}.tar.gz",
        {
            f"{root}/PKG-INFO": headers.encode(),
            f"{root}/setup.py": setup.encode(),
            f"{root}/pyproject.toml": build,
            **{f"{root}/{member}": data for member, data in members.items()},
        },
    )
