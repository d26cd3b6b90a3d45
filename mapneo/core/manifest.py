"""The record beside each artifact: who made what from what, and whether it is whole."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mapneo.core.canonical import Json, digest
from mapneo.core.counts import Counts
from mapneo.core.errors import ManifestError
from mapneo.core.files import read_json, sha256_file, write_json
from mapneo.core.storage import Stamp, exists, stamp, stamps

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """One output file: SHA-256, size in bytes, and its time stamp or its ETag.

    Attributes:
        sha256: of its bytes, as 64 hex digits.
        size_bytes: its size.
        mtime_ns: modification time in nanoseconds; 0 in an object store.
        etag: what the object store calls this content; empty on a local disk.
    """

    sha256: str
    size_bytes: int
    mtime_ns: int
    etag: str = ""

    @staticmethod
    def of(path: Path) -> "FileRecord":
        """Hash and stat `path`.

        Raises:
            FileNotFoundError: there is no such file.
        """
        sha256 = sha256_file(path)
        seen = stamp(path)
        if seen is None:
            raise FileNotFoundError(path)
        return FileRecord(sha256=sha256, **vars(seen))

    def is_untouched(self, seen: Stamp | None) -> bool:
        """Whether size and stamp still agree; full hashing belongs to `verify`."""
        return seen == Stamp(size_bytes=self.size_bytes, mtime_ns=self.mtime_ns, etag=self.etag)


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
    set_aside: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Write `manifest.json`: from now on the stage counts as done."""
        write_json(directory / MANIFEST_NAME, self.as_json())

    def as_json(self) -> dict[str, Json]:
        """Plain form, as the file has it."""
        return asdict(self) | {"counts": self.counts.as_json()}

    def touched_outputs(self, directory: Path) -> list[str]:
        """Relative paths of outputs that are gone or no longer have their size and stamp."""
        names = sorted(self.outputs)
        seen = stamps(directory, names)
        return [name for name in names if not self.outputs[name].is_untouched(seen[name])]


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest of a finished stage, or None if the stage is not done.

    Raises:
        ManifestError: a manifest is there but can't be read.
    """
    path = directory / MANIFEST_NAME
    if not exists(path):
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
