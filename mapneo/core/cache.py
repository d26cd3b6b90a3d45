"""Where mapneo keeps what can be had again: downloads, and tables built from installed packages."""

import hashlib
import os
import platform
from pathlib import Path


def cache_directory(chosen: Path | None = None) -> Path:
    """The folder chosen in the recipe, else `$MAPNEO_CACHE`, else `~/.cache/mapneo`."""
    if chosen is not None:
        return chosen.expanduser().absolute()
    named = os.environ.get("MAPNEO_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mapneo"


def kernel_cache_directory() -> Path:
    """Where machines of a cluster keep compiled kernels: one folder per type of processor.

    numba keeps them beside the source, which machines of different types may share, or may not
    write to; its index is one file per kernel, which they would then overwrite in turn.
    """
    return cache_directory() / "kernels" / cpu_type()


def cpu_type() -> str:
    """Architecture and a digest of model name and instruction sets, such as `x86_64-1c9f20ab`."""
    facts = platform.processor()
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        lines = listed.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
        wanted = ("model name", "flags", "Features", "CPU part", "CPU implementer")
        facts = "\n".join(line for line in lines if line.startswith(wanted))
    return f"{platform.machine()}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"
