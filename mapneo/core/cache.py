"""Where mapneo keeps what can be had again: downloads, and tables built from installed packages."""

import os
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
