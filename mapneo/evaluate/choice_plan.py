"""Which model answers which pack: tasks for the engine, `choice.json`, and what was left out, why.

Loads neither torch nor the harness before a pack is to be scored.
"""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapneo.core.canonical import Json
from mapneo.core.engine import Task
from mapneo.core.files import read_json, write_json
from mapneo.core.stage import InputFile, Work
from mapneo.evaluate.config import ChoiceConfig

CHOICE_NAME = "choice.json"
HARNESS = "lm-eval"


def harness_version() -> str | None:
    """Version of the lm-evaluation-harness, without loading it; None if it is not installed."""
    try:
        return importlib.metadata.version(HARNESS)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Packs to score, by name, and the reason for each that is not."""

    packs: Mapping[str, Mapping[str, Json]]
    skipped: Mapping[str, str]


def run_choice(work: Work, config: ChoiceConfig, models: Sequence[str]) -> str:
    """Score every pack with each of `models`, a task each; returns the name of the table's file.

    Raises:
        DataError: a pack's file is gone or has changed, or a row of it is wrong.
    """
    recorded = read_json(work.inputs["fetch"].file("packs.json").path)
    version = harness_version()
    plan = _plan(recorded, version)
    rows: list[Json] = []
    if plan.packs:
        from mapneo.evaluate.choice import score_choice

        tasks = [
            _task(work, name, pack, model, version)
            for name, pack in plan.packs.items()
            for model in models
        ]
        records = work.engine.map_shards(tasks, score_choice, config=config, pool="inline")
        rows = [dict(record.facts) for record in records]
    for name, reason in plan.skipped.items():
        work.progress.note(f"pack {name} is not scored: {reason}")
    terms = {
        name: {key: pack[key] for key in ("package", "version", "licence", "publish")}
        for name, pack in recorded.items()
    }
    write_json(
        work.output / CHOICE_NAME,
        {"rows": rows, "skipped": dict(plan.skipped), "packs": terms, "harness": version},
    )
    return CHOICE_NAME


def _plan(recorded: Mapping[str, Mapping[str, Json]], version: str | None) -> _Plan:
    skipped = {name: pack["skipped"] for name, pack in recorded.items() if pack["skipped"]}
    had = {name: pack for name, pack in recorded.items() if name not in skipped}
    if version is not None or not had:
        return _Plan(packs=had, skipped=skipped)
    reason = f"{HARNESS} is not installed: run `pip install 'mapneo[eval]'` and then this run again"
    return _Plan(packs={}, skipped={**skipped, **dict.fromkeys(had, reason)})


def _task(work: Work, name: str, pack: Mapping[str, Json], model: str, version: str | None) -> Task:
    questions = InputFile(
        path=Path(pack["absolute"]),
        relative=f"packs/{name}/{pack['file']}",
        sha256=pack["file_sha256"],
    )
    return Task(
        shard=f"choice-{model}.{name}",
        inputs=(
            questions,
            work.inputs["tokenizer"].file("tokenizer.model"),
            *work.inputs[model].files("model/*"),
        ),
        payload={
            "pack": name,
            "model": model,
            "language": pack["language"],
            "stands_for": pack["stands_for"],
            "rows": pack["rows"],
            "harness": version,
        },
    )
