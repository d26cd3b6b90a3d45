"""Asking pip, npm and apt-get for one package: the command, its failures, the file it leaves.

Their own clients are used so that the user's mirrors, proxies and certificates are respected.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from mapneo.core.errors import FetchError
from mapneo.sources.package import Ecosystem, Package

TIME_LIMIT_S = 1800
_NO_NETWORK = (
    "name resolution", "failed to establish", "connection refused", "proxyerror", "timed out",
    "network is unreachable", "could not resolve", "failure resolving", "could not connect",
    "connecttimeout", "enotfound", "eai_again", "econnrefused", "etimedout", "econnreset",
    "cannot initiate the connection", "failed to fetch", "max retries exceeded",
)  # fmt: skip
_WRONG_HASH = ("do not match the hashes", "hash sum mismatch", "eintegrity")
_BUILD_BACKENDS = (("setuptools", "build_meta"), ("hatchling", "build"))
"""Package and module of the build back-ends that the catalogue's source archives name."""
_NOT_OFFERED = ("unable to locate package", "no installation candidate", "can't select")


class NotOfferedError(Exception):
    """This system's package list has no such package: an optional source is left out."""


def download(source: Package, folder: Path, cache: Path) -> Path:
    """Let the ecosystem's client put the source's archive into the empty `folder`.

    Returns the archive's path.

    Raises:
        FetchError: the client is missing, has no network, or refuses.
        NotOfferedError: this system has no such client, or apt-get does not know the package.
    """
    missing = missing_client(source.ecosystem)
    if missing:
        raise NotOfferedError(missing)
    {"pypi": _download_pypi, "npm": _download_npm, "apt": _download_apt}[source.ecosystem](
        source, folder, cache
    )
    archives = [path for path in folder.iterdir() if path.is_file()]
    if len(archives) != 1:
        raise FetchError(
            f"{source.label}: the client left {len(archives)} files instead of one archive; "
            "run the same command again"
        )
    return archives[0]


def missing_client(ecosystem: Ecosystem) -> str | None:
    """Why this system can't ask for packages of `ecosystem`; None if it can."""
    commands = {"pypi": (), "npm": ("npm",), "apt": ("apt-get", "dpkg-deb")}[ecosystem]
    missing = [command for command in commands if not shutil.which(command)]
    return f"this system has no {' and no '.join(missing)}" if missing else None


def deb_version(archive: Path) -> str:
    """Version of a Debian package by its file name, `<name>_<version>_<architecture>.deb`."""
    return unquote(archive.name).split("_")[1]


def _download_pypi(source: Package, folder: Path, cache: Path) -> None:
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip"]
    elif shutil.which("pip"):
        pip = ["pip"]
    else:
        raise FetchError(
            f"{source.label} can't be fetched: pip is missing; run `python -m ensurepip`"
        )
    work = folder.with_name(f"{folder.name}-pip")
    try:
        work.mkdir()
        requirements = work / "requirements.txt"
        requirements.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}")
        command = [
            *pip, "download", "--quiet", "--no-deps", "--no-input", "--disable-pip-version-check",
            "--retries", "2", "--dest", str(folder), "--requirement", str(requirements),
        ]  # fmt: skip
        environment = {}
        if source.distribution == "sdist":
            environment["PYTHONPATH"] = str(_metadata_only_backend(work))
            command += ["--no-binary", source.package, "--use-pep517", "--no-build-isolation"]
        else:
            command += ["--only-binary", source.package]
        _run(command, source, cache, environment=environment)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _metadata_only_backend(work: Path) -> Path:
    for name, module in _BUILD_BACKENDS:
        package = work / "backend" / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        shutil.copyfile(Path(__file__).with_name("sdist_metadata.py"), package / f"{module}.py")
    return work / "backend"


def _download_npm(source: Package, folder: Path, cache: Path) -> None:
    package = f"{source.package}@{source.version}"
    command = ["npm", "pack", package, "--ignore-scripts", "--pack-destination", str(folder)]
    _run([*command, "--fetch-retries", "1"], source, cache)


def _download_apt(source: Package, folder: Path, cache: Path) -> None:
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", source.package]
    try:
        _run(command, source, cache, folder=folder)
    except (FetchError, NotOfferedError):
        # The system's package lists may be absent or old; refreshing them needs root, so a
        # private copy of the lists is kept beside the cache.
        private = _private_lists(cache)
        _run(["apt-get", "-qq", *private, "update"], source, cache)
        _run([command[0], *private, *command[1:]], source, cache, folder=folder)


def _private_lists(cache: Path) -> list[str]:
    state = cache / "apt"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State::Lists": str(state / "lists"),
        "Dir::Cache": str(state),
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "DPkg::Lock::Timeout": "300",
    }
    return [part for key, value in options.items() for part in ("-o", f"{key}={value}")]


def _run(
    command: Sequence[str],
    source: Package,
    cache: Path,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(
            f"{source.label}: {command[0]} gave no answer in {TIME_LIMIT_S} s; check the network "
            "and run the same command again"
        ) from error
    if done.returncode:
        raise _failure(done.stdout + done.stderr, source, cache)


def _failure(output: str, source: Package, cache: Path) -> Exception:
    said = output.lower()
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["nothing"]
    last = lines[-1][:200]
    off = [line for line in lines if any(mark in line.lower() for mark in _NO_NETWORK)]
    if any(mark in said for mark in _WRONG_HASH):
        return FetchError(
            f"{source.label}: what the registry serves is not the pinned archive (expected sha256 "
            f"{source.sha256}); don't use it, and check the mirror this system is set up with"
        )
    if off:
        return FetchError(
            f"{source.label} is not in the cache ({cache}) and there is no way to the package "
            f"registry: connect to the network, or fill the cache on a machine that is, with "
            f"`mapneo fetch`, and copy it here (the client said: {off[0][:200]})"
        )
    if source.ecosystem == "apt" and any(mark in said for mark in _NOT_OFFERED):
        return NotOfferedError(f"this system's package lists have no {source.package}")
    return FetchError(
        f"{source.label} can't be fetched (the client said: {last}); mend that and run again, or "
        f"take {source.name} off fetch.sources"
    )
