"""What is being minimised. An objective says how much a batch counts and what its loss sums to.

The loop divides by the count of the whole batch, so the split into micro-batches does not matter.
Shapes: B windows, T tokens, C hidden, V rows of the vocabulary, N = B * T targets.
"""

from typing import Any, Protocol

import torch
from torch import Tensor

from mapneo.model.transformer import Transformer

CHUNK_TARGETS = 1024
"""Targets whose logits exist at one time: 1024 × 8192 float32 are 32 MB."""


class Objective(Protocol):
    """One way to turn a batch into a loss."""

    def count(self, batch: Tensor) -> int:
        """How many terms the loss of `batch` has."""

    def loss_sum(self, model: Transformer, batch: Tensor) -> Tensor:
        """Sum of the loss terms in nats, a float32 scalar to differentiate."""


class NextToken:
    """Every token but the first of a window is predicted from those before it."""

    def count(self, batch: Tensor) -> int:
        """Targets of ids (B, T + 1): B * T."""
        return batch.shape[0] * (batch.shape[1] - 1)

    def loss_sum(self, model: Transformer, batch: Tensor) -> Tensor:
        """Sum of -log p(token | window so far) over ids (B, T + 1)."""
        hidden = model.hidden_states(batch[:, :-1])
        return cross_entropy_sum(hidden.flatten(0, 1), model.head.weight, batch[:, 1:].reshape(-1))


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
