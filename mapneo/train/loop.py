"""The training loop: batch, loss, gradients, update; then metrics, held-out text, checkpoint."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from mapneo.core.canonical import Json
from mapneo.core.errors import TrainingError
from mapneo.core.progress import Progress
from mapneo.model.transformer import Decoder
from mapneo.train.checkpoint import Checkpoints, TrainState, weights_sha256
from mapneo.train.config import TrainConfig
from mapneo.train.metrics import Metrics
from mapneo.train.objectives import Objective
from mapneo.train.optim import Optimizer, build_optimizer

M = TypeVar("M", bound=Decoder)
B = TypeVar("B")
B_co = TypeVar("B_co", covariant=True)


class Batches(Protocol[B_co]):
    """Where a run's batches come from: a pure function of the step."""

    @property
    def skipped(self) -> tuple[int, ...]:
        """Positions that the run leaves out."""

    def batch(self, step: int) -> B_co:
        """The batch of the `step`-th step (1-based)."""

    def documents(self, step: int) -> Sequence[str]:
        """Ids of the documents in that batch, for messages."""


@dataclass(frozen=True, kw_only=True)
class Job(Generic[M, B]):
    """All that the loop needs beside the model."""

    config: TrainConfig
    objective: Objective[M, B]
    batches: Batches[B]
    measure: Callable[[M], Mapping[str, float]] | None
    """Numbers on held-out material, by name; None measures nothing."""
    output: Path
    fingerprint: str
    progress: Progress
    labels: Mapping[str, Json] = field(default_factory=dict)
    """Written into every step's line of the metrics."""


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What an update was like."""

    loss: float
    grad_norm: float
    targets: int
    tokens: int
    means: Mapping[str, float] = field(default_factory=dict)
    """Other numbers of the objective, per target."""


def run_job(job: Job[M, B], model: M) -> TrainState:
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
    done, tokens = (0, 0) if state is None else (state.step, state.tokens)
    metrics = Metrics(job.output / "metrics.jsonl", last_step=done)
    job.progress.begin(config.steps, "steps")
    job.progress.advance(done)
    try:
        for step in range(done + 1, config.steps + 1):
            result = _timed_step(job, model, optimizer, step, metrics, tokens)
            tokens += result.tokens
            if job.measure is not None and _due(step, config.heldout_every, config.steps):
                metrics.write({"step": step, "heldout": dict(job.measure(model))})
            if _due(step, config.checkpoint_every, config.steps):
                metrics.sync()
                state = _state(job, model, step, tokens, result)
                checkpoints.save(model, optimizer, state)
    finally:
        metrics.close()
    assert state is not None
    return state


def train_step(
    model: M,
    optimizer: Optimizer,
    batch: B,
    objective: Objective[M, B],
    config: TrainConfig,
) -> StepResult:
    """Compute the gradient of `batch` and update the weights, unless it is not finite."""
    optimizer.zero_grad()
    loss, means = accumulate_gradient(model, batch, objective, config.micro_batch)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    result = StepResult(
        loss=loss,
        grad_norm=float(norm),
        targets=objective.count(batch),
        tokens=objective.tokens(batch),
        means=means,
    )
    if math.isfinite(result.loss) and math.isfinite(result.grad_norm):
        optimizer.step()
    return result


def accumulate_gradient(
    model: M, batch: B, objective: Objective[M, B], micro_batch: int
) -> tuple[float, dict[str, float]]:
    """Add the gradient of the batch's mean loss to the weights'.

    Each part is divided by the count of the whole batch, so the split changes rounding only.

    Returns:
        That loss in nats, and the objective's other numbers per term.
    """
    count = objective.count(batch)
    total = 0.0
    sums: dict[str, float] = {}
    for part in split_rows(batch, micro_batch):
        terms = objective.terms(model, part)
        (terms.loss / count).backward()  # type: ignore[no-untyped-call]
        total += terms.loss.item()
        for name, value in terms.sums.items():
            sums[name] = sums.get(name, 0.0) + value
    return total / count, {name: value / count for name, value in sums.items()}


def split_rows(batch: B, rows: int) -> list[B]:
    """A tensor, or a dataclass of tensors, cut along the first axis into parts of `rows`."""
    if isinstance(batch, Tensor):
        return list(torch.split(batch, rows))  # type: ignore[arg-type]
    assert is_dataclass(batch)
    names = [each.name for each in fields(batch)]
    columns = [torch.split(getattr(batch, name), rows) for name in names]
    kind: Any = type(batch)
    return [kind(**dict(zip(names, parts, strict=True))) for parts in zip(*columns, strict=True)]


def _timed_step(
    job: Job[M, B],
    model: M,
    optimizer: Optimizer,
    step: int,
    metrics: Metrics,
    tokens_before: int,
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
            **job.labels,
            "tokens": tokens_before + result.tokens,
            "loss": result.loss,
            "loss_hex": result.loss.hex(),
            "learning_rate": rate,
            "grad_norm": result.grad_norm,
            "tokens_per_s": round(result.tokens / seconds, 1),
            "seconds": round(seconds, 4),
            **result.means,
        }
    )
    job.progress.advance(1, loss=result.loss, tokens_per_s=result.tokens / seconds)
    return result


def _check_finite(job: Job[M, B], step: int, result: StepResult) -> None:
    if math.isfinite(result.loss) and math.isfinite(result.grad_norm):
        return
    documents = job.batches.documents(step)
    shown = ", ".join(documents[:8]) + (" …" if len(documents) > 8 else "")
    raise TrainingError(
        f"step {step}: loss {result.loss}, gradient norm {result.grad_norm}; the weights were not "
        f"updated. The batch holds {len(documents)} documents: {shown}. "
        "Lower the learning rate, or look at these documents"
    )


def _state(job: Job[M, B], model: M, step: int, tokens: int, result: StepResult) -> TrainState:
    return TrainState(
        step=step,
        tokens=tokens,
        samples=step * job.config.windows,
        skipped=job.batches.skipped,
        fingerprint=job.fingerprint,
        loss_hex=result.loss.hex(),
        weights_sha256=weights_sha256(model),
    )


def _due(step: int, every: int, last: int) -> bool:
    return step % every == 0 or step == last
