"""Two small real stages: numbers → squares → sum. Importable, so that processes can run them."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.files import atomic_file, read_json, write_json
from mapneo.core.pools import Pool
from mapneo.core.stage import Config, Outcome, Work
from mapneo.core.tables import read_table, write_table


class SquareConfig(Config):
    shards: int = 4
    power: int = 2
    log: str | None = None
    pool: Pool = "threads"


def square(task: Task, config: SquareConfig, output: Path) -> ShardOutcome:
    if config.log:
        with Path(config.log).open("a") as log:
            log.write(task.shard + "\n")
    start = task.payload["start"]
    numbers = list(range(start, start + 10))
    table = pa.table({"n": numbers, "value": [n**config.power for n in numbers]})
    name = f"squares/{task.shard}.parquet"
    write_table(output / name, table)
    return ShardOutcome(files=(name,), counts=Counts(documents_in=10, kept=10))


@dataclass(frozen=True)
class Square:
    config: SquareConfig
    name: ClassVar[str] = "square"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, work: Work) -> Outcome:
        tasks = [Task(shard=f"s-{i}", payload={"start": 10 * i}) for i in range(self.config.shards)]
        records = work.engine.map_shards(tasks, square, config=self.config, pool=self.config.pool)
        return Outcome(counts=Counts.total(r.counts for r in records))


class SumConfig(Config):
    sign: int = 1
    round_to: int = 1


@dataclass(frozen=True)
class Sum:
    config: SumConfig
    name: ClassVar[str] = "sum"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("square",)

    def run(self, work: Work) -> Outcome:
        files = work.inputs["square"].files("squares/*.parquet")
        total = sum(sum(read_table(f.path)["value"].to_pylist()) for f in files)
        total = self.config.sign * total // self.config.round_to * self.config.round_to
        write_json(work.output / "sum.json", {"sum": total})
        return Outcome(facts={"sum": total}, files=("sum.json",))


class WatchConfig(Config):
    folder: str


@dataclass(frozen=True)
class Watch:
    config: WatchConfig
    name: ClassVar[str] = "watch"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def outside(self) -> Json:
        return sorted(p.name for p in Path(self.config.folder).iterdir())

    def run(self, work: Work) -> Outcome:
        with atomic_file(work.output / "list.txt") as path:
            path.write_text("\n".join(self.outside()))
        return Outcome(files=("list.txt",))


def total(output: Path) -> int:
    return int(read_json(output / "sum.json")["sum"])
