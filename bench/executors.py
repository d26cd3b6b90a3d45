"""Who runs the tasks, and who dies meanwhile: the same bytes; and what Ray costs beside threads.

Measure, judge, dedup and split over the demo's extracted documents (`make demo` first). On one
machine two nodes of Ray prove that it is right, not that it is fast.

    python -m bench.executors layouts | kills | disk | overhead
"""

import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

from bench.texts import RUN
from mapneo.core.artifact import Artifact
from mapneo.core.errors import StorageError
from mapneo.core.executor import Executor, LocalExecutor
from mapneo.core.manifest import FileRecord, Manifest
from mapneo.core.pools import Pool
from mapneo.core.progress import QuietProgress
from mapneo.core.ray_executor import RayExecutor
from mapneo.core.runner import Run
from mapneo.core.stage import Stage
from mapneo.core.storage import place
from mapneo.curate.stage_dedup import Dedup, DedupConfig
from mapneo.curate.stage_judge import Judge, JudgeConfig
from mapneo.curate.stage_measure import Measure, MeasureConfig
from mapneo.curate.stage_split import Split, SplitConfig
from mapneo.runs import open_run

T = TypeVar("T")
R = TypeVar("R")
Rows = list[dict[str, Any]]

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
KILLS = 10
DISK_SHARES = (0.15, 0.4, 0.65, 0.9)
"""Disk sizes, as shares of what a whole run needs: it fills up in another stage each time."""


class InProcesses:
    """The local executor with processes where stages ask for threads."""

    def __init__(self, workers: int) -> None:
        """`workers`: processes."""
        self._local = LocalExecutor(workers)

    def run(self, work: Callable[[T], R], items: Sequence[T], *, pool: Pool) -> Iterator[R]:
        """As `Executor.run`."""
        return self._local.run(work, items, pool="inline" if pool == "inline" else "processes")


class Backwards:
    """Another executor that is given the items in reverse order."""

    def __init__(self, inner: Executor) -> None:
        """`inner`: who does the work."""
        self._inner = inner

    def run(self, work: Callable[[T], R], items: Sequence[T], *, pool: Pool) -> Iterator[R]:
        """As `Executor.run`."""
        return self._inner.run(work, items[::-1], pool=pool)


def stages() -> list[Stage]:
    """The stages that are run, with their defaults."""
    return [
        Measure(MeasureConfig()),
        Judge(JudgeConfig()),
        Dedup(DedupConfig()),
        Split(SplitConfig()),
    ]


def data_stages(directory: Path, executor: Executor) -> dict[str, str]:
    """Run the stages from where they are; SHA-256 of every output, by stage and path."""
    given: dict[str, Artifact] = {"extract": open_run(RUN).artifact("extract")}
    run = Run(directory=directory, seed=3, workers=1, executor=executor, given=given)
    found: dict[str, str] = {}
    for step in run.execute(stages(), progress=lambda step: QuietProgress()):
        assert isinstance(step.manifest, Manifest)
        records: dict[str, FileRecord] = dict(step.manifest.outputs)
        found |= {f"{step.stage.name}/{name}": file.sha256 for name, file in records.items()}
    return found


@contextlib.contextmanager
def cluster_of(nodes: int) -> Iterator[Any]:
    """A Ray cluster of so many nodes of one core each, on this machine."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            made.add_node(**NODE)
        yield made
    finally:
        made.shutdown()


def layouts(folder: Path) -> Rows:
    """Every output's SHA-256 with threads, processes, Ray, an object store, another order."""
    first = data_stages(folder / "one", LocalExecutor(1))
    rows = [{"layout": "1 thread", "files": len(first), "identical": True}]

    def add(layout: str, directory: Path, executor: Executor) -> None:
        found = data_stages(directory, executor)
        rows.append({"layout": layout, "files": len(found), "identical": found == first})

    add("2 threads", folder / "two", LocalExecutor(2))
    add("2 processes", folder / "processes", InProcesses(2))
    add("2 threads, shards in reverse order", folder / "back", Backwards(LocalExecutor(2)))
    for nodes in (1, 2):
        with cluster_of(nodes) as cluster, RayExecutor(address=cluster.address) as executor:
            add(f"Ray, nodes: {nodes}", folder / f"ray-{nodes}", executor)
    from tests.core.object_store import object_store

    with object_store() as bucket:
        add("2 threads, object store (S3 protocol)", place(f"{bucket}/runs"), LocalExecutor(2))
    return rows


def kills(folder: Path, times: int = KILLS, seed: int = 0) -> Rows:
    """Driver, worker and node killed -9 at drawn moments, then run again: the same bytes."""
    clock = time.monotonic()
    whole = data_stages(folder / "whole", LocalExecutor(2))
    seconds = time.monotonic() - clock
    draw = random.Random(seed)
    rows = []
    for number in range(times):
        who = ("driver, threads", "driver, Ray", "worker", "node")[number % 4]
        moment = draw.uniform(1, seconds)
        directory = folder / f"cut-{number}"
        with cluster_of(2) as cluster:
            hit = _kill(who, moment, directory, cluster, draw)
            with RayExecutor(address=cluster.address) as executor:
                found = data_stages(directory, executor)
        rows.append(
            {
                "killed": who,
                "after_seconds": round(moment, 2),
                "hit": hit,
                "identical": found == whole,
            }
        )
        shutil.rmtree(directory)
    return rows


