"""Whether a run may write where it is asked to."""

import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mapneo.core.errors import ConfigError, StorageError
from mapneo.core.files import write_text
from mapneo.core.stage import Stage, reach_of
from mapneo.core.storage import delete, is_remote, read_bytes


def check_places(data: Path | None, directory: Path) -> None:
    """Refuse a run that would read its own output as data.

    Raises:
        ConfigError: the directory lies inside the user's data folder.
    """
    if data is None or is_remote(directory):
        return
    if directory.resolve().is_relative_to(data.resolve()):
        raise ConfigError(
            f"the run's folder {directory} lies inside the data folder {data}: "
            "choose another place with --runs, or a folder below it with --data"
        )


def check_space(directory: Path, needed_gb: float) -> None:
    """Refuse to begin where the disk is nearly full.

    Raises:
        StorageError: less than `needed_gb` (10^9 bytes) are free.
    """
    # What goes to an object store is written to a local file first.
    folder = Path(tempfile.gettempdir()) if is_remote(directory) else directory.absolute()
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < needed_gb:
        raise StorageError(
            f"{folder} has {free_gb:.1f} GB free and this recipe asks for {needed_gb:g} GB "
            "(run.min_free_disk_gb): free some space or choose another place with --runs "
            "(for temporary files: TMPDIR)"
        )


def check_local(directory: Path, what: str) -> None:
    """Refuse a folder in an object store for what needs a local one.

    Raises:
        ConfigError: it is in an object store; `what` begins the sentence.
    """
    if is_remote(directory):
        raise ConfigError(
            f"{what} needs a local folder, and {directory} is in an object store: choose another "
            "place with --runs"
        )


def check_reach(directory: Path, stages: Sequence[Stage]) -> None:
    """Refuse stages that can't write to an object store, and a store that can't be written.

    Raises:
        ConfigError: the directory is in an object store and one of the stages needs a local one.
        StorageError: the store is missing, can't be reached, or refuses.
    """
    if not is_remote(directory):
        return
    local = [stage.name for stage in stages if reach_of(stage) == "machine"]
    if local:
        able = ", ".join(stage.name for stage in stages if reach_of(stage) != "machine")
        raise ConfigError(
            f"{', '.join(local)} can't write to {directory}: these stages need a local folder "
            f"(memory maps, checkpoints). Stop before them with --until (able: {able or 'none'}), "
            "or choose a local place with --runs"
        )
    probe = f".probe-{secrets.token_hex(4)}"
    write_text(directory / probe, probe)
    if read_bytes(directory / probe).decode() != probe:
        raise StorageError(f"{directory} does not give back what was written to it")
    delete(directory, [probe])
