"""Puts all policies' answers together: tables, rounds, floors, and answers side by side."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mapneo.align.answers import GREEDY
from mapneo.align.answers_floors import alignment_floors
from mapneo.align.answers_table import Answers, loss_rows, round_rows, success_rows
from mapneo.align.build import share_of
from mapneo.align.config import AnswersConfig
from mapneo.align.conversations import Conversation, read_conversations
from mapneo.core.canonical import Json
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.files import read_json, write_json
from mapneo.core.tables import read_table
from mapneo.evaluate.floors import Resampling

TABLE_NAME = "answers.json"
FLOORS_NAME = "floors.json"
SAMPLES_NAME = "samples.json"


def summary_task(task: Task, config: AnswersConfig, output: Path) -> ShardOutcome:
    """Write `answers.json`, `floors.json` and `samples.json`."""
    named = {file.relative: file.path for file in task.inputs}
    heldout = read_conversations(named["heldout.parquet"])
    policies: list[str] = task.payload["policies"]
    responses = {name: read_table(named[f"responses/{name}.parquet"]) for name in policies}
    answers = Answers(
        heldout,
        {name: table.to_pylist() for name, table in responses.items()},
        {name: read_table(named[f"losses/{name}.parquet"]).to_pylist() for name in policies},
    )
    resampling = Resampling(seed=task.payload["seed"], resamples=config.resamples)
    rounds = [name for name in policies if name == "sft_2" or name.startswith("dpo_")]
    overall = [row for row in read_json(named["reward.json"])["rows"] if row["group"] == "all"]
    floors = alignment_floors(
        answers,
        overall[0] if overall else None,
        resampling,
        max_length_ratio=config.max_length_ratio,
    )
    write_json(
        output / TABLE_NAME,
        {
            "policies": policies,
            "success": success_rows(answers, resampling),
            "losses": loss_rows(answers, resampling),
            "rounds": round_rows(answers, rounds, resampling),
        },
    )
    write_json(output / FLOORS_NAME, {"floors": [asdict(floor) for floor in floors]})
    rows = {name: table.to_pylist() for name, table in responses.items()}
    write_json(output / SAMPLES_NAME, {"rows": side_by_side(heldout, rows, config.shown)})
    missed = [floor for floor in floors if floor.kind == "floor" and not floor.passed]
    return ShardOutcome(
        files=(TABLE_NAME, FLOORS_NAME, SAMPLES_NAME),
        facts={
            "floors_passed": not missed,
            "missed": [floor.sentence for floor in missed],
        },
    )


def side_by_side(
    heldout: Sequence[Conversation],
    responses: Mapping[str, Sequence[Mapping[str, Any]]],
    shown: int,
) -> list[dict[str, Json]]:
    """A few held-out prompts of each skill and language with every policy's greedy answer.

    Drawn by a hash of their ids, not by how the answers look; only material that may be shown.
    """
    greedy = {
        (name, row["conversation_id"]): row
        for name, rows in responses.items()
        for row in rows
        if row["sample"] == GREEDY
    }
    groups: dict[tuple[str, str, str], list[Conversation]] = defaultdict(list)
    for each in sorted(heldout, key=lambda each: share_of(each.conversation_id)):
        group = groups[each.skill, each.language, each.kind]
        everywhere = all((name, each.conversation_id) in greedy for name in responses)
        if each.publish == "text" and everywhere and len(group) < shown:
            group.append(each)
    return [
        {
            "conversation_id": each.conversation_id,
            "kind": each.kind,
            "skill": each.skill,
            "language": each.language,
            "source": each.source,
            "prompt": [asdict(message) for message in each.prompt],
            "reference": each.answer,
            "answers": [_answer(name, greedy[name, each.conversation_id]) for name in responses],
        }
        for _, group in sorted(groups.items())
        for each in group
    ]


def _answer(policy: str, row: Mapping[str, Any]) -> dict[str, Json]:
    solved = None if row["content"] is None else bool(row["content"] and row["form"])
    return {"policy": policy, "response": row["response"], "success": solved}
