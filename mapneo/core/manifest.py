"""The record beside each artifact: who made what from what, and whether it is whole."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mapneo.core.canonical import Json, digest
from mapneo.core.counts import Counts
from mapneo.core.errors import ManifestError
from mapneo.core.files import read_json, sha256_file, write_json

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """One output file: SHA-256, size in bytes, modification time in nanoseconds."""

    sha256: str
    size_bytes: int
    mtime_ns: int

    @staticmethod
    def of(path: Path) -> "FileRecord":
        """Hash and stat `path`."""
        stat = path.stat()
        return FileRecord(
            sha256=sha256_file(path), size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns
        )

    def is_untouched(self, path: Path) -> bool:
        """Whether size and time stamp still agree; full hashing belongs to `verify`."""
        try:
            stat = path.stat()
        except FileNotFoundError:
            return False
        return (stat.st_size, stat.st_mtime_ns) == (self.size_bytes, self.mtime_ns)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What `manifest.json` holds; every field is explained in docs/formats.md."""

    stage: str
    version: int
    fingerprint: str
    config: Mapping[str, Json]
    inputs: Mapping[str, str]
    seed: int
    counts: Counts
    facts: Mapping[str, Json]
    outputs: Mapping[str, FileRecord]
    outputs_digest: str
    shards: int
    versions: Mapping[str, str]
    machine: Mapping[str, Json]
    started: str
    seconds: float
    peak_memory_bytes: int

    def write(self, directory: Path) -> None:
        """Write `manifest.json`: from now on the stage counts as done."""
        write_json(directory / MANIFEST_NAME, self.as_json())

    def as_json(self) -> dict[str, Json]:
        """Plain form, as the file has it."""
        return asdict(self) | {"counts": self.counts.as_json()}

    def touched_outputs(self, directory: Path) -> list[str]:
        """Relative paths of outputs that are gone or no longer have their size and time stamp."""
        return [
            name
            for name, record in sorted(self.outputs.items())
            if not record.is_untouched(directory / name)
        ]


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest of a finished stage, or None if the stage is not done.

    Raises:
        ManifestError: a manifest is there but can't be read.
    """
    path = directory / MANIFEST_NAME
    if not path.exists():
        return None
    value = read_json(path)
    try:
        outputs = {name: FileRecord(**record) for name, record in value.pop("outputs").items()}
        counts = Counts.from_json(value.pop("counts"))
        return Manifest(outputs=outputs, counts=counts, **value)
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(
            f"{path} has not the fields this version of mapneo writes ({error}): "
            "delete it and run the stage again"
        ) from error


def outputs_digest(outputs: Mapping[str, FileRecord]) -> str:
    """One digest over the relative paths and content hashes of all outputs."""
    return digest({name: record.sha256 for name, record in outputs.items()})


def record_files(directory: Path, names: Iterable[str]) -> dict[str, FileRecord]:
    """Records of the files `names` under `directory`, in sorted order."""
    return {name: FileRecord.of(directory / name) for name in sorted(names)}
