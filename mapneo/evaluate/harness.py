"""Multiple choice through lm-evaluation-harness: items go in from memory, a result each comes out.

The harness builds the requests, asks the model and judges; no file, cache or network is involved.
"""

import functools
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import datasets
import lm_eval.api.task
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.tasks import TaskManager

from mapneo.evaluate.adapter import ModelAdapter
from mapneo.evaluate.items import Item
from mapneo.evaluate.prompts import Prompt

# The harness draws a bar of its own over ours and offers no switch for it.
lm_eval.api.task.tqdm = functools.partial(lm_eval.api.task.tqdm, disable=True)
logging.getLogger("lm_eval").setLevel(logging.ERROR)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model made of an item: log-probability of each letter, and the letter it prefers."""

    item_id: str
    correct: bool
    predicted: str
    answer: str
    log_probs: tuple[float, ...]
    context_sha256: str


def fitting(model: ModelAdapter, items: Sequence[Item], prompt: Prompt) -> list[Item]:
    """The items that the model can read whole."""
    return [
        item
        for item in items
        if model.fits((prompt.text(item), prompt.before_letter + item.letters[-1]))
    ]


def ask(model: ModelAdapter, name: str, items: Sequence[Item], prompt: Prompt) -> list[Answer]:
    """Put `items`, at least one, to the model as a task called `name`; answers in their order.

    Raises:
        DataError: an item does not fit into the model's context.
    """
    task = ConfigurableTask(config=_task_config(name, items, prompt))
    loaded = TaskManager(include_defaults=False).load([task])
    result = evaluate(model, loaded, bootstrap_iters=0, log_samples=True)
    samples = sorted(result["samples"][name], key=lambda sample: int(sample["doc_id"]))
    return [_answer(item, sample) for item, sample in zip(items, samples, strict=True)]


def _task_config(name: str, items: Sequence[Item], prompt: Prompt) -> dict[str, Any]:
    rows = [
        {"prompt": prompt.text(item), "letters": list(item.letters), "answer": item.answer}
        for item in items
    ]
    return {
        "task": name,
        "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(rows)},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "prompt",
        "doc_to_choice": "letters",
        "doc_to_target": "answer",
        "target_delimiter": prompt.before_letter,
        "num_fewshot": 0,
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }


def _answer(item: Item, sample: Mapping[str, Any]) -> Answer:
    log_probs = tuple(float(log_prob) for log_prob, _ in sample["filtered_resps"])
    context = sample["arguments"][0][0]
    return Answer(
        item_id=item.item_id,
        correct=bool(sample["acc"]),
        predicted=item.letters[log_probs.index(max(log_probs))],
        answer=item.letters[item.answer],
        log_probs=log_probs,
        context_sha256=hashlib.sha256(context.encode()).hexdigest(),
    )
