"""Record a finished demo run: what each stage took and kept, and bits per byte beside baselines.

`python -m bench.demo runs/tiny` writes demo, bits_per_byte, policies, rounds, reward and choice
below bench/results/.
"""

import sys
from pathlib import Path
from typing import Any

from bench.result import record
from mapneo.core.files import read_json
from mapneo.pipeline import open_job, stages
from mapneo.runs import open_run


def stage_rows(run: Path) -> list[dict[str, Any]]:
    """A row per stage: documents in and kept, seconds, peak memory in units of 10^9 bytes."""
    finished = open_run(run).manifests
    order = [stage.name for stage in stages(open_job(run).recipe)]
    manifests = [finished[name] for name in order if name in finished]
    return [
        {
            "stage": manifest.stage,
            "documents_in": manifest.counts.documents_in,
            "kept": manifest.counts.kept,
            "seconds": manifest.seconds,
            "peak_memory_GB": round(manifest.peak_memory_bytes / 1e9, 2),
        }
        for manifest in manifests
    ]


def bits_rows(run: Path) -> list[dict[str, Any]]:
    """A row per language: bits per byte of every model and every baseline."""
    rows = read_json(run / "evaluate" / "bits_per_byte.json")["rows"]
    models = list(rows[0]["models"])
    return [
        {
            "language": row["language"],
            "documents": row["documents"],
            **{model: round(row["models"][model]["bits_per_byte"], 3) for model in models},
        }
        for row in rows
        if row["category"] == "all"
    ]


def policy_rows(run: Path) -> list[dict[str, Any]]:
    """A row per policy: held-out tasks solved greedily, and nats per token of the answers known."""
    answers = read_json(run / "answers" / "answers.json")
    losses = {row["policy"]: row["nats_per_token"] for row in answers["losses"] if _is_whole(row)}
    return [
        {
            "policy": row["policy"],
            "prompts": row["prompts"],
            **{name: row[name] for name in ("success", "content", "form")},
            "nats_per_token": losses[row["policy"]],
        }
        for row in answers["success"]
        if _is_whole(row)
    ]


def _is_whole(row: dict[str, Any]) -> bool:
    return {row["kind"], row["skill"], row["language"]} == {"all"}


def round_rows(run: Path) -> list[dict[str, Any]]:
    """A row per round of DPO, on sampled answers to held-out prompts."""
    rows: list[dict[str, Any]] = read_json(run / "answers" / "answers.json")["rounds"]
    return [{name: value for name, value in row.items() if name != "round"} for row in rows]


def reward_rows(run: Path) -> list[dict[str, Any]]:
    """The reward model's accuracy on held-out pairs, by group."""
    rows = read_json(run / "reward" / "reward.json")["rows"]
    return [
        {
            "group": row["group"],
            "value": row["value"],
            "pairs": row["pairs"],
            "accuracy": {"value": row["accuracy"], "low": row["low"], "high": row["high"]},
        }
        for row in rows
    ]


def choice_rows(run: Path) -> list[dict[str, Any]]:
    """A row per pack and model: multiple choice beside chance."""
    rows = read_json(run / "evaluate" / "choice.json")["rows"]
    return [
        {
            "pack": row["pack"],
            "model": row["model"],
            "items": row["items"],
            "too_long": row["too_long"],
            "accuracy": {"value": row["accuracy"], "low": row["low"], "high": row["high"]},
            "chance": row["chance"],
        }
        for row in rows
    ]


def main(run: Path) -> None:
    """Write all results."""
    command = f"mapneo run recipes/tiny.toml; python -m bench.demo {run}"
    record("demo", command=command, what="The demo, stage by stage.", rows=stage_rows(run))
    what = "Bits per byte on the demo's held-out text."
    record("bits_per_byte", command=command, what=what, rows=bits_rows(run))
    what = "Held-out tasks of the demo, policy by policy (95 % intervals)."
    record("policies", command=command, what=what, rows=policy_rows(run))
    what = "The demo's round of DPO beside the SFT model it started from."
    record("rounds", command=command, what=what, rows=round_rows(run))
    what = "The demo's reward model on held-out pairs."
    record("reward", command=command, what=what, rows=reward_rows(run))
    what = "Multiple choice, zero-shot, by letters, through lm-evaluation-harness."
    record("choice", command=command, what=what, rows=choice_rows(run))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
