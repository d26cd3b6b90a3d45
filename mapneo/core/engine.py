"""Map shards, partition keys, reduce partitions: the one shape of data work, run locally.

A task is a pure function (input files, config) → named output files. After a task's files are on
disk, a marker with the task's fingerprint and the files' hashes is written; a task whose marker
stands and whose files are untouched is not run again. So a killed stage goes on with the missing
shards and ends with the same bytes, whoever ran them and in whatever order.
"""

import concurrent.futures
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.core.canonical import Json, digest
from mapneo.core.config import Config
from mapneo.core.counts import Counts
from mapneo.core.errors import DataError, ManifestError
from mapneo.core.files import read_json, write_json
from mapneo.core.manifest import FileRecord, record_files
from mapneo.core.parts import Partitioned, read_part, split_rows, write_parts
from mapneo.core.pools import Pool, pool_executor
from mapneo.core.progress import Progress, QuietProgress
from mapneo.core.tables import write_table

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


class Engine:
    """The local executor, bound to one stage's folder."""

    def __init__(
        self, *, output: Path, stage_key: Json, workers: int, progress: Progress | None = None
    ) -> None:
        """`stage_key` names the stage and its version; it is part of every task's fingerprint."""
        self._output = output
        self._stage_key = stage_key
        self._workers = max(1, workers)
        self._progress = progress or QuietProgress()
        self._records: dict[str, ShardRecord] = {}
        self._reused = 0

    @property
    def output(self) -> Path:
        """The stage's folder."""
        return self._output

    def tasks_after(
        self, records: Sequence[ShardRecord], payload: Mapping[str, Json] | None = None
    ) -> list["Task"]:
        """One task for the files of each record that has some, named after it."""
        return [
            Task(
                shard=record.shard.rsplit("/", 1)[-1],
                inputs=tuple(record.as_inputs(self._output)),
                payload=payload or {},
            )
            for record in records
            if record.files
        ]

    @property
    def records(self) -> Mapping[str, ShardRecord]:
        """All tasks finished so far, by shard name."""
        return self._records

    @property
    def reused(self) -> int:
        """How many tasks were found done and not run again."""
        return self._reused

    def map_shards(
        self, tasks: Sequence[Task], function: TaskFunction[C], *, config: C, pool: Pool
    ) -> list[ShardRecord]:
        """Run `function(task, config, output)` for each task that is not done yet.

        `function` must be importable by name, so that another process or machine can run it.
        Returns the records in task order. Raises DataError if two tasks share a name.
        """
        _check_names(tasks)
        fingerprints = {task.shard: self._fingerprint(task, config, function) for task in tasks}
        self._progress.begin(len(tasks), "shards")
        todo = []
        for task in tasks:
            record = self._finished(task.shard, fingerprints[task.shard])
            if record is None:
                todo.append(task)
            else:
                self._accept(record, reused=True)
        for task, outcome in self._run(todo, function, config, pool):
            self._accept(self._mark(task.shard, fingerprints[task.shard], outcome), reused=False)
        return [self._records[task.shard] for task in tasks]

    def partition_keys(
        self,
        name: str,
        tasks: Sequence[Task],
        function: Callable[[Task, C], Iterator[Partitioned]],
        *,
        config: C,
        partitions: int,
    ) -> list[ShardRecord]:
        """Split each task's rows over partitions: one file a task, one batch a partition.

        `function(task, config)` gives tables with the partition of every row; rows keep their
        order within a partition. The file is `<name>/<shard>.arrow` (`core/parts.py`).
        """
        work = _Partitioner(function=function, name=name, partitions=partitions)
        tasks = [
            Task(
                shard=f"{name}-{task.shard}",
                inputs=task.inputs,
                payload={**task.payload, "partitions": partitions},
            )
            for task in tasks
        ]
        return self.map_shards(tasks, work, config=config, pool="threads")

    def reduce_partitions(
        self,
        name: str,
        function: Callable[[pa.Table, Task, C], pa.Table],
        *,
        config: C,
        keys: Sequence[ShardRecord],
        partitions: int,
        beside: Sequence[InputFile] = (),
        payload: Mapping[str, Json] | None = None,
    ) -> list[ShardRecord]:
        """Reduce each partition of `keys` to a table, written to `<name>/<p>.parquet`.

        `function(table, task, config)` sees one partition's rows over all shards, in the order of
        their names. The task's payload holds the number of the `partition` beside what is given
        here, its inputs end with the files `beside`, which each partition may read.
        """
        parts = [file for record in keys for file in record.as_inputs(self._output)]
        parts.sort(key=lambda file: file.relative)
        tasks = [
            Task(
                shard=f"{name}-{number:05d}",
                inputs=(*parts, *beside),
                payload={**(payload or {}), "partition": number, "parts": len(parts)},
            )
            for number in range(partitions)
        ]
        work = _Reducer(function=function, name=name)
        return self.map_shards(tasks, work, config=config, pool="threads")

    def _fingerprint(self, task: Task, config: Config, function: object) -> str:
        return digest(
            {
                "stage": self._stage_key,
                "function": getattr(function, "__name__", type(function).__name__),
                "config": config.model_dump(mode="json"),
                "inputs": [[file.relative, file.sha256] for file in task.inputs],
                "payload": dict(task.payload),
                "shard": task.shard,
            }
        )

    def _marker(self, shard: str) -> Path:
        return self._output / MARKER_FOLDER / f"{shard}.json"

    def _finished(self, shard: str, fingerprint: str) -> ShardRecord | None:
        try:
            record = _read_marker(self._marker(shard))
        except ManifestError:
            return None
        if record.fingerprint != fingerprint:
            return None
        whole = all(file.is_untouched(self._output / name) for name, file in record.files.items())
        return record if whole else None

    def _mark(self, shard: str, fingerprint: str, outcome: ShardOutcome) -> ShardRecord:
        outcome.counts.check(f"{self._output.name}/{shard}")
        record = ShardRecord(
            shard=shard,
            fingerprint=fingerprint,
            files=record_files(self._output, outcome.files),
            counts=outcome.counts,
            facts=outcome.facts,
        )
        write_json(
            self._marker(shard),
            {
                "shard": shard,
                "fingerprint": fingerprint,
                "files": {name: vars(file) for name, file in record.files.items()},
                "counts": record.counts.as_json(),
                "facts": dict(record.facts),
            },
        )
        return record

    def _accept(self, record: ShardRecord, *, reused: bool) -> None:
        self._records[record.shard] = record
        self._reused += reused
        self._progress.advance(1, documents=record.counts.documents_in)

    def _run(
        self, tasks: Sequence[Task], function: TaskFunction[C], config: C, pool: Pool
    ) -> Iterator[tuple[Task, ShardOutcome]]:
        if self._workers == 1 or len(tasks) <= 1 or pool == "inline":
            for task in tasks:
                yield task, function(task, config, self._output)
            return
        with pool_executor(pool, min(self._workers, len(tasks))) as executor:
            futures = {
                executor.submit(function, task, config, self._output): task for task in tasks
            }
            for future in concurrent.futures.as_completed(futures):
                yield futures[future], future.result()


