"""Whether a run may write where it is asked to."""

import shutil
from pathlib import Path

from mapneo.core.errors import ConfigError, StorageError


def check_places(data: Path | None, directory: Path) -> None:
    """Refuse a run that would read its own output as data.

    Raises:
        ConfigError: the directory lies inside the user's data folder.
    """
    if data is not None and directory.resolve().is_relative_to(data.resolve()):
        raise ConfigError(
            f"the run's folder {directory} lies inside the data folder {data}: "
            "choose another place with --runs, or a folder below it with --data"
        )


def check_space(directory: Path, needed_gb: float) -> None:
    """Refuse to begin where the disk is nearly full.

    Raises:
        StorageError: less than `needed_gb` (10^9 bytes) are free.
    """
    folder = directory.absolute()
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < needed_gb:
        raise StorageError(
            f"{folder} has {free_gb:.1f} GB free and this recipe asks for {needed_gb:g} GB "
            "(run.min_free_disk_gb): free some space or choose another place with --runs"
        )
