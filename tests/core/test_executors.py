"""Whoever runs the tasks, and whoever dies meanwhile: the same bytes, the same sentences."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from mapneo.core.engine import Engine
from mapneo.core.errors import ConfigError, DataError, Interrupted, WorkerLostError
from mapneo.core.executor import LocalExecutor, in_flight
from mapneo.core.ray_executor import RayExecutor

from .faults import FaultConfig, cubes, tasks, three_verbs

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = three_verbs(tmp_path_factory.mktemp("one"), LocalExecutor(1), FaultConfig())
    assert len(found) > 12
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes of one core each: they prove that it is right, not that it is fast."""
    options = {"num_cpus": 1, "object_store_memory": 80_000_000}
    made = Cluster(initialize_head=True, head_node_args={**options, "include_dashboard": False})
    made.add_node(**options)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def ray(cluster: Cluster) -> Iterator[RayExecutor]:
    with RayExecutor(address=cluster.address) as executor:
        yield executor


def run(executor, output: Path, **settings):
    engine = Engine(output=output, stage_key=[], executor=executor)
    return engine.map_shards(tasks(4), cubes, config=FaultConfig(**settings), pool="processes")


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path):
    refused = pytest.raises(ConfigError, match=r"127\.0\.0\.1:1.*ray start --head")
    with RayExecutor(address="127.0.0.1:1") as executor, refused:
        run(executor, tmp_path)


def test_two_nodes_of_ray_and_shards_in_another_order_give_the_same_bytes(tmp_path, ray, expected):
    shuffled = tasks(12)
    random.Random(5).shuffle(shuffled)
    assert three_verbs(tmp_path / "ray", ray, FaultConfig(), shuffled) == expected
    assert three_verbs(tmp_path / "two", LocalExecutor(2), FaultConfig(), shuffled) == expected


def test_an_error_of_a_task_is_the_same_sentence_everywhere(tmp_path, ray):
    for executor in (LocalExecutor(1), LocalExecutor(2), ray):
        with pytest.raises(DataError, match=r"^s-02 is refused$"):
            run(executor, tmp_path, refuse=("s-02",))


def test_a_worker_killed_once_is_replaced_and_one_that_always_dies_is_named(
    tmp_path, ray, expected
):
    once = FaultConfig(flags=str(tmp_path), kill_once=("s-03",))
    assert three_verbs(tmp_path / "once", ray, once) == expected
    with pytest.raises(WorkerLostError, match="s-01, 4 times"):
        run(ray, tmp_path / "always", flags=str(tmp_path), kill_always=("s-01",))
    with pytest.raises(WorkerLostError, match="worker process died"):
        run(LocalExecutor(2), tmp_path / "local", flags=str(tmp_path), kill_always=("s-01",))


def test_an_interrupt_ends_waiting_at_once_and_ray_goes_on_to_serve(tmp_path, ray):
    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        started = time.monotonic()
        with pytest.raises(Interrupted):
            run(ray, tmp_path, seconds=60)
        assert time.monotonic() - started < 30
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(run(ray, tmp_path)) == 4


@pytest.mark.parametrize("where", ["local", "ray"])
def test_a_killed_driver_goes_on_where_it_stopped(tmp_path, cluster, ray, expected, where):
    output, config = tmp_path / "out", FaultConfig(seconds=0.3)
    address = "" if where == "local" else cluster.address
    work = f"faults.drive({str(output)!r}, {where!r}, {address!r}, {config.model_dump_json()!r})"
    driver = subprocess.Popen(
        [sys.executable, "-c", f"from tests.core import faults; {work}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    wanted = random.Random(3).randrange(2, 6)
    while len(list(output.glob("shards/*.json"))) < wanted:
        assert driver.poll() is None
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    executor = LocalExecutor(2) if where == "local" else ray
    assert three_verbs(output, executor, config) == expected


def test_a_lost_node_loses_no_shard(tmp_path, cluster, ray, expected):
    doomed = cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    moment = random.Random(11).uniform(0.5, 1.5)
    killer = threading.Timer(moment, cluster.remove_node, (doomed,), {"allow_graceful": False})
    killer.start()
    assert three_verbs(tmp_path, ray, FaultConfig(seconds=0.3)) == expected
    killer.join()


def test_only_so_many_tasks_are_under_way():
    under_way: list[int] = []
    most = 0

    def submit(item: int) -> int:
        nonlocal most
        under_way.append(item)
        most = max(most, len(under_way))
        return item

    def wait(handles):
        under_way.remove(first := next(iter(handles)))
        return [first]

    finished = [item for _, item in in_flight(range(1000), submit, wait, 6)]
    assert sorted(finished) == list(range(1000))
    assert most == 6