def _read_marker(path: Path) -> ShardRecord:
    """A finished task's record; a marker without the right fields is a ManifestError."""
    value = read_json(path)
    try:
        return ShardRecord(
            shard=value["shard"],
            fingerprint=value["fingerprint"],
            files={name: FileRecord(**record) for name, record in value["files"].items()},
            counts=Counts.from_json(value["counts"]),
            facts=value["facts"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{path} has not the fields of a marker ({error})") from error


def _check_names(tasks: Iterable[Task]) -> None:
    seen: set[str] = set()
    for task in tasks:
        if task.shard in seen:
            raise DataError(f"two tasks are both named {task.shard}: shard names must differ")
        seen.add(task.shard)


@dataclass(frozen=True, kw_only=True)
class _Partitioner(Generic[C]):
    """Runs a key function and writes its rows by partition."""

    function: Callable[[Task, C], Iterator[Partitioned]]
    name: str
    partitions: int

    @property
    def __name__(self) -> str:
        return self.function.__name__

    def __call__(self, task: Task, config: C, output: Path) -> ShardOutcome:
        parts: list[list[pa.Table]] = [[] for _ in range(self.partitions)]
        schema, rows = None, 0
        for table, numbers in self.function(task, config):
            schema = table.schema
            rows += table.num_rows
            for number, part in split_rows(table, numbers, self.partitions):
                parts[number].append(part)
        if schema is None:
            return ShardOutcome(files=(), facts={"rows": 0})
        empty = schema.empty_table()
        file = f"{self.name}/{task.shard.removeprefix(self.name + '-')}.arrow"
        write_parts(output / file, schema, (pa.concat_tables([empty, *part]) for part in parts))
        return ShardOutcome(files=(file,), facts={"rows": rows})


@dataclass(frozen=True, kw_only=True)
class _Reducer(Generic[C]):
    """Reads one partition over all shards and writes what the function makes of it."""

    function: Callable[[pa.Table, Task, C], pa.Table]
    name: str

    @property
    def __name__(self) -> str:
        return self.function.__name__

    def __call__(self, task: Task, config: C, output: Path) -> ShardOutcome:
        number, count = task.payload["partition"], task.payload["parts"]
        tables = [read_part(file.path, number) for file in task.inputs[:count]]
        if not tables:
            return ShardOutcome(files=())
        result = self.function(pa.concat_tables(tables), task, config)
        file = f"{self.name}/{number:05d}.parquet"
        write_table(output / file, result)
        return ShardOutcome(files=(file,), facts={"rows": result.num_rows})
