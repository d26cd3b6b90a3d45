"""Eighty million keys become edges in a process that may not have more than 2 GB.

Keys are made by tasks, file by file, and never held together: 8 M documents with an exact hash and
9 bands each. One in ten shares a band with a document a million places before it, one in ten its
exact hash, so that the right number of edges is known. A process of its own then runs the engine's
partition and reduce steps. Its limit is a memory cgroup where one can be made, else the size of
its data segment; its peak is that of its resident memory.

In a cgroup the files that it writes and reads count too, until the kernel needs their room.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.core.config import Config
from mapneo.core.engine import Engine, ShardOutcome, Task
from mapneo.core.executor import LocalExecutor
from mapneo.core.tables import read_batches, write_table
from mapneo.curate.candidates import EXACT, find_edges
from mapneo.curate.keys import fixed_binaries
from mapneo.curate.minhash_setting import PRESETS
from mapneo.curate.stage_dedup import DedupConfig, number_documents

DOCUMENTS, SHARDS = 8_000_000, 128
LIMIT_BYTES = 2_000_000_000
MAX_PEAK_MB = 500
SETTING = PRESETS["map_neo"]
_DISTANCE = 1_000_003
"""How far before a copy its original stands: not a multiple of ten, so no copy has a copy."""
_BAND_COPIES, _EXACT_COPIES = 0, 1
_V1, _V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


class MadeConfig(Config):
    """How many documents a key file has."""

    documents: int


def mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A bijection of 64 bits (SplitMix64's), so that different numbers are different keys."""
    values = numbers * np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def make_keys(task: Task, config: MadeConfig, output: Path) -> ShardOutcome:
    """The keys of one file: as many of the columns as finding edges reads."""
    first = task.payload["first"]
    documents = np.arange(first, first + config.documents)
    last_digit, has_original = documents % 10, documents >= _DISTANCE
    width = SETTING.bands + 1
    names = documents[:, None] * width + np.arange(width)
    copies = np.flatnonzero((last_digit == _BAND_COPIES) & has_original)
    band = 1 + documents[copies] // 10 % SETTING.bands
    names[copies, band] -= _DISTANCE * width
    exact = np.flatnonzero((last_digit == _EXACT_COPIES) & has_original)
    names[exact, 0] -= _DISTANCE * width
    keys = mixed(names.astype(np.uint64))
    columns = {
        "exact_high": pa.array(keys[:, 0]),
        "exact_low": pa.array(mixed(keys[:, 0])),
        "bands": fixed_binaries(keys[:, 1:].astype("<u8")),
    }
    name = f"keys/{task.shard}.parquet"
    write_table(output / name, pa.table(columns))
    return ShardOutcome(files=(name,))


def expected_edges() -> dict[str, int]:
    """How many edges of each kind there must be."""
    copies = np.arange(_DISTANCE, DOCUMENTS) % 10
    return {
        "exact": int((copies == _EXACT_COPIES).sum()),
        "candidate": int((copies == _BAND_COPIES).sum()),
    }


def edges_of(keys: Path, output: Path, workers: int, memory_mb: int) -> dict[str, Any]:
    """Partition and reduce in this process: the edges, seconds and memory."""
    before = _peak_mb()
    files = [
        InputFile(path=path, relative=path.name, sha256=path.name)
        for path in sorted(keys.glob("*.parquet"))
    ]
    config = DedupConfig(minhash=SETTING, memory_per_task_mb=memory_mb)
    numbering = number_documents([], files, config)
    engine = Engine(output=output, stage_key="bench", executor=LocalExecutor(workers))
    cpu, wall = time.process_time(), time.monotonic()
    records = find_edges(engine, files, numbering)
    seconds = {"cpu_seconds": time.process_time() - cpu, "seconds": time.monotonic() - wall}
    peak = _peak_mb()
    kinds = np.zeros(2, dtype=np.int64)
    for record in records:
        for file in record.as_inputs(output):
            for table in read_batches(file.path, ["kind"]):
                kinds += np.bincount(table["kind"].to_numpy(), minlength=2)
    return {
        "keys": numbering.documents * (1 + SETTING.bands),
        "partitions": numbering.blocks,
        "workers": workers,
        "memory_per_task_mb": memory_mb,
        "edges": {"exact": int(kinds[EXACT]), "candidate": int(kinds[1 - EXACT])},
        **{name: round(value, 1) for name, value in seconds.items()},
        "peak_mb": round(peak),
        "of_which_before_the_first_key_mb": round(before),
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


@contextmanager
def limited() -> Iterator[tuple[str, Callable[[], None]]]:
    """How memory is limited here, and what a child calls before it starts its program."""
    for name, folder, limit in (
        ("cgroup v2", _V2, "memory.max"),
        ("cgroup v1", _V1, "memory.limit_in_bytes"),
    ):
        group = folder / f"mapneo-bench-{os.getpid()}"
        # Elsewhere than in a memory hierarchy a new folder does not come with its files.
        if not (folder / "cgroup.procs").exists():
            continue
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            with open(group / limit, "r+", encoding="ascii") as file:
                file.write(str(LIMIT_BYTES))
        except OSError:
            group.rmdir()
            continue
        try:
            yield name, lambda g=group: (g / "cgroup.procs").write_text(str(os.getpid()))
        finally:
            group.rmdir()
        return
    yield (
        "RLIMIT_DATA, as no memory cgroup can be made",
        lambda: resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES)),
    )


def prove(folder: Path) -> list[dict[str, Any]]:
    """A row with one worker, and one with two who may take half as much each."""
    length = DOCUMENTS // SHARDS
    tasks = [Task(shard=f"{n:03d}", payload={"first": n * length}) for n in range(SHARDS)]
    engine = Engine(output=folder, stage_key="bench", executor=LocalExecutor(1))
    engine.map_shards(tasks, make_keys, config=MadeConfig(documents=length), pool="inline")
    rows = []
    for workers, memory_mb in ((1, 128), (2, 64)):
        output = folder / f"edges-{workers}"
        words = [str(word) for word in (folder / "keys", output, workers, memory_mb)]
        with limited() as (limit, enter):
            done = subprocess.run(
                [sys.executable, "-m", "bench.dedup_memory", *words],
                preexec_fn=enter,
                capture_output=True,
                text=True,
                check=False,
            )
        row = {"limit": limit, "limit_mb": LIMIT_BYTES // 1_000_000, "exit": done.returncode}
        if done.returncode == 0:
            row |= json.loads(done.stdout.strip().splitlines()[-1])
        else:
            row["said"] = done.stderr[-500:]
        row["passed"] = (
            row.get("edges") == expected_edges() and row.get("peak_mb", np.inf) < MAX_PEAK_MB
        )
        rows.append(row)
    return rows


if __name__ == "__main__":
    given = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    print(json.dumps(edges_of(*given)))
