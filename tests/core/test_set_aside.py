"""A shard that can't be read stops the stage, or is left out by choice: named and counted."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.errors import CorruptFileError
from mapneo.core.manifest import FileRecord, Manifest, read_manifest
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.core.stage import Config, Outcome, Work
from mapneo.core.tables import read_table, write_table

from .toy import Square, SquareConfig


class PairConfig(Config):
    pass


def double(task: Task, config: PairConfig, output: Path) -> ShardOutcome:
    """Two folders of files that later stages pair by name."""
    table = read_table(task.inputs[0].path)
    names = tuple(f"{folder}/{task.shard}.parquet" for folder in ("left", "right"))
    for name in names:
        write_table(output / name, table)
    rows = table.num_rows
    return ShardOutcome(files=names, counts=Counts(documents_in=rows, kept=rows))


def join(task: Task, config: PairConfig, output: Path) -> ShardOutcome:
    tables = [read_table(file.path) for file in task.inputs]
    name = f"joined/{task.shard}.parquet"
    write_table(output / name, pa.concat_tables(tables))
    rows = tables[0].num_rows
    return ShardOutcome(files=(name,), counts=Counts(documents_in=rows, kept=rows))


@dataclass(frozen=True)
class Double:
    config: PairConfig
    name: ClassVar[str] = "double"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("square",)

    def run(self, work: Work) -> Outcome:
        files = work.inputs["square"].files("squares/*.parquet")
        tasks = [Task(shard=Path(file.relative).stem, inputs=(file,)) for file in files]
        records = work.engine.map_shards(tasks, double, config=self.config, pool="threads")
        return Outcome(counts=Counts.total(r.counts for r in records))


@dataclass(frozen=True)
class Join:
    config: PairConfig
    name: ClassVar[str] = "join"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("square", "double")

    def run(self, work: Work) -> Outcome:
        tasks = []
        for file in work.inputs["square"].files("squares/*.parquet"):
            shard = Path(file.relative).stem
            left = work.inputs["double"].file(f"left/{shard}.parquet")
            tasks.append(Task(shard=shard, inputs=(file, left)))
        records = work.engine.map_shards(tasks, join, config=self.config, pool="threads")
        return Outcome(counts=Counts.total(r.counts for r in records))


STAGES = (Square(SquareConfig()), Double(PairConfig()), Join(PairConfig()))


def run(directory: Path, choice: str, stages=STAGES) -> dict[str, str]:
    job = Run(directory=directory, seed=1, workers=2, on_corrupt_shard=choice)
    steps = list(job.execute(stages, progress=lambda step: QuietProgress()))
    return {step.stage.name: step.state for step in steps}


def tear(path: Path) -> None:
    """Cut a file's end off and let its record say so: damage that no stamp shows."""
    path.write_bytes(path.read_bytes()[:-40])
    manifest = path.parent.parent / "manifest.json"
    read = read_manifest(manifest.parent)
    relative = path.relative_to(manifest.parent).as_posix()
    outputs = {**read.outputs, relative: FileRecord.of(path)}
    Manifest(**{**vars(read), "outputs": outputs}).write(manifest.parent)


def test_a_torn_shard_stops_the_stage_and_is_named(tmp_path):
    run(tmp_path, "stop", STAGES[:1])
    tear(tmp_path / "square/squares/s-2.parquet")
    with pytest.raises(CorruptFileError, match=r"square/squares/s-2\.parquet can't be read"):
        run(tmp_path, "stop")
    assert read_manifest(tmp_path / "double") is None


def test_by_choice_it_is_set_aside_named_and_counted_and_its_partners_go_with_it(tmp_path):
    run(tmp_path, "stop", STAGES[:1])
    for shard in ("s-0", "s-2"):
        tear(tmp_path / f"square/squares/{shard}.parquet")
    assert run(tmp_path, "set_aside") == {"square": "done", "double": "run", "join": "run"}
    doubled, joined = read_manifest(tmp_path / "double"), read_manifest(tmp_path / "join")
    names = ["square/squares/s-0.parquet", "square/squares/s-2.parquet"]
    assert sorted(doubled.set_aside) == sorted(joined.set_aside) == names
    assert "magic bytes" in doubled.set_aside[names[0]]["reason"]
    assert doubled.counts.as_json() == {
        "documents_in": 22,
        "kept": 20,
        "dropped": {},
        "errors": {"corrupt_shard": 2},
    }
    assert joined.counts.errors == {}
    assert sorted(joined.outputs) == ["joined/s-1.parquet", "joined/s-3.parquet"]
    assert run(tmp_path, "set_aside") == {"square": "done", "double": "done", "join": "done"}


def test_what_was_set_aside_is_read_when_it_is_whole_again_or_the_choice_is_to_stop(tmp_path):
    run(tmp_path / "whole", "stop")
    run(tmp_path, "stop", STAGES[:1])
    torn = tmp_path / "square/squares/s-2.parquet"
    tear(torn)
    run(tmp_path, "set_aside")
    with pytest.raises(CorruptFileError):
        run(tmp_path, "stop")
    assert run(tmp_path, "set_aside")["double"] == "run"
    torn.unlink()
    assert run(tmp_path, "set_aside") == {"square": "run", "double": "run", "join": "run"}
    for name in ("double", "join"):
        found, whole = read_manifest(tmp_path / name), read_manifest(tmp_path / "whole" / name)
        assert not found.set_aside
        assert found.outputs_digest == whole.outputs_digest
        assert found.counts == whole.counts


def test_a_torn_file_of_the_stage_itself_is_never_set_aside(tmp_path):
    job = Run(directory=tmp_path, seed=1, workers=1, on_corrupt_shard="set_aside")

    @dataclass(frozen=True)
    class Careless(Double):
        def run(self, work: Work) -> Outcome:
            own = work.output / "own.parquet"
            own.write_bytes(b"no table")
            read_table(own)
            raise AssertionError

    stages = (STAGES[0], Careless(PairConfig()))
    with pytest.raises(CorruptFileError, match=r"own\.parquet"):
        list(job.execute(stages, progress=lambda step: QuietProgress()))
