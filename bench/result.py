"""The form of a recorded result: what was measured, on what, by which command, and its spread."""

import datetime
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mapneo.core.machine import machine, versions

RESULTS = Path(__file__).parent / "results"


def spread(values: Sequence[float]) -> dict[str, float | int]:
    """Median, minimum, maximum and number of runs of one measurement."""
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "runs": len(values),
    }


def record(name: str, *, command: str, what: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write `bench/results/<name>.json`; `rows` are the table that people read."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    value = {
        "name": name,
        "what": what,
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "rows": list(rows),
    }
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    path.write_text(text, encoding="utf-8")
    return path
