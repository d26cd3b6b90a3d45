"""What SFT, reward and DPO stages share: the policy they start from, the loop, the facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch

from mapneo.align.config import TuneConfig
from mapneo.align.template import ChatTemplate
from mapneo.core.canonical import Json
from mapneo.core.stage import Artifact, Work
from mapneo.model.config import parameters
from mapneo.model.exchange import load_model
from mapneo.model.transformer import Decoder, Transformer
from mapneo.tokenizer import Tokenizer
from mapneo.tokenizer.tokenizer import MODEL_NAME
from mapneo.train.checkpoint import TrainState
from mapneo.train.loop import Batches, Job, run_job
from mapneo.train.machine import compute_dtype, keep_freed_memory, use_threads
from mapneo.train.metrics import read_metrics
from mapneo.train.objectives import Objective

M = TypeVar("M", bound=Decoder)
B = TypeVar("B")

METRICS_NAME = "metrics.jsonl"


@dataclass(frozen=True, kw_only=True)
class Tuning(Generic[M, B]):
    """One fine-tuning run; see `mapneo.train.loop.Job` for the fields."""

    config: TuneConfig
    steps: int
    objective: Objective[M, B]
    batches: Batches[B]
    measure: Callable[[M], Mapping[str, float]] | None


def tune(work: Work, tuning: Tuning[M, B], model: M) -> TrainState:
    """Train `model` in place, from the newest checkpoint if there is one."""
    job = Job(
        config=tuning.config.training(tuning.steps),
        objective=tuning.objective,
        batches=tuning.batches,
        measure=tuning.measure,
        output=work.output,
        fingerprint=work.fingerprint,
        progress=work.progress,
    )
    return run_job(job, model)


def prepare(model: M, config: TuneConfig) -> M:
    """Set up processor and arithmetic for training."""
    use_threads(config.threads)
    keep_freed_memory()
    model.compute_dtype = compute_dtype(config.precision)
    return model


def load_policy(artifact: Artifact) -> Transformer:
    """The language model that a stage left."""
    return load_model(artifact.directory / "model")


def load_template(tokenizer: Artifact) -> ChatTemplate:
    """The chat template with the run's tokenizer."""
    return ChatTemplate(Tokenizer.load(tokenizer.file(MODEL_NAME).path))


def tuning_facts(output: Path, model: Decoder, state: TrainState) -> dict[str, Json]:
    """Facts that every fine-tuning stage records."""
    lines = read_metrics(output / METRICS_NAME)
    steps = [line for line in lines if "loss" in line]
    heldout = [line["heldout"] for line in lines if "heldout" in line]
    return {
        "parameters": parameters(model.config),
        "steps": state.step,
        "tokens": state.tokens,
        "loss_first": steps[0]["loss"],
        "loss": steps[-1]["loss"],
        "loss_hex": state.loss_hex,
        "weights_sha256": state.weights_sha256,
        "threads": torch.get_num_threads(),
        "precision": str(model.compute_dtype).removeprefix("torch."),
        "heldout_first": heldout[0] if heldout else {},
        "heldout_last": heldout[-1] if heldout else {},
        "tokens_per_s": round(state.tokens / sum(line["seconds"] for line in steps), 1),
    }
