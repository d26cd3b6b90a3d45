"""Log-probability of given continuations of given contexts, in batches of like length.

Requests that need the same ids in the model, such as the letters A to D after one question, share
one row: a model reads a question once, however many options it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mapneo.core.errors import DataError
from mapneo.model.transformer import Transformer

BATCH_TOKENS = 8192

Ids = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Request:
    """Token ids: what the model has read, at least one, and what may follow, at least one."""

    context: Ids
    continuation: Ids

    @property
    def read(self) -> Ids:
        """What the model must read to score the last id."""
        return self.context + self.continuation[:-1]


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """Log-probability of a continuation, and whether each of its ids was the likeliest one."""

    log_prob: float
    is_greedy: bool


@torch.no_grad()
def likelihoods(model: Transformer, requests: Sequence[Request]) -> list[Likelihood]:
    """Natural logarithms of the probabilities, in the order of `requests`.

    Raises:
        DataError: a request is empty or longer than the model's context.
    """
    asked: dict[Ids, list[int]] = {}
    for place, request in enumerate(requests):
        _check(request, model.config.context_tokens)
        asked.setdefault(request.read, []).append(place)
    results: dict[int, Likelihood] = {}
    for rows in _batches(sorted(asked, key=lambda row: (len(row), row))):
        hidden = model.hidden_states(_padded(rows))
        for row, states in zip(rows, hidden, strict=True):
            places = asked[row]
            last = max(len(requests[place].continuation) for place in places)
            logits = model.head(states[len(row) - last : len(row)]).double()
            table = torch.log_softmax(logits, dim=-1)
            for place in places:
                results[place] = _likelihood(table, requests[place].continuation)
    return [results[place] for place in range(len(requests))]


def _check(request: Request, context_tokens: int) -> None:
    if not request.context or not request.continuation:
        raise DataError("a context and its continuation must hold at least one token each")
    if len(request.read) > context_tokens:
        raise DataError(
            f"a request of {len(request.read)} tokens does not fit into the model's context of "
            f"{context_tokens}: leave it out before scoring"
        )


def _likelihood(table: Tensor, continuation: Ids) -> Likelihood:
    """Score with the last rows of `table` (positions, vocabulary)."""
    rows = table[len(table) - len(continuation) :]
    ids = torch.tensor(continuation)
    chosen = rows.gather(1, ids[:, None])
    return Likelihood(
        log_prob=float(chosen.sum()), is_greedy=bool((rows.argmax(dim=1) == ids).all())
    )


def _batches(rows: Sequence[Ids]) -> list[list[Ids]]:
    """Runs of rows, shortest first, that fit into `BATCH_TOKENS` once padded."""
    batches: list[list[Ids]] = []
    for row in rows:
        if batches and (len(batches[-1]) + 1) * len(row) <= BATCH_TOKENS:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def _padded(rows: Sequence[Ids]) -> Tensor:
    """Ids (B, longest); attention is causal, so the padding behind a row does not reach it."""
    padded = np.zeros((len(rows), len(rows[-1])), dtype=np.int64)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return torch.from_numpy(padded)
