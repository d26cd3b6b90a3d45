"""What is being minimised. An objective says how much a batch counts and what its loss sums to.

The loop divides by the count of the whole batch, so the split into micro-batches does not matter.
Shapes: B rows, T tokens, C hidden, V rows of the vocabulary, N = B * T targets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mapneo.model.transformer import Decoder, Transformer

CHUNK_TARGETS = 1024
"""Targets whose logits exist at one time: 1024 × 8192 float32 are 32 MB."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a part of a batch adds up to."""

    loss: Tensor
    """Sum of the loss terms in nats, a float32 scalar to differentiate."""
    sums: Mapping[str, float] = field(default_factory=dict)
    """Other sums over the same terms; the metrics show each divided by the count."""


M = TypeVar("M", bound=Decoder, contravariant=True)
B = TypeVar("B", contravariant=True)


class Objective(Protocol[M, B]):
    """One way to turn a batch into a loss.

    A batch is a tensor or a frozen dataclass of tensors, whose first axis is the rows that may be
    computed apart.
    """

    def count(self, batch: B) -> int:
        """How many terms the loss of `batch` has."""

    def tokens(self, batch: B) -> int:
        """How many tokens the model reads, padding left out: for rates and budgets."""

    def terms(self, model: M, batch: B) -> Terms:
        """The loss terms of `batch`, summed."""


class NextToken:
    """Every token but the first of a window is predicted from those before it."""

    def count(self, batch: Tensor) -> int:
        """Targets of ids (B, T + 1): B * T."""
        return batch.shape[0] * (batch.shape[1] - 1)

    def tokens(self, batch: Tensor) -> int:
        """As many as targets."""
        return self.count(batch)

    def terms(self, model: Transformer, batch: Tensor) -> Terms:
        """-log p(token | window so far) over ids (B, T + 1)."""
        hidden = model.hidden_states(batch[:, :-1]).flatten(0, 1)
        return Terms(loss=cross_entropy_sum(hidden, model.head.weight, batch[:, 1:].reshape(-1)))


@dataclass(frozen=True, kw_only=True)
class PackedRows:
    """Rows that several texts share."""

    tokens: Tensor
    """Ids (B, T + 1) int64."""
    segments: Tensor
    """Which text of the row a token belongs to (B, T + 1) int64; -1 is padding."""
    scored: Tensor
    """Whether a token is a target (B, T + 1) bool; never the first of a text."""


class MaskedNextToken:
    """The scored tokens of packed texts are predicted, each from its own text only."""

    def count(self, batch: PackedRows) -> int:
        """Number of scored tokens."""
        return int(batch.scored.sum())

    def tokens(self, batch: PackedRows) -> int:
        """All tokens but padding."""
        return int((batch.segments >= 0).sum())

    def terms(self, model: Transformer, batch: PackedRows) -> Terms:
        """-log p(token | its text so far) over the scored tokens; other logits are not computed."""
        hidden = model.hidden_states(batch.tokens[:, :-1], segments=batch.segments[:, :-1])
        scored = batch.scored[:, 1:]
        targets = batch.tokens[:, 1:][scored]
        return Terms(loss=cross_entropy_sum(hidden[scored], model.head.weight, targets))


def cross_entropy_sum(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Sum of -log softmax(hidden @ weight.T)[target], float32, logits never whole in memory.

    Shapes: hidden (N, C), weight (V, C) float32, targets (N,) int64.
    """
    total: Tensor = _ChunkedCrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return total


def token_nats(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """-log p of each target (N,) float32; arguments as in `cross_entropy_sum`, no gradient."""
    weight_here = weight.to(hidden.dtype)
    chunks = zip(
        torch.split(hidden, CHUNK_TARGETS), torch.split(targets, CHUNK_TARGETS), strict=True
    )
    return torch.cat([_softmax_and_nats(rows @ weight_here.T, each)[1] for rows, each in chunks])


def target_nats(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """`token_nats` to differentiate: for objectives that weigh each sequence's sum by its own.

    Logits exist for one chunk at a time and are computed again in the backward pass.
    """
    chunks = zip(
        torch.split(hidden, CHUNK_TARGETS), torch.split(targets, CHUNK_TARGETS), strict=True
    )
    return torch.cat(
        [checkpoint(_nats, rows, weight, each, use_reentrant=False) for rows, each in chunks]
    )


def _nats(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    logits = hidden @ weight.to(hidden.dtype).T
    return F.cross_entropy(logits.float(), targets, reduction="none")


def _softmax_and_nats(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax (N, V) and -log p of the targets (N,), both float32.

    log of the sum is read off the largest probability, which can't underflow; that saves a second
    pass of exponentials, the dearest part after the matrix products.
    """
    probabilities = torch.softmax(logits, dim=-1, dtype=torch.float32)
    log_sum = logits.amax(-1).float() - probabilities.amax(-1).log()
    return probabilities, log_sum - logits.gather(1, targets[:, None]).squeeze(1).float()


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Loss and gradients chunk by chunk in the forward pass, so no logits are kept or redone."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        weight_here = weight.to(hidden.dtype)
        d_hidden = torch.empty_like(hidden)
        d_weight = torch.zeros_like(weight, dtype=torch.float32)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(hidden), CHUNK_TARGETS):
            rows = slice(start, start + CHUNK_TARGETS)
            wanted = targets[rows]
            d_logits, nats = _softmax_and_nats(hidden[rows] @ weight_here.T, wanted)
            total += nats.sum()
            d_logits[torch.arange(len(wanted)), wanted] -= 1.0
            d_logits = d_logits.to(hidden.dtype)
            torch.mm(d_logits, weight_here, out=d_hidden[rows])
            d_weight += d_logits.T @ hidden[rows]
        ctx.save_for_backward(d_hidden, d_weight)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        d_hidden, d_weight = ctx.saved_tensors
        (scale,) = gradients
        return d_hidden * scale.to(d_hidden.dtype), d_weight * scale, None
