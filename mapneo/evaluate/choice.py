"""One piece of the multiple-choice evaluation: a model, a pack, a row of the table.

Imported when the stage runs and the harness is installed, not before.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import pyarrow as pa

from mapneo.core.canonical import Json
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.errors import DataError
from mapneo.core.stage import InputFile
from mapneo.core.tables import write_table
from mapneo.evaluate.adapter import ModelAdapter
from mapneo.evaluate.config import ChoiceConfig
from mapneo.evaluate.harness import Answer, ask, fitting
from mapneo.evaluate.items import Item, Items, read_items
from mapneo.evaluate.prompts import FLAVOUR, PROMPTS
from mapneo.evaluate.statistics import proportion_interval
from mapneo.model.exchange import load_model
from mapneo.sources.packs import ItemRows
from mapneo.tokenizer.tokenizer import Tokenizer

ANSWER_SCHEMA = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("correct", pa.bool_(), nullable=False),
        pa.field("predicted", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("log_probs", pa.list_(pa.float64()), nullable=False),
        pa.field("context_sha256", pa.string(), nullable=False),
    ]
)
"""An item as a model answered it; no text of it, so it may be kept whatever the pack's terms."""


def score_choice(task: Task, config: ChoiceConfig, output: Path) -> ShardOutcome:
    """Put a pack's items to a model; the facts are the row of `choice.json`.

    Raises:
        DataError: the pack's file is gone or has changed, or a row of it is wrong.
    """
    pack = task.payload["pack"]
    found = _items(task).capped(config.choice_items)
    name, prompt = f"{pack}_{FLAVOUR}", PROMPTS[task.payload["language"]]
    tokenizer = Tokenizer.load(_input(task, "tokenizer.model").path)
    model = load_model(_input(task, "model/config.json").path.parent)
    adapter = ModelAdapter(model, tokenizer, eod=tokenizer.eod)
    asked = fitting(adapter, found.items, prompt)
    answers = ask(adapter, name, asked, prompt) if asked else []
    file = f"choice/{task.payload['model']}.{pack}.parquet"
    write_table(output / file, answer_table(answers))
    row = {
        "pack": pack,
        "task": name,
        "language": task.payload["language"],
        "stands_for": task.payload["stands_for"],
        "model": task.payload["model"],
        **_score(found, asked, answers),
    }
    return ShardOutcome(files=(file,), facts=row)


def answer_table(answers: Sequence[Answer]) -> pa.Table:
    """Rows of `choice/<model>.<pack>.parquet`."""
    rows = [{field.name: getattr(row, field.name) for field in fields(row)} for row in answers]
    return pa.Table.from_pylist(rows, schema=ANSWER_SCHEMA)


def chance(items: Sequence[Item]) -> float:
    """Share of right answers to expect from guessing among the options of each item."""
    return sum(1 / len(item.options) for item in items) / len(items)


def _score(found: Items, asked: Sequence[Item], answers: Sequence[Answer]) -> dict[str, Json]:
    correct = sum(answer.correct for answer in answers)
    counts = {
        "rows": found.rows,
        "items": len(answers),
        "too_long": len(found.items) - len(asked),
        "dropped": dict(sorted(found.dropped.items())),
        "correct": correct,
        "predicted": dict(sorted(Counter(answer.predicted for answer in answers).items())),
    }
    if not answers:
        nothing = dict.fromkeys(("accuracy", "low", "high", "chance"))
        return {**counts, **nothing, "above_chance": False}
    share = proportion_interval(correct, len(answers))
    guessing = chance(asked)
    numbers = asdict(share)
    return {
        **counts,
        "accuracy": numbers.pop("value"),
        **numbers,
        "chance": guessing,
        "above_chance": share.low > guessing,
    }


def _items(task: Task) -> Items:
    file = _input(task, "packs/")
    data = _untouched(task.payload["pack"], file)
    how = ItemRows.model_validate(task.payload["rows"])
    return read_items(task.payload["pack"], Path(file.relative).name, data, how)


def _untouched(pack: str, file: InputFile) -> bytes:
    """The bytes of a pack's file, which lies in the cache and not in the run."""
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise DataError(
            f"pack {pack}: {file.path} was there at fetch and can't be read now "
            f"({error.strerror}); run `mapneo fetch {pack}` and then this run again"
        ) from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise DataError(
            f"pack {pack}: {file.path} has changed since fetch; remove it, run "
            f"`mapneo fetch {pack}` and then this run again"
        )
    return data


def _input(task: Task, prefix: str) -> InputFile:
    return next(file for file in task.inputs if file.relative.startswith(prefix))
