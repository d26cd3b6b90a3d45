"""Map shards, partition keys, reduce partitions: the one shape of data work, run locally.

A task is a pure function (input files, config) → named output files. After a task's files are on
disk, a marker with the task's fingerprint and the files' hashes is written; a task whose marker
stands and whose files are untouched is not run again. So a killed stage goes on with the missing
shards and ends with the same bytes, whoever ran them and in whatever order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.core.executor import Executor
from mapneo.core.parts import Partitioned, read_part, split_rows, write_parts
from mapneo.core.pools import Pool
from mapneo.core.progress import Progress, QuietProgress
from mapneo.core.shards import (
    MARKER_FOLDER,
    WORK_FOLDER,
    C,
    ShardOutcome,
    ShardRecord,
    ShardWork,
    Task,
    TaskFunction,
    read_marker,
)
from mapneo.core.storage import at_once, stamps
from mapneo.core.tables import write_table

__all__ = ["MARKER_FOLDER", "WORK_FOLDER", "Engine", "ShardOutcome", "ShardRecord", "Task"]


class Engine:
    """The three verbs, bound to one stage's folder and to an executor."""

    def __init__(
        self,
        *,
        output: Path,
        stage_key: Json,
        executor: Executor,
        progress: Progress | None = None,
    ) -> None:
        """`stage_key` names the stage and its version; it is part of every task's fingerprint."""
        self._output = output
        self._stage_key = stage_key
        self._executor = executor
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
        work = ShardWork(
            function=function, config=config, output=self._output, stage_key=self._stage_key
        )
        self._progress.begin(len(tasks), "shards")
        done = self._finished(tasks, work)
        for record in done.values():
            self._accept(record, reused=True)
        todo = [task for task in tasks if task.shard not in done]
        for record in self._executor.run(work, todo, pool=pool):
            self._accept(record, reused=False)
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

    def _finished(self, tasks: Sequence[Task], work: ShardWork[C]) -> dict[str, ShardRecord]:
        """Records of the tasks whose marker stands and whose files are untouched."""
        markers = at_once(lambda task: read_marker(self._output, task.shard), tasks, self._output)
        found = {
            task.shard: record
            for task, record in zip(tasks, markers, strict=True)
            if record is not None and record.fingerprint == work.fingerprint(task)
        }
        names = [name for record in found.values() for name in record.files]
        seen = stamps(self._output, names)
        return {
            shard: record
            for shard, record in found.items()
            if all(file.is_untouched(seen[name]) for name, file in record.files.items())
        }

    def _accept(self, record: ShardRecord, *, reused: bool) -> None:
        self._records[record.shard] = record
        self._reused += reused
        self._progress.advance(1, documents=record.counts.documents_in)


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
