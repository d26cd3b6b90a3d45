"""Bits per byte on held-out documents: how well the model predicts text it has not seen.

A document is scored after an end-of-document id, so its first token counts too; the closing id
does not, since it has no bytes. Per byte, because then models with other vocabularies compare.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mapneo.model.transformer import Transformer
from mapneo.train.documents import HeldoutDocument
from mapneo.train.objectives import token_nats

BATCH_TOKENS = 8192


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Targets `[start, end)` of a document, of which those from `counted` on are scored."""

    document: int
    start: int
    counted: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


@torch.no_grad()
def document_nats(
    model: Transformer, documents: Sequence[HeldoutDocument], *, eod: int, overlap_tokens: int = 0
) -> npt.NDArray[np.float64]:
    """-log p of each document's tokens (n,), in nats.

    Documents longer than the model's context are scored window by window; each window but the
    first repeats `overlap_tokens` of its predecessor as context, and every token counts once.
    """
    context = model.config.context_tokens
    pieces = [
        piece
        for number, document in enumerate(documents)
        for piece in _pieces(number, len(document.tokens), context, overlap_tokens)
    ]
    pieces.sort(key=lambda piece: (piece.length, piece.document, piece.start))
    nats = np.zeros(len(documents), dtype=np.float64)
    for batch in _batches(pieces):
        tokens = _padded(documents, batch, eod)
        hidden = model.hidden_states(tokens[:, :-1])
        scores = token_nats(hidden.flatten(0, 1), model.head.weight, tokens[:, 1:].reshape(-1))
        for piece, row in zip(batch, scores.view(len(batch), -1).double(), strict=True):
            counted = row[piece.counted - piece.start : piece.length]
            nats[piece.document] += float(counted.sum())
    return nats


def bits_per_byte(
    documents: Sequence[HeldoutDocument], nats: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Bits per byte of each `<language>/<category>`: all its nats / ln 2 / all its bytes."""
    total_nats: dict[str, float] = {}
    total_bytes: dict[str, int] = {}
    for document, value in zip(documents, nats.tolist(), strict=True):
        total_nats[document.group] = total_nats.get(document.group, 0.0) + value
        total_bytes[document.group] = total_bytes.get(document.group, 0) + document.bytes
    return {
        group: total_nats[group] / math.log(2) / total_bytes[group] for group in sorted(total_nats)
    }


def _pieces(document: int, tokens: int, context: int, overlap: int) -> list[_Piece]:
    pieces = []
    counted = 0
    while counted < tokens:
        start = max(0, counted - overlap)
        end = min(tokens, start + context)
        pieces.append(_Piece(document=document, start=start, counted=counted, end=end))
        counted = end
    return pieces


def _batches(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Runs of pieces, shortest first, that fit into `BATCH_TOKENS` once padded."""
    batches: list[list[_Piece]] = []
    for piece in pieces:
        if batches and (len(batches[-1]) + 1) * piece.length <= BATCH_TOKENS:
            batches[-1].append(piece)
        else:
            batches.append([piece])
    return batches


def _padded(documents: Sequence[HeldoutDocument], batch: Sequence[_Piece], eod: int) -> Tensor:
    """Ids (B, longest + 1): the token before each piece, then its tokens, then padding.

    Padding is `eod`; attention is causal, so what follows a piece does not reach it.
    """
    rows = np.full((len(batch), batch[-1].length + 1), eod, dtype=np.int64)
    for row, piece in zip(rows, batch, strict=True):
        tokens = documents[piece.document].tokens
        if piece.start:
            row[0] = tokens[piece.start - 1]
        row[1 : piece.length + 1] = tokens[piece.start : piece.end]
    return torch.from_numpy(rows)
