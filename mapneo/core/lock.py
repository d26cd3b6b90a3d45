"""One writer per run directory."""

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from mapneo.core.errors import LockError
from mapneo.core.files import storage_error, write_text
from mapneo.core.storage import delete, is_remote, put_new, read_bytes

LOCK_NAME = "lock"
LEASE_SECONDS = 120.0
"""An object store has no locks that end with their holder: a lease not renewed for this long is
taken over."""

_RENEW_SECONDS = LEASE_SECONDS / 4


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold `directory/lock`.

    On a disk the kernel frees it when the holder ends, even by kill -9. In an object store it is a
    lease that a thread renews; one whose holder on this machine has ended is free at once.

    Raises:
        LockError: another process holds it; the process is named.
        StorageError: the directory can't be written.
    """
    hold = _leased if is_remote(directory) else _locked
    with hold(directory):
        yield


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    path = directory / LOCK_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise LockError(
                f"process {holder} is already writing {directory}: wait for it, stop it, "
                "or choose another directory with --name"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def _leased(directory: Path) -> Iterator[None]:
    path, token = directory / LOCK_NAME, secrets.token_hex(8)
    if not put_new(path, _lease(token)):
        held = _held(path)
        if held is not None and _is_alive(held):
            raise LockError(
                f"process {held['pid']} on {held['host']} is already writing {directory}: wait "
                "for it, stop it, or choose another directory with --name. If it is gone, run "
                f"again in {LEASE_SECONDS:.0f} seconds, or delete {path}"
            )
        delete(directory, [LOCK_NAME])
        if not put_new(path, _lease(token)):
            raise LockError(f"another process has just begun to write {directory}: wait for it")
    ended = threading.Event()
    renewer = threading.Thread(target=_renew, args=(path, token, ended), daemon=True)
    renewer.start()
    try:
        yield
    finally:
        ended.set()
        renewer.join()
        held = _held(path)
        if held is not None and held["token"] == token:
            delete(directory, [LOCK_NAME])


def _lease(token: str) -> str:
    facts = {"host": os.uname().nodename, "pid": os.getpid(), "token": token, "time": time.time()}
    return json.dumps(facts)


def _held(path: Path) -> dict[str, Any] | None:
    """The lease as it stands; None if it was given back, or is none."""
    try:
        held = json.loads(read_bytes(path))
    except (FileNotFoundError, ValueError):
        return None
    is_lease = isinstance(held, dict) and {"host", "pid", "token", "time"} <= {*held}
    return held if is_lease else None


def _is_alive(held: dict[str, Any]) -> bool:
    if held["host"] == os.uname().nodename and not psutil.pid_exists(held["pid"]):
        return False
    return time.time() - float(held["time"]) < LEASE_SECONDS


def _renew(path: Path, token: str, ended: threading.Event) -> None:
    while not ended.wait(_RENEW_SECONDS):
        write_text(path, _lease(token))
