"""Kill a real `mapneo run` with SIGKILL at chosen moments, let it go on, compare what it made."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

DATA_STAGES = (
    "fetch extract measure judge dedup split tokenizer encode mix".split()  # noqa: SIM905
)
TRAINING_STAGES = ("pretrain_1", "pretrain_2", "sft_1", "sft_2", "reward", "dpo_1")
ALIGNMENT_STAGES = ("conversations", "preference_0", "preference_1", "answers")
"""Stages behind training whose bytes must not change either: they hold what models said."""


def command(recipe: Path, runs: Path, *more: str) -> list[str]:
    """The command line of a run, as a user would type it."""
    return [sys.executable, "-m", "mapneo.cli", "run", str(recipe), "--runs", str(runs), *more]


def run_to_the_end(words: Sequence[str], environment: dict[str, str] | None = None) -> str:
    """Run; raise with its stderr if it fails. Returns its stdout."""
    result = subprocess.run(words, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        raise RuntimeError(f"exit {result.returncode}: {result.stderr[-2000:]}")
    return result.stdout


def run_and_kill(
    words: Sequence[str], after_seconds: float, environment: dict[str, str] | None = None
) -> bool:
    """Start the run, kill -9 its whole process group after some seconds.

    Returns whether it was still running, that is, whether the kill hit it.
    """
    process = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )
    deadline = time.monotonic() + after_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def digests(run: Path, stages: Sequence[str] = DATA_STAGES) -> dict[str, str]:
    """Digest of each stage's outputs, from its manifest."""
    return {name: _manifest(run, name)["outputs_digest"] for name in stages}


def final_losses(run: Path) -> dict[str, str]:
    """Exact loss of the last step of each finished training stage, as a hex float."""
    losses = {}
    for name in TRAINING_STAGES:
        if not (run / name / "manifest.json").exists():
            continue
        lines = (run / name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        steps = [row for row in map(json.loads, lines) if "loss_hex" in row]
        losses[name] = steps[-1]["loss_hex"]
    return losses


def _manifest(run: Path, stage: str) -> dict[str, str]:
    path = run / stage / "manifest.json"
    value: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return value
