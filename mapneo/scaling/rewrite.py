"""A chosen N and D written into a recipe: shape, steps, batch, learning rate; comments stay."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.model.config import ModelShape
from mapneo.scaling.points import FLOPS_PER_PARAMETER_AND_TOKEN, Counts
from mapneo.scaling.shapes import batch_tokens, count_parameters, peak_rate, shape_near

_PHASES = ("pretrain_1", "pretrain_2")
_RATES = ("peak", "floor", "warmup_start")
_STEPS = ("warmup_steps", "end_step", "half_life_steps")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A model and its training."""

    parameters: float
    tokens: float
    counts: Counts
    """What `parameters` counts."""
    origin: str
    """Where the numbers come from, for the comment on top."""


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """A recipe's new text, and what was chosen in whole layers, windows and steps."""

    text: str
    chosen: dict[str, Json]


def rewrite(text: str, choice: Choice, *, where: str) -> Rewritten:
    """Set architecture, steps, windows and rates of a recipe's pre-training to a choice.

    Tokens are split over the phases as they were. Schedules keep their form: rates scale with the
    new peak, numbers of steps with the new steps. Batch and peak follow `batch_tokens` and
    `peak_rate`, the batch in whole windows that are a multiple of the micro batch.

    Raises:
        ConfigError: the recipe is not TOML, or lacks the tables that are to be changed.
    """
    try:
        document: Any = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"{where} is not valid TOML: {error}") from error
    missing = [name for name in ("mix", *_PHASES) if name not in document]
    if missing or len(document["mix"].get("phases", ())) != len(_PHASES):
        raise ConfigError(
            f"{where} is no recipe with two phases of pre-training: it lacks "
            f"{', '.join(missing) or 'mix.phases'}"
        )
    seq_len = int(document["mix"].get("seq_len", 256))
    shape = _shape(document, choice)
    compute = FLOPS_PER_PARAMETER_AND_TOKEN * choice.parameters * choice.tokens
    micro = min(int(document[name]["micro_batch"]) for name in _PHASES)
    windows = whole_windows(batch_tokens(compute) / seq_len, micro)
    micro = min(micro, windows)
    before = [int(phase["windows"]) for phase in document["mix"]["phases"]]
    peak, old_peak = peak_rate(compute), float(document["pretrain_1"]["schedule"]["peak"])
    steps = [
        max(1, round(choice.tokens * part / sum(before) / (windows * seq_len))) for part in before
    ]
    document["pretrain_1"]["model"] = _inline(shape.model_dump(exclude_defaults=True))
    for number, name in enumerate(_PHASES):
        table = document[name]
        stretch = steps[number] / int(table["steps"])
        table["steps"], table["windows"], table["micro_batch"] = steps[number], windows, micro
        for key in ("checkpoint_every", "heldout_every"):
            if key in table:
                table[key] = max(1, round(int(table[key]) * stretch))
        _rescale(table["schedule"], peak / old_peak, stretch)
        document["mix"]["phases"][number]["windows"] = steps[number] * windows
    tokens = sum(steps) * windows * seq_len
    chosen = {
        "parameters_without_embeddings": count_parameters(shape, None),
        "tokens": tokens,
        "steps": steps,
        "windows": windows,
        "batch_tokens": windows * seq_len,
        "peak": float(f"{peak:.3g}"),
        "model": shape.model_dump(),
    }
    return Rewritten(text=f"# {choice.origin}\n{tomlkit.dumps(document)}", chosen=chosen)


def whole_windows(windows: float, micro_batch: int) -> int:
    """Windows of a batch: the nearest multiple of `micro_batch`, or fewer than one as they are."""
    if windows < micro_batch:
        return max(1, round(windows))
    return micro_batch * max(1, round(windows / micro_batch))


def _shape(document: Any, choice: Choice) -> ModelShape:
    old = document["pretrain_1"].get("model", {})
    vocabulary = document.get("tokenizer", {}).get("vocabulary")
    if choice.counts == "with embeddings" and vocabulary is None:
        raise ConfigError(
            "the points count parameters with embeddings, so the recipe must state "
            "tokenizer.vocabulary"
        )
    return shape_near(
        choice.parameters,
        vocabulary=int(vocabulary) if choice.counts == "with embeddings" else None,
        tied=bool(old.get("tied", False)),
        init_std=float(old.get("init_std", 0.02)),
    )


def _inline(values: dict[str, Json]) -> Any:
    table = tomlkit.inline_table()
    table.update(values)
    return table


def _rescale(schedule: MutableMapping[str, Any], rate: float, stretch: float) -> None:
    for key in _RATES:
        if key in schedule:
            schedule[key] = float(f"{float(schedule[key]) * rate:.3g}")
    for key in _STEPS:
        if key in schedule:
            schedule[key] = max(1, round(float(schedule[key]) * stretch))
