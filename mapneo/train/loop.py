"""The training loop: batch, loss, gradients, update; then metrics, held-out text, checkpoint."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from mapneo.core.errors import TrainingError
from mapneo.core.progress import Progress
from mapneo.model.transformer import Transformer
from mapneo.train.checkpoint import Checkpoints, TrainState, weights_sha256
from mapneo.train.config import TrainConfig
from mapneo.train.metrics import Metrics
from mapneo.train.objectives import Objective
from mapneo.train.optim import Optimizer, build_optimizer


class Batches(Protocol):
    """Where a run's batches come from: a pure function of the step."""

    skipped: tuple[int, ...]

    def batch(self, step: int) -> Tensor:
        """The batch of the `step`-th step (1-based)."""

    def documents(self, step: int) -> Sequence[str]:
        """Ids of the documents in that batch, for messages."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that the loop needs beside the model."""

    config: TrainConfig
    objective: Objective
    batches: Batches
    measure: Callable[[Transformer], Mapping[str, float]] | None
    """Held-out bits per byte by group; None measures nothing."""
    output: Path
    phase: int
    fingerprint: str
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What an update was like."""

    loss: float
    grad_norm: float
    targets: int


def run_job(job: Job, model: Transformer) -> TrainState:
    """Train `model` in place to the last step, from the newest checkpoint if there is one.

    The same job gives the same weights, bit by bit, however often it was interrupted.

    Raises:
        TrainingError: a loss or gradient is not finite; step and documents are named.
        StorageError: a checkpoint could not be written.
    """
    config = job.config
    optimizer = build_optimizer(model, config.optimizer)
    checkpoints = Checkpoints(
        job.output / "checkpoints",
        fingerprint=job.fingerprint,
        keep=config.keep_checkpoints,
        progress=job.progress,
    )
    state = checkpoints.restore(model, optimizer)
    done = 0 if state is None else state.step
    metrics = Metrics(job.output / "metrics.jsonl", last_step=done)
    job.progress.begin(config.steps, "steps")
    job.progress.advance(done)
    try:
        for step in range(done + 1, config.steps + 1):
            result = _timed_step(job, model, optimizer, step, metrics)
            if job.measure is not None and _due(step, config.heldout_every, config.steps):
                metrics.write({"step": step, "heldout": dict(job.measure(model))})
            if _due(step, config.checkpoint_every, config.steps):
                metrics.sync()
                state = _state(job, model, step, result)
                checkpoints.save(model, optimizer, state)
    finally:
        metrics.close()
    assert state is not None
    return state


def train_step(
    model: Transformer,
    optimizer: Optimizer,
    batch: Tensor,
    objective: Objective,
    config: TrainConfig,
) -> StepResult:
    """Compute the gradient of `batch` and update the weights, unless it is not finite."""
    optimizer.zero_grad()
    loss = accumulate_gradient(model, batch, objective, config.micro_batch)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    result = StepResult(loss=loss, grad_norm=float(norm), targets=objective.count(batch))
    if math.isfinite(result.loss) and math.isfinite(result.grad_norm):
        optimizer.step()
    return result


def accumulate_gradient(
    model: Transformer, batch: Tensor, objective: Objective, micro_batch: int
) -> float:
    """Add the gradient of the batch's mean loss to the weights'; returns that loss in nats.

    Each part is divided by the count of the whole batch, so the split changes rounding only.
    """
    count = objective.count(batch)
    total = 0.0
    for part in torch.split(batch, micro_batch):
        loss_sum = objective.loss_sum(model, part)
        (loss_sum / count).backward()  # type: ignore[no-untyped-call]
        total += loss_sum.item()
    return total / count


def _timed_step(
    job: Job, model: Transformer, optimizer: Optimizer, step: int, metrics: Metrics
) -> StepResult:
    started = time.perf_counter()
    rate = job.config.schedule.rate(step)
    optimizer.set_rate(rate)
    result = train_step(model, optimizer, job.batches.batch(step), job.objective, job.config)
    _check_finite(job, step, result)
    seconds = time.perf_counter() - started
    metrics.write(
        {
            "step": step,
            "phase": job.phase,
            "tokens": step * result.targets,
            "loss": result.loss,
            "loss_hex": result.loss.hex(),
            "learning_rate": rate,
            "grad_norm": result.grad_norm,
            "tokens_per_s": round(result.targets / seconds, 1),
            "seconds": round(seconds, 4),
        }
    )
    job.progress.advance(1, loss=result.loss, tokens_per_s=result.targets / seconds)
    return result


def _check_finite(job: Job, step: int, result: StepResult) -> None:
    if math.isfinite(result.loss) and math.isfinite(result.grad_norm):
        return
    documents = job.batches.documents(step)
    shown = ", ".join(documents[:8]) + (" …" if len(documents) > 8 else "")
    raise TrainingError(
        f"step {step}: loss {result.loss}, gradient norm {result.grad_norm}; the weights were not "
        f"updated. The batch holds {len(documents)} documents: {shown}. "
        "Lower the learning rate, or look at these documents"
    )


def _state(job: Job, model: Transformer, step: int, result: StepResult) -> TrainState:
    return TrainState(
        step=step,
        samples=step * job.config.windows,
        skipped=job.batches.skipped,
        fingerprint=job.fingerprint,
        loss_hex=result.loss.hex(),
        weights_sha256=weights_sha256(model),
    )


def _due(step: int, every: int, last: int) -> bool:
    return step % every == 0 or step == last