def _kill(who: str, moment: float, directory: Path, cluster: Any, draw: random.Random) -> bool:
    """Start a driver, kill at the moment, wait for the driver; whether something was hit."""
    doomed = cluster.add_node(**NODE) if who == "node" else None
    address = "" if who == "driver, threads" else cluster.address
    words = [sys.executable, "-m", "bench.executors", "one", str(directory), address]
    driver = subprocess.Popen(words)
    with contextlib.suppress(subprocess.TimeoutExpired):
        driver.wait(moment)
        return False
    if who == "node":
        cluster.remove_node(doomed, allow_graceful=False)
    elif who == "worker":
        below = psutil.Process().children(recursive=True)
        workers = [process for process in below if process.name().startswith("ray::_call")]
        if not workers:
            driver.wait()
            return False
        draw.choice(workers).kill()
    else:
        driver.kill()
    ended = driver.wait()
    if who in ("node", "worker") and ended != 0:
        raise RuntimeError(f"a lost {who} ended the driver with {ended}")
    return True


def disk(folder: Path) -> Rows:
    """A disk that fills up in each stage: one sentence; more room, the same command: same bytes."""
    whole = data_stages(folder / "whole", LocalExecutor(2))
    needed = sum(p.stat().st_size for p in (folder / "whole").rglob("*") if p.is_file())
    rows = []
    for share in DISK_SHARES:
        size = int(needed * share)
        mount = folder / f"disk-{share}"
        mount.mkdir()
        run = f"exec '{sys.executable}' -m bench.executors full {mount}"
        inside = f"mount -t tmpfs -o size={size} none {mount} && {run}"
        result = subprocess.run(
            ["unshare", "--mount", "sh", "-c", inside], capture_output=True, text=True
        )
        if result.returncode != 0:
            raise SystemExit(f"a small disk needs root and mounts: {result.stderr[-500:]}")
        found = json.loads(result.stdout)
        rows.append(
            {
                "disk_mb": round(size / 1e6, 1),
                "filled_in": found["stage"],
                "sentence": found["sentence"],
                "identical": found["files"] == whole,
            }
        )
    return rows


def _fill(mount: Path) -> dict[str, Any]:
    """Run on the small disk, then on the same disk with more room."""
    try:
        data_stages(mount, LocalExecutor(2))
        raise SystemExit("the disk was large enough")
    except StorageError as error:
        sentence = str(error).replace(str(mount), "RUN")
    stage = next(s.name for s in stages() if not (mount / s.name / "manifest.json").exists())
    subprocess.run(["mount", "-o", "remount,size=4g", str(mount)], check=True)
    return {"stage": stage, "sentence": sentence, "files": data_stages(mount, LocalExecutor(2))}


def overhead(folder: Path, repeats: int = 3) -> Rows:
    """CPU seconds of all processes: threads beside Ray, in turn, each warm, start-up apart."""
    spent: dict[str, list[float]] = {"threads": [], "Ray": []}
    with RayExecutor(workers=2) as ray:
        # Kernels are loaded and workers are up before the clock starts.
        data_stages(folder / "warm", ray)
        data_stages(folder / "warm-threads", LocalExecutor(2))
        for number in range(repeats):
            for name, executor in (("threads", LocalExecutor(2)), ("Ray", ray)):
                before = _cpu_seconds()
                data_stages(folder / f"{name}-{number}", executor)
                spent[name].append(_cpu_seconds() - before)
                shutil.rmtree(folder / f"{name}-{number}")
    middle = {name: sorted(values)[repeats // 2] for name, values in spent.items()}
    return [
        {
            "cpu_seconds_threads": [round(value, 2) for value in spent["threads"]],
            "cpu_seconds_ray": [round(value, 2) for value in spent["Ray"]],
            "ratio_of_medians": round(middle["Ray"] / middle["threads"], 2),
        }
    ]


def _cpu_seconds() -> float:
    """User and system time of this process and all below it, so far."""
    me = psutil.Process()
    total = 0.0
    for process in (me, *me.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def main(words: Sequence[str]) -> None:
    """A proof by name; or, for the proofs themselves, `one` driver or a `full` disk."""
    if words[0] == "one":
        executor: Any = (
            RayExecutor(address=words[2]) if words[2] else contextlib.nullcontext(LocalExecutor(2))
        )
        with executor as chosen:
            data_stages(Path(words[1]), chosen)
        return
    if words[0] == "full":
        print(json.dumps(_fill(Path(words[1]))))
        return
    proofs = {"layouts": layouts, "kills": kills, "disk": disk, "overhead": overhead}
    with tempfile.TemporaryDirectory() as folder:
        for row in proofs[words[0]](Path(folder)):
            print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
