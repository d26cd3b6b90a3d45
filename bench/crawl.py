"""A crawl of thousands of real pages on loopback: killed -9 three times, or left alone.

Both must end with the same pages, byte for byte, and the same outcome for every address; and no
page may have been asked for again but those in flight at a kill. The sites are the HTML pages of
packages (English and Chinese manuals), served by `bench/crawl_sites.py`.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType

from bench.pages import sources
from mapneo.core.cache import cache_directory
from mapneo.sources.fetch import fetch_source

SOURCES = (
    "sqlalchemy-docs", "python-docs", "postgresql-docs", "apache-docs", "libreoffice-help-zh",
    "libreoffice-help-en", "debian-reference-zh-cn",
)  # fmt: skip
KILLS = 3
PER_HOST = 4
CONCURRENCY = 16
NAME = "pages"


def _serve(log: Path) -> "subprocess.Popen[str]":
    cache = cache_directory()
    folders = [f"{name}={fetch_source(sources()[name], cache).folder}" for name in SOURCES]
    words = [sys.executable, "-m", "bench.crawl_sites", str(log), *folders]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def _recipe(path: Path, port: int) -> Path:
    seeds = ", ".join(f'"http://{name}.test/"' for name in SOURCES)
    hosts = ", ".join(f'"{name}.test" = "127.0.0.1:{port}"' for name in SOURCES)
    path.write_text(
        f'[crawl]\nname = "{NAME}"\nseeds = [{seeds}]\n'
        '[agent]\nproduct = "mapneo-bench"\ncontact = "bench@example.org"\n'
        f"[politeness]\ndelay_seconds = 0\nper_host = {PER_HOST}\nconcurrency = {CONCURRENCY}\n"
        "[budget]\npages = 100000\ndepth = 1000\n[output]\nwarc_megabytes = 5\n"
        f'[network]\nallow_addresses = ["127.0.0.1"]\nhosts = {{ {hosts} }}\n',
        encoding="utf-8",
    )
    return path


def _command(recipe: Path, output: Path) -> list[str]:
    words = ["crawl", str(recipe), "--output", str(output), "--json"]
    return [sys.executable, "-m", "mapneo.cli", *words]


def _finish(words: Sequence[str]) -> dict[str, Any]:
    result = subprocess.run(words, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"exit {result.returncode}: {result.stderr[-2000:]}")
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


def _kill_after(words: Sequence[str], log: Path, requests: int) -> bool:
    """Start, and kill -9 when the sites have got so many requests; whether it still ran."""
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while _count(log) < requests:
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def _count(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def _asked(log: Path) -> Counter[tuple[str, str]]:
    rows = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return Counter((host, path) for host, path in rows)


def _warc(folder: Path) -> set[tuple[str, str]]:
    """(address, digest) of each page in the WARC set, copies among them; no digest may be wrong.

    Raises:
        RuntimeError: an address stands there twice.
    """
    pages: list[tuple[str, str]] = []
    for path in sorted((folder / NAME / "warc").glob("*.warc.gz")):
        kinds = WarcRecordType.response | WarcRecordType.revisit
        with path.open("rb") as handle:
            for record in ArchiveIterator(handle, record_types=kinds, verify_digests=True):
                digest = record.headers["WARC-Payload-Digest"]
                pages.append((record.headers["WARC-Target-URI"], digest))
    if len({url for url, _ in pages}) != len(pages):
        raise RuntimeError(f"a page stands twice in {folder}")
    return set(pages)


def _outcomes(folder: Path) -> set[tuple[Any, ...]]:
    """What became of every address, without what may differ: moments, places, ways there.

    Which of several equal pages is stored and which are copies depends on who answers first.
    """
    columns = ["url", "kind", "state", "status", "bytes", "sha256"]
    table = pq.read_table(folder / NAME / "crawl.parquet", columns=columns)
    return set(zip(*(table[name].to_pylist() for name in columns), strict=True))


def measure() -> list[dict[str, Any]]:
    """Undisturbed against killed three times, at random moments."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "requests"
        with _serve(log) as server:
            try:
                assert server.stdout is not None
                recipe = _recipe(folder / "crawl.toml", int(server.stdout.readline()))
                return [_compare(recipe, folder, log)]
            finally:
                server.kill()


def _compare(recipe: Path, folder: Path, log: Path) -> dict[str, Any]:
    summary = _finish(_command(recipe, folder / "whole"))
    whole_asked = _asked(log)
    os.truncate(log, 0)
    draw = random.Random(time.time_ns())
    moments = sorted(draw.sample(range(50, whole_asked.total() - 50), KILLS))
    cut = _command(recipe, folder / "cut")
    hits = [_kill_after(cut, log, moment) for moment in moments]
    _finish(cut)
    cut_asked = _asked(log)
    again = cut_asked - whole_asked
    whole_pages, cut_pages = _warc(folder / "whole"), _warc(folder / "cut")
    return {
        "pages": len(whole_pages),
        "addresses": sum(summary["states"].values()),
        "requests": whole_asked.total(),
        "undisturbed_seconds": round(summary["seconds"], 1),
        "warc_files": len(list((folder / "whole" / NAME / "warc").iterdir())),
        "killed_after_requests": moments,
        "kills_that_hit": sum(hits),
        "warc_sets_identical": whole_pages == cut_pages,
        "outcomes_identical": _outcomes(folder / "whole") == _outcomes(folder / "cut"),
        "asked_again": again.total(),
        "most_in_flight": KILLS * CONCURRENCY,
        "never_asked": (whole_asked - cut_asked).total(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
