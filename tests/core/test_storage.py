"""Runs on an object store: the same bytes as on a disk, and one sentence for each refusal."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from upath import UPath

from mapneo.core import lock
from mapneo.core.errors import (
    ConfigError,
    CorruptFileError,
    LockError,
    ManifestError,
    StorageError,
)
from mapneo.core.executor import LocalExecutor
from mapneo.core.files import read_json, sweep, write_json, write_text
from mapneo.core.lock import exclusive
from mapneo.core.manifest import FileRecord
from mapneo.core.places import check_reach
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.core.storage import list_files, place, read_bytes, stamp, stamps
from mapneo.core.tables import read_rows, read_table, write_table

from .faults import FaultConfig, three_verbs
from .object_store import free_port, object_store
from .toy import Square, SquareConfig, Sum, SumConfig

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with object_store() as url:
        yield url


@pytest.fixture
def folder(bucket: str, request: pytest.FixtureRequest) -> Path:
    return place(f"{bucket}/{request.node.name}")


def test_a_path_and_a_file_url_are_local_and_other_schemes_need_their_package():
    assert place("runs/x") == Path("runs/x")
    assert place("file:///runs/x") == Path("/runs/x")
    with pytest.raises(ConfigError, match="no storage of the kind nonsense://"):
        place("nonsense://bucket")
    with pytest.raises(ConfigError, match=r"gs://bucket.*not installed"):
        place("gs://bucket")


def test_the_three_verbs_leave_the_same_bytes_as_on_a_disk(tmp_path, folder):
    config = FaultConfig(pool="threads", shards=5)
    local = three_verbs(tmp_path, LocalExecutor(1), config)
    assert three_verbs(folder, LocalExecutor(2), config) == local
    for name, sha256 in local.items():
        assert FileRecord.of(folder / name).sha256 == sha256


def test_a_killed_driver_goes_on_in_the_store(tmp_path, folder):
    config = FaultConfig(pool="threads", shards=6, seconds=0.2)
    work = f"faults.drive({str(folder)!r}, 'local', '', {config.model_dump_json()!r})"
    driver = subprocess.Popen(
        [sys.executable, "-c", f"from tests.core import faults; {work}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    while len(list_files(folder / "shards")) < 3:
        assert driver.poll() is None
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    finished = set(list_files(folder / "shards"))
    before = {name: stamp(folder / "shards" / name) for name in finished}
    expected = three_verbs(tmp_path, LocalExecutor(2), config)
    assert three_verbs(folder, LocalExecutor(2), config) == expected
    assert {name: stamp(folder / "shards" / name) for name in finished} == before


def run(directory: Path, **settings) -> dict[str, str]:
    stages = (Square(SquareConfig(**settings)), Sum(SumConfig()))
    job = Run(directory=directory, seed=1, workers=2)
    steps = list(job.execute(stages, progress=lambda step: QuietProgress()))
    return {step.stage.name: step.state for step in steps}


def test_a_run_in_the_store_is_done_touched_and_swept_like_one_on_a_disk(folder):
    assert run(folder) == {"square": "run", "sum": "run"}
    assert run(folder) == {"square": "done", "sum": "done"}
    write_table(folder / "square/squares/s-1.parquet", pa.table({"n": [1], "value": [1]}))
    assert run(folder) == {"square": "run", "sum": "done"}
    assert run(folder, shards=2) == {"square": "run", "sum": "run"}
    assert list(list_files(folder / "square")) == [
        "manifest.json",
        "shards/s-0.json",
        "shards/s-1.json",
        "squares/s-0.parquet",
        "squares/s-1.parquet",
    ]


def test_many_stamps_come_from_a_listing_and_agree_with_single_ones(folder):
    names = [f"{i:03d}.txt" for i in range(300)]
    for name in names[:3]:
        write_text(folder / name, name)
    found = stamps(folder, names)
    assert {name for name, seen in found.items() if seen} == set(names[:3])
    assert [found[name] for name in names[:4]] == [stamp(folder / name) for name in names[:4]]
    sweep(folder, keep={"001.txt"})
    assert list(list_files(folder)) == ["001.txt"]


def test_tables_are_read_in_part_and_a_torn_one_is_named(folder, tmp_path):
    path = folder / "t.parquet"
    table = pa.table({"a": list(range(20_000)), "b": [str(i) for i in range(20_000)]})
    write_table(path, table)
    write_table(tmp_path / "t.parquet", table)
    assert read_bytes(path) == (tmp_path / "t.parquet").read_bytes()
    assert read_table(path) == table
    assert read_table(path, ["b"]).column_names == ["b"]
    assert read_rows(path, [19_000, 5], ["b"])["b"].to_pylist() == ["19000", "5"]
    with pytest.raises(ManifestError, match=r"s3://.*nothing\.parquet is missing"):
        read_table(folder / "nothing.parquet")
    path.write_bytes(read_bytes(path)[:-1000])
    for columns in (None, ["a"]):
        with pytest.raises(CorruptFileError, match=r"s3://.*t\.parquet can't be read"):
            read_table(path, columns)


def test_a_missing_bucket_and_one_that_refuses_are_one_sentence(bucket):
    with pytest.raises(StorageError, match=r"s3://nowhere/x\.json.*bucket does not exist"):
        write_json(place("s3://nowhere/x.json"), {})
    with pytest.raises(StorageError, match=r"refuses access to s3://refusing/x\.json.*AWS_PROFILE"):
        write_json(place("s3://refusing/x.json"), {})
    with pytest.raises(StorageError, match="refuses access"):
        check_reach(place("s3://refusing/runs"), [])


def test_a_store_that_is_gone_is_one_sentence(bucket):
    gone = UPath(
        "s3://bucket/x.json",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        config_kwargs={"retries": {"max_attempts": 0}},
        use_listings_cache=False,
    )
    for ask in (read_json, lambda path: write_json(path, {}), stamp):
        with pytest.raises(StorageError, match=r"can't reach s3://bucket/x\.json.*AWS_ENDPOINT"):
            ask(gone)


def test_stages_that_need_a_disk_are_refused_before_anything_runs(folder):
    with pytest.raises(ConfigError, match="square, sum can't write to s3://.*local folder"):
        check_reach(folder, [Square(SquareConfig()), Sum(SumConfig())])
    assert list_files(folder) == {}


def test_one_writer_in_the_store_and_a_dead_holder_frees_it(folder, monkeypatch):
    held = f"process {os.getpid()} on {os.uname().nodename}"
    with exclusive(folder), pytest.raises(LockError, match=held):
        exclusive(folder).__enter__()
    assert list_files(folder) == {}
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lease = {"host": os.uname().nodename, "pid": ended.pid, "token": "t", "time": time.time()}
    write_json(folder / "lock", lease)
    with exclusive(folder):
        assert json.loads(read_bytes(folder / "lock"))["pid"] == os.getpid()
    write_json(folder / "lock", {**lease, "host": "another"})
    with pytest.raises(LockError, match="on another"):
        exclusive(folder).__enter__()
    monkeypatch.setattr(lock, "LEASE_SECONDS", -1.0)
    with exclusive(folder):
        assert json.loads(read_bytes(folder / "lock"))["host"] == os.uname().nodename


def test_curating_stages_read_tables_through_core_alone():
    # pyarrow by itself knows nothing of object stores. What stays reads the user's own files.
    found = {
        path.name
        for path in (ROOT / "mapneo/curate").glob("*.py")
        if "pyarrow.parquet" in path.read_text(encoding="utf-8")
    }
    assert found <= {"target_texts.py"}
