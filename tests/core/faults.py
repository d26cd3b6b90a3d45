"""Small real tasks with faults: importable, so that Ray's workers and other processes run them."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa

from mapneo.core.counts import Counts
from mapneo.core.engine import Engine, ShardOutcome, Task
from mapneo.core.errors import DataError
from mapneo.core.executor import Executor
from mapneo.core.parts import Partitioned
from mapneo.core.pools import Pool
from mapneo.core.run_config import RunConfig, chosen_executor
from mapneo.core.stage import Config
from mapneo.core.storage import place
from mapneo.core.tables import read_table, write_table


class FaultConfig(Config):
    flags: str = ""
    """Folder in which a fault notes that it has happened."""
    kill_once: tuple[str, ...] = ()
    """Shards whose worker is killed the first time."""
    kill_always: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    seconds: float = 0.0
    """How long each shard takes."""
    partitions: int = 3
    shards: int = 12
    pool: Pool = "processes"


def tasks(count: int) -> list[Task]:
    return [Task(shard=f"s-{i:02d}", payload={"start": 10 * i}) for i in range(count)]


def cubes(task: Task, config: FaultConfig, output: Path) -> ShardOutcome:
    flag = Path(config.flags) / f"killed-{task.shard}"
    if task.shard in config.kill_always or (task.shard in config.kill_once and not flag.exists()):
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if task.shard in config.refuse:
        raise DataError(f"{task.shard} is refused")
    time.sleep(config.seconds)
    numbers = list(range(task.payload["start"], task.payload["start"] + 10))
    name = f"cubes/{task.shard}.parquet"
    write_table(output / name, pa.table({"n": numbers, "cube": [n**3 for n in numbers]}))
    return ShardOutcome(files=(name,), counts=Counts(documents_in=10, kept=10))


def keys(task: Task, config: FaultConfig) -> Iterator[Partitioned]:
    table = read_table(task.inputs[0].path)
    yield Partitioned(table, table["cube"].to_numpy() % config.partitions)


def sums(table: pa.Table, task: Task, config: FaultConfig) -> pa.Table:
    rest = pa.array([cube % 7 for cube in table["cube"].to_pylist()])
    grouped = table.append_column("rest", rest).group_by("rest", use_threads=False)
    return grouped.aggregate([("n", "sum")]).sort_by("rest")


def three_verbs(
    output: Path, executor: Executor, config: FaultConfig, todo: list[Task] | None = None
) -> dict[str, str]:
    """Map, partition, reduce; the SHA-256 of every file that was left."""
    engine = Engine(output=output, stage_key=["faults", 1], executor=executor)
    mapped = engine.map_shards(todo or tasks(config.shards), cubes, config=config, pool=config.pool)
    mapped.sort(key=lambda record: record.shard)
    spread = engine.partition_keys(
        "keys",
        [Task(shard=r.shard, inputs=tuple(r.as_inputs(output, "cubes/"))) for r in mapped],
        keys,
        config=config,
        partitions=config.partitions,
    )
    engine.reduce_partitions("sums", sums, config=config, keys=spread, partitions=config.partitions)
    records = engine.records.values()
    return {name: file.sha256 for record in records for name, file in record.files.items()}


def drive(where: str, executor: Literal["local", "ray"], address: str, settings: str) -> None:
    """What a driver that is to be killed does; `settings` as JSON."""
    run = RunConfig(name="faults", workers=2, executor=executor, ray_address=address)
    with chosen_executor(run) as chosen:
        three_verbs(place(where), chosen, FaultConfig.model_validate_json(settings))
