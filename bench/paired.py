"""Two or more ways to do one job, timed in turn in one process: A B C, A B C, and so on."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from bench.result import spread


def in_turn(
    ways: Mapping[str, Callable[[], object]], *, rounds: int, work: float, unit: str
) -> list[dict[str, Any]]:
    """Run each way once as a warm-up, then `rounds` times in turn.

    Returns a row per way: CPU seconds (all threads of the process) with their spread, `work`
    (in `unit`) per CPU second at the median, and its ratio to the first way's, pair by pair.
    """
    for way in ways.values():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way()
            seconds[name].append(time.process_time() - start)
    first = next(iter(ways))
    rows = []
    for name, values in seconds.items():
        ratios = [other / ours for ours, other in zip(seconds[first], values, strict=True)]
        cpu = spread(values)
        rows.append(
            {
                "way": name,
                "cpu_seconds": cpu,
                f"{unit}_per_cpu_second": work / cpu["median"],
                f"times_the_cpu_of_{first}": spread(ratios),
            }
        )
    return rows
