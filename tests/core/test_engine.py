import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mapneo.core.counts import Counts
from mapneo.core.engine import Engine, ShardOutcome, Task
from mapneo.core.errors import DataError, ManifestError
from mapneo.core.executor import LocalExecutor
from mapneo.core.parts import Partitioned, read_part
from mapneo.core.tables import read_table

from .toy import SquareConfig, square


def engine(output: Path, workers: int = 1) -> Engine:
    return Engine(output=output, stage_key=["toy", 1], executor=LocalExecutor(workers))


def tasks(count: int = 4) -> list[Task]:
    return [Task(shard=f"s-{i}", payload={"start": 10 * i}) for i in range(count)]


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_a_finished_task_is_not_run_again(tmp_path):
    log = tmp_path / "log"
    config = SquareConfig(log=str(log))
    engine(tmp_path / "out").map_shards(tasks(3), square, config=config, pool="threads")
    again = engine(tmp_path / "out")
    records = again.map_shards(tasks(4), square, config=config, pool="threads")
    assert lines(log) == ["s-0", "s-1", "s-2", "s-3"]
    assert again.reused == 3
    assert [r.shard for r in records] == ["s-0", "s-1", "s-2", "s-3"]


def test_a_changed_setting_a_touched_file_and_a_broken_marker_run_the_task_again(tmp_path):
    log, out = tmp_path / "log", tmp_path / "out"
    config = SquareConfig(log=str(log))
    engine(out).map_shards(tasks(2), square, config=config, pool="threads")
    os.utime(out / "squares/s-0.parquet", ns=(1, 1))
    (out / "shards/s-1.json").write_text('{"half')
    engine(out).map_shards(tasks(2), square, config=config, pool="threads")
    assert lines(log)[2:] == ["s-0", "s-1"]
    cubes = SquareConfig(log=str(log), power=3)
    engine(out).map_shards(tasks(2), square, config=cubes, pool="threads")
    assert lines(log)[4:] == ["s-0", "s-1"]
    assert read_table(out / "squares/s-0.parquet")["value"].to_pylist()[2] == 8


@pytest.mark.parametrize("marker", ["null", "[]", "3", "{}", '{"fingerprint": 1, "files": 3}'])
def test_a_marker_without_its_fields_is_no_marker(tmp_path, marker):
    log, out = tmp_path / "log", tmp_path / "out"
    config = SquareConfig(log=str(log))
    engine(out).map_shards(tasks(2), square, config=config, pool="threads")
    (out / "shards/s-1.json").write_text(marker)
    engine(out).map_shards(tasks(2), square, config=config, pool="threads")
    assert lines(log)[2:] == ["s-1"]


def test_a_marker_whose_counts_are_gone_or_no_numbers_is_no_marker(tmp_path):
    log, out = tmp_path / "log", tmp_path / "out"
    config = SquareConfig(log=str(log))
    engine(out).map_shards(tasks(2), square, config=config, pool="threads")
    first, second = out / "shards/s-0.json", out / "shards/s-1.json"
    first.write_text(first.read_text().replace('"counts"', '"cuonts"'))
    second.write_text(second.read_text().replace('"kept": 10', '"kept": "ten"'))
    engine(out).map_shards(tasks(2), square, config=config, pool="threads")
    assert lines(log)[2:] == ["s-0", "s-1"]


@pytest.mark.parametrize("pool", ["threads", "processes"])
def test_workers_do_not_change_a_byte(tmp_path, pool):
    one = engine(tmp_path / "one").map_shards(
        tasks(), square, config=SquareConfig(), pool="threads"
    )
    two = engine(tmp_path / "two", workers=2).map_shards(
        tasks(), square, config=SquareConfig(), pool=pool
    )
    hashes = [{n: f.sha256 for n, f in r.files.items()} for r in one]
    assert [{n: f.sha256 for n, f in r.files.items()} for r in two] == hashes


def test_two_tasks_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataError, match="s-0"):
        engine(tmp_path).map_shards(
            [*tasks(1), *tasks(1)], square, config=SquareConfig(), pool="threads"
        )


def loses_one(task: Task, config: SquareConfig, output: Path) -> ShardOutcome:
    return ShardOutcome(files=(), counts=Counts(documents_in=3, kept=1, dropped={"rule": 1}))


def test_counts_that_do_not_add_up_stop_the_stage(tmp_path):
    with pytest.raises(DataError, match="3 documents came in"):
        engine(tmp_path).map_shards(tasks(1), loses_one, config=SquareConfig(), pool="threads")
    assert not (tmp_path / "shards/s-0.json").exists()


def keys(task: Task, config: SquareConfig) -> Iterator[Partitioned]:
    start = task.payload["start"]
    for first in (start, start + 5):
        numbers = np.arange(first, first + 5)
        table = pa.table({"key": numbers % 7, "n": numbers})
        yield Partitioned(table, numbers % 7 % task.payload["partitions"])


def group(table: pa.Table, task: Task, config: SquareConfig) -> pa.Table:
    assert (table["key"].to_numpy() % task.payload["of"] == task.payload["partition"]).all()
    return table.group_by("key", use_threads=False).aggregate([("n", "sum")]).sort_by("key")


@pytest.mark.parametrize("partitions", [1, 3, 16])
def test_partition_and_reduce_equal_one_global_group_by(tmp_path, partitions):
    job = engine(tmp_path, workers=2)
    config = SquareConfig()
    records = job.partition_keys("keys", tasks(), keys, config=config, partitions=partitions)
    reduced = job.reduce_partitions(
        "groups",
        group,
        config=config,
        keys=records,
        partitions=partitions,
        payload={"of": partitions},
    )
    rows = {}
    for record in reduced:
        for name in record.files:
            for row in read_table(tmp_path / name).to_pylist():
                assert row["key"] not in rows
                rows[row["key"]] = row["n_sum"]
    assert rows == {k: sum(n for n in range(40) if n % 7 == k) for k in range(7)}


def test_rows_of_a_partition_keep_their_order(tmp_path):
    [record, *_] = engine(tmp_path).partition_keys(
        "keys", tasks(), keys, config=SquareConfig(), partitions=2
    )
    [name] = record.files
    assert read_part(tmp_path / name, 0)["n"].to_pylist() == [0, 2, 4, 6, 7, 9]
    assert read_part(tmp_path / name, 1)["n"].to_pylist() == [1, 3, 5, 8]


def test_a_damaged_part_is_named(tmp_path):
    (tmp_path / "x.arrow").write_bytes(b"ARROW1 and no more")
    with pytest.raises(ManifestError, match=r"x\.arrow .* run the stage again"):
        read_part(tmp_path / "x.arrow", 0)
