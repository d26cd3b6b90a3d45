"""Time per room against its budget, and in CI no skip that is not on the list."""

import os
from collections import defaultdict

import pytest

BUDGET_SECONDS = {
    "ablate": 60,
    "align": 60,
    "core": 70,
    "crawl": 40,
    "curate": 90,
    "docs": 60,
    "evaluate": 30,
    "ladder": 60,
    "mix": 10,
    "model": 20,
    "pipeline": 240,
    "report": 120,
    "scaling": 60,
    "sources": 60,
    "text": 60,
    "tokenizer": 40,
    "train": 40,
}
EXPECTED_SKIPS = (
    "needs root to mount a small disk",
    "this container may not mount a small disk",
    "no package registry",
    "no published points on this machine",
    "the optional package kenlm is not installed",
)

_seconds: dict[str, float] = defaultdict(float)
_unexpected: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    parts = report.location[0].split("/")
    _seconds[parts[1] if len(parts) > 2 else "house"] += report.duration
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if not any(expected in reason for expected in EXPECTED_SKIPS):
            _unexpected.append(f"{report.nodeid}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("seconds per room (budget)")
    for room, seconds in sorted(_seconds.items()):
        budget = BUDGET_SECONDS.get(room)
        over = "  OVER" if budget is not None and seconds > budget else ""
        terminalreporter.write_line(f"{room:<10} {seconds:7.1f} ({budget or '–'}){over}")
    for line in _unexpected:
        terminalreporter.write_line(f"unexpected skip: {line}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _unexpected and os.environ.get("CI") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
