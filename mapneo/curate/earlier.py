"""Keys of earlier runs: a new crawl is held against an old one without reading the old text."""

from pathlib import Path

from mapneo.core.artifact import Artifact, InputFile
from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.core.manifest import read_manifest
from mapneo.core.storage import place
from mapneo.core.tables import read_schema
from mapneo.curate.keys import mark_of, setting_mark
from mapneo.curate.minhash_setting import MinHashSetting

KEYS_FOLDER = "keys"


def earlier_keys(runs: tuple[str, ...]) -> list[InputFile]:
    """The key files of earlier runs, in the order of the runs.

    Args:
        runs: run directories, or their `dedup` folders.

    Raises:
        ConfigError: one has no finished stage dedup.
    """
    found = []
    for number, run in enumerate(runs):
        artifact = _artifact(place(run))
        for file in artifact.files(f"{KEYS_FOLDER}/*.parquet"):
            name = f"against/{number}/{file.relative}"
            found.append(InputFile(path=file.path, relative=name, sha256=file.sha256))
    return found


def describe_earlier(runs: tuple[str, ...]) -> Json:
    """What their keys hold, for the fingerprint of a run."""
    return [[file.relative, file.sha256] for file in earlier_keys(runs)]


def check_comparable(files: list[InputFile], setting: MinHashSetting) -> None:
    """Raise ConfigError if key files were made by another setting, or by an older mapneo."""
    wanted = setting_mark(setting)
    for file in files:
        mark = mark_of(read_schema(file.path))
        if mark != wanted:
            raise ConfigError(
                f"{file.path} was made with the setting {mark.decode() or 'of an older version'}, "
                f"this recipe has {wanted.decode()}: use the same [dedup.minhash] in both, or run "
                "the stage dedup of the earlier run again"
            )


def _artifact(run: Path) -> Artifact:
    for directory in (run / "dedup", run):
        manifest = read_manifest(directory)
        if manifest is not None and manifest.stage == "dedup":
            return Artifact(directory=directory, manifest=manifest)
    raise ConfigError(
        f"dedup.against: {run} has no finished stage dedup; name the directory of a run, such as "
        "runs/first, whose dedup is done"
    )
