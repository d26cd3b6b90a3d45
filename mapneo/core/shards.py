"""One shard's work: what it reads, what it leaves, and the marker that says it is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from mapneo.core.artifact import InputFile
from mapneo.core.canonical import Json, digest
from mapneo.core.config import Config
from mapneo.core.counts import Counts
from mapneo.core.errors import ManifestError
from mapneo.core.files import read_json, write_json
from mapneo.core.manifest import FileRecord, record_files

MARKER_FOLDER = "shards"
WORK_FOLDER = "work"
"""What lies below it stands between steps of one stage: it goes when the manifest is written."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One shard's work: its name, the files it reads, and whatever else its output depends on."""

    shard: str
    inputs: tuple[InputFile, ...] = ()
    payload: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ShardOutcome:
    """What a task wrote (paths below the stage's folder), counted, and found."""

    files: tuple[str, ...]
    counts: Counts = field(default_factory=Counts)
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """A finished task, as its marker keeps it."""

    shard: str
    fingerprint: str
    files: Mapping[str, FileRecord]
    counts: Counts
    facts: Mapping[str, Json]

    def as_inputs(self, output: Path, prefix: str = "") -> list[InputFile]:
        """The record's files under `prefix`, as inputs of a following task."""
        return [
            InputFile(path=output / name, relative=name, sha256=record.sha256)
            for name, record in sorted(self.files.items())
            if name.startswith(prefix)
        ]


C = TypeVar("C", bound=Config)
TaskFunction: TypeAlias = Callable[[Task, C, Path], ShardOutcome]


@dataclass(frozen=True, kw_only=True)
class ShardWork(Generic[C]):
    """What an executor calls for each task, on whatever machine: the function, then its marker.

    Calling it twice for one task gives the same bytes twice, so an executor may try again.

    Attributes:
        function: importable by name; it writes below `output` and nowhere else.
        config: the stage's settings.
        output: the stage's folder.
        stage_key: names the stage and its version; part of every fingerprint.
    """

    function: TaskFunction[C]
    config: C
    output: Path
    stage_key: Json

    def __call__(self, task: Task) -> ShardRecord:
        """Run the function, check its counts, hash its files, and write the marker, last."""
        outcome = self.function(task, self.config, self.output)
        outcome.counts.check(f"{self.output.name}/{task.shard}")
        record = ShardRecord(
            shard=task.shard,
            fingerprint=self.fingerprint(task),
            files=record_files(self.output, outcome.files),
            counts=outcome.counts,
            facts=outcome.facts,
        )
        write_marker(self.output, record)
        return record

    def fingerprint(self, task: Task) -> str:
        """Digest of everything that the task's output depends on."""
        function: object = self.function
        return digest(
            {
                "stage": self.stage_key,
                "function": getattr(function, "__name__", type(function).__name__),
                "config": self.config.model_dump(mode="json"),
                "inputs": [[file.relative, file.sha256] for file in task.inputs],
                "payload": dict(task.payload),
                "shard": task.shard,
            }
        )


def write_marker(output: Path, record: ShardRecord) -> None:
    """Write the marker of a finished task."""
    write_json(
        _marker(output, record.shard),
        {
            "shard": record.shard,
            "fingerprint": record.fingerprint,
            "files": {name: vars(file) for name, file in record.files.items()},
            "counts": record.counts.as_json(),
            "facts": dict(record.facts),
        },
    )


def read_marker(output: Path, shard: str) -> ShardRecord | None:
    """A finished task's record; None if its marker is missing, torn, or lacks a field."""
    try:
        value = read_json(_marker(output, shard))
        return ShardRecord(
            shard=value["shard"],
            fingerprint=value["fingerprint"],
            files={name: FileRecord(**record) for name, record in value["files"].items()},
            counts=Counts.from_json(value["counts"]),
            facts=value["facts"],
        )
    except (ManifestError, KeyError, TypeError, AttributeError):
        return None


def _marker(output: Path, shard: str) -> Path:
    return output / MARKER_FOLDER / f"{shard}.json"
