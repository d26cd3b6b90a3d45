"""Next-token training on a phase of a mix: joins order, token files, held-out text and loop.

quotas.json + seed ──> Order ──> windows of a step ──> TokenWindows ──> ids (B, seq_len + 1)
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor

from mapneo.core.canonical import digest
from mapneo.core.errors import ConfigError
from mapneo.core.progress import Progress, QuietProgress
from mapneo.mix import Quotas
from mapneo.model.config import ModelConfig, ModelShape
from mapneo.model.transformer import Transformer
from mapneo.train.checkpoint import TrainState, weights_sha256
from mapneo.train.config import TrainConfig
from mapneo.train.data import TokenWindows
from mapneo.train.documents import documents_within, read_heldout
from mapneo.train.heldout import bits_per_byte, document_nats
from mapneo.train.loop import Job, run_job
from mapneo.train.machine import compute_dtype, keep_freed_memory, use_threads
from mapneo.train.objectives import NextToken
from mapneo.train.windows import Order, Window, step_samples


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """What a pre-training run reads, how it trains, and where it writes."""

    quotas: Quotas
    tokens: Path
    """Folder of the encode artifact: token files, index, held-out files."""
    output: Path
    config: TrainConfig
    phase: int = 1
    fingerprint: str = ""
    """Names settings and data: checkpoints with another one are not used. Empty: made from the
    settings, the quotas and the weights at the start."""
    progress: Progress = field(default_factory=QuietProgress)


def new_model(shape: ModelShape, quotas: Quotas) -> Transformer:
    """A model of `shape` for the quotas' vocabulary and window length, drawn from their seed."""
    model = Transformer(
        ModelConfig.of(shape, vocabulary=quotas.vocabulary, context_tokens=quotas.seq_len)
    )
    model.draw_weights(quotas.seed)
    return model


def train(run: Pretraining, model: Transformer) -> TrainState:
    """Train `model` in place on one phase; writes `metrics.jsonl` and `checkpoints/`.

    Called again after an interruption, with the same arguments, it goes on where it stopped.

    Raises:
        ConfigError: steps times windows is not what the mix gives the phase, or the model does
            not fit the data.
        TrainingError: the loss is not finite.
    """
    order = Order(run.quotas, run.phase)
    _check_sizes(run, order, model)
    use_threads(run.config.threads)
    keep_freed_memory()
    model.compute_dtype = compute_dtype(run.config.precision)
    job = Job(
        config=run.config,
        objective=NextToken(),
        batches=WindowBatches(run.tokens, order, run.config.windows),
        measure=_heldout_measure(run),
        output=run.output,
        labels={"phase": run.phase},
        fingerprint=run.fingerprint or _fingerprint(run, model),
        progress=run.progress,
    )
    return run_job(job, model)


class WindowBatches:
    """The windows of each step, for one rank of a world."""

    def __init__(
        self, root: Path, order: Order, windows: int, *, rank: int = 0, world: int = 1
    ) -> None:
        """`windows` is the batch over all ranks; token files lie below `root`."""
        self._root = root
        self._order = order
        self._tokens = TokenWindows(root, order)
        self._windows = windows
        self._rank = rank
        self._world = world

    @property
    def skipped(self) -> tuple[int, ...]:
        """Positions of the phase that the run leaves out."""
        return self._order.skipped

    def batch(self, step: int) -> Tensor:
        """This rank's token ids (windows / world, seq_len + 1) int64 of a step (1-based)."""
        return self._tokens.batch(self._located(step))

    def documents(self, step: int) -> list[str]:
        """Ids of the documents in this rank's part of a step."""
        extents = [e for window in self._located(step) for e in self._tokens.extents(window)]
        return documents_within(self._root, extents)

    def _located(self, step: int) -> list[Window]:
        samples = step_samples(step, self._windows, rank=self._rank, world=self._world)
        return self._order.locate_many(samples)


def _heldout_measure(run: Pretraining) -> Callable[[Transformer], Mapping[str, float]] | None:
    if not run.config.heldout_max_bytes:
        return None
    documents = read_heldout(run.tokens, run.quotas.token_bytes, run.config.heldout_max_bytes)
    eod = run.quotas.eod
    return lambda model: bits_per_byte(documents, document_nats(model, documents, eod=eod))


def _check_sizes(run: Pretraining, order: Order, model: Transformer) -> None:
    steps, windows = run.config.steps, run.config.windows
    if steps * windows != order.samples:
        raise ConfigError(
            f"phase {run.phase}: {steps} steps of {windows} windows are {steps * windows}, but "
            f"the mix gives the phase {order.samples} windows; set the mix's windows to "
            f"{steps * windows} or steps to {order.samples / windows:g}"
        )
    if windows % run.config.micro_batch:
        raise ConfigError(
            f"windows {windows} is not a multiple of micro_batch {run.config.micro_batch}"
        )
    if model.config.vocabulary < run.quotas.vocabulary:
        raise ConfigError(
            f"the model has {model.config.vocabulary} vocabulary rows, the token files use "
            f"{run.quotas.vocabulary} ids: use the tokenizer that the model was trained with"
        )
    if model.config.context_tokens < run.quotas.seq_len:
        raise ConfigError(
            f"the model's context is {model.config.context_tokens} tokens, the mix's windows are "
            f"{run.quotas.seq_len}"
        )


def _fingerprint(run: Pretraining, model: Transformer) -> str:
    return digest(
        [
            run.config.model_dump(mode="json"),
            asdict(run.quotas),
            run.phase,
            weights_sha256(model),
        ]
    )
