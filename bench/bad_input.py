"""Texts of 100 MB through measure and judge, each in a process of its own: `bench.prove bad_input`.

A text of half the size goes first, so that growth is seen; CPU seconds are of one thread.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from mapneo.curate import as_documents, judge
from mapneo.curate.measure import signals_table
from mapneo.curate.rules import load_ruleset, ruleset_names
from mapneo.curate.signal_list import SPLITTERS

MEGABYTES = 100
_MB = 1_000_000

TEXTS: dict[str, Callable[[int], str]] = {
    "one line, no space": lambda size: "x" * size,
    "one line of words": lambda size: "the end of it and " * (size // 18),
    "one line of Chinese": lambda size: "这本书的第一版很早就卖完了" * (size // 39),
    "lines of one character": lambda size: "a\n" * (size // 2),
    "newlines": lambda size: "\n" * size,
    "combining marks": lambda size: "e" + "\u0301" * (size // 2),
    "unclosed brackets": lambda size: "【" * (size // 3),
    "digits": lambda size: "0123456789" * (size // 10),
}


def measure() -> list[dict[str, Any]]:
    """One row a text: outcome of the profiles, CPU seconds at half and at full size, memory."""
    rows = []
    for name in TEXTS:
        runs = [_in_own_process(name, size) for size in (MEGABYTES // 2, MEGABYTES)]
        rows.append(
            {
                "text": name,
                "megabytes": MEGABYTES,
                "half_cpu_seconds": runs[0]["cpu_seconds"],
                "cpu_seconds": runs[1]["cpu_seconds"],
                "growth": runs[1]["cpu_seconds"] / runs[0]["cpu_seconds"],
                "peak_gb": runs[1]["peak_gb"],
                "splitters": len(SPLITTERS),
                "verdicts": runs[1]["verdicts"],
            }
        )
    return rows


def _in_own_process(name: str, megabytes: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.bad_input", name, str(megabytes)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{name}, {megabytes} MB: exit {result.returncode}: {result.stderr}")
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def _document(text: str, language: str) -> pa.Table:
    row = {"doc_id": "d", "text": text, "language": language, "language_score": 1.0}
    return as_documents(pa.Table.from_pylist([row]))


def _one(name: str, megabytes: int) -> dict[str, Any]:
    language = "zh" if "Chinese" in name else "en"
    splits = (f"{language}:keep+{splitter}" for splitter in SPLITTERS)
    measurements = (f"{language}:keep", *splits)
    signals_table(_document("x", language), measurements)
    given = _document(TEXTS[name](megabytes * _MB), language)
    start = time.process_time()
    signals, _ = signals_table(given, measurements)
    seconds = time.process_time() - start
    verdicts = {}
    for profile in ruleset_names():
        ruleset = load_ruleset(profile)
        if ruleset.language == language and {*ruleset.measurements()} <= {*measurements}:
            verdicts[profile] = judge(signals, [profile])["rule"][0].as_py() or "keep"
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"cpu_seconds": seconds, "peak_gb": peak_gb, "verdicts": verdicts}


if __name__ == "__main__":
    print(json.dumps(_one(sys.argv[1], int(sys.argv[2]))))
