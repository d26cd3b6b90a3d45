"""Malformed files through fetch and extract, each in a process of its own: `bench.prove malformed`.

What came of each file is counted by kind, and what a file of 2 GB takes of memory is measured. The
files are written as streams: no process holds one.
"""

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.sources.sets import FileSet
from mapneo.sources.stage_extract import Extract, ExtractConfig
from mapneo.sources.stage_fetch import Fetch, FetchConfig

_GB = 1 << 30
_CHUNK = b"x" * (1 << 20)
_ROW = b'{"text": "%s"}\n'
_GOOD = _ROW % (b"A short row that is whole. " * 8)


def _long_line(gigabytes: int) -> Iterator[bytes]:
    yield _GOOD
    yield b'{"text": "'
    for _ in range(gigabytes << 10):
        yield _CHUNK
    yield b'"}\n'
    yield _GOOD


def _record(body: bytes, length: int) -> bytes:
    head = (
        "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://example.org/\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + body


def _long_record(gigabytes: int) -> Iterator[bytes]:
    yield _record(_GOOD + b"\r\n\r\n", len(_GOOD))
    yield _record(b"", gigabytes << 30)
    for _ in range(gigabytes << 10):
        yield _CHUNK
    yield b"\r\n\r\n"
    yield _record(_GOOD + b"\r\n\r\n", len(_GOOD))


def _wrong_lengths(_: int) -> Iterator[bytes]:
    for number in range(3000):
        wrong = {1: 40, 2: -40}.get(number % 100, 0)
        yield _record(_GOOD + b"\r\n\r\n", len(_GOOD) + wrong)


def _broken_rows(gigabytes: int) -> Iterator[bytes]:
    rows = _GOOD * 3000 + b'{"text": "torn\n' + b"[1, 2]\n" + b'{"other": 1}\n'
    for _ in range(gigabytes * _GB // len(rows)):
        yield rows


CASES: dict[str, tuple[str, Callable[[int], Iterator[bytes]], int]] = {
    "a line of 2 GB": ("a.jsonl", _long_line, 2),
    "a line of 2 GB, packed": ("a.jsonl.gz", _long_line, 2),
    "a WARC record of 2 GB": ("a.warc", _long_record, 2),
    "WARC records of wrong length": ("a.warc", _wrong_lengths, 0),
    "2 GB of rows, some broken": ("a.jsonl", _broken_rows, 2),
    "gzip torn in mid-record": ("torn.jsonl.gz", _broken_rows, 1),
    "Parquet of another schema": ("a.parquet", lambda _: iter(()), 0),
    "no bytes": ("a.jsonl", lambda _: iter(()), 0),
}


def measure() -> list[dict[str, Any]]:
    """One row a file: size, documents and errors by kind, CPU seconds, peak memory."""
    return [{"file": name, **_in_own_process(name)} for name in CASES]


def _in_own_process(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.malformed", name]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{name}: exit {result.returncode}: {result.stderr}")
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def _one(name: str) -> dict[str, Any]:
    file_name, make, gigabytes = CASES[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        folder.mkdir()
        # A run that keeps nothing at all stops; so one good file lies beside the bad one.
        (folder / "good.txt").write_bytes(_GOOD)
        path = folder / file_name
        _write(path, make(gigabytes))
        size_bytes = path.stat().st_size
        job = Run(directory=Path(place) / "run", seed=0, workers=1)
        job.directory.mkdir()
        stages = [
            Fetch(FetchConfig(sets=(FileSet(name="bad", files=(str(folder),)),))),
            Extract(ExtractConfig()),
        ]
        start = time.process_time()
        list(job.execute(stages, progress=lambda step: QuietProgress()))
        seconds = time.process_time() - start
        counts = job.artifact("extract").manifest.counts
    return {
        "file_megabytes": round(size_bytes / 1e6),
        "documents_in": counts.documents_in,
        "kept": counts.kept,
        "errors": dict(counts.errors),
        "cpu_seconds": round(seconds, 1),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"words": ["a", "b"]}), path)
        return
    with gzip.open(path, "wb", 1) if path.suffix == ".gz" else path.open("wb") as sink:
        for chunk in chunks:
            sink.write(chunk)
    if path.name.startswith("torn"):
        with path.open("r+b") as sink:
            sink.truncate(path.stat().st_size - 1000)


if __name__ == "__main__":
    print(json.dumps(_one(sys.argv[1])))
