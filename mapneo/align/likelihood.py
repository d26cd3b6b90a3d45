"""How probable a model finds given answers: sums of -log p over the scored tokens of sequences."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from mapneo.align.packing import fill_rows, pack_rows
from mapneo.align.template import Encoded
from mapneo.model.transformer import Transformer
from mapneo.train.objectives import token_nats

ROWS_AT_ONCE = 16


@torch.no_grad()
def sequence_nats(
    model: Transformer, sequences: Sequence[Encoded], *, pad: int
) -> npt.NDArray[np.float64]:
    """-log p of each sequence's scored tokens (n,), in nats; sequences are packed for speed.

    Raises:
        ValueError: a sequence is longer than the model's context.
    """
    row_tokens = model.config.context_tokens
    lengths = [len(sequence.ids) for sequence in sequences]
    if lengths and max(lengths) > row_tokens + 1:
        raise ValueError(f"a sequence has {max(lengths)} tokens, the context is {row_tokens}")
    order = sorted(range(len(lengths)), key=lambda number: (-lengths[number], number))
    rows = fill_rows(lengths, order, row_tokens + 1)
    nats = np.zeros(len(sequences), dtype=np.float64)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        batch = pack_rows(
            sequences, rows[start : start + ROWS_AT_ONCE], row_tokens=row_tokens, pad=pad
        )
        hidden = model.hidden_states(batch.tokens[:, :-1], segments=batch.segments[:, :-1])
        scored = batch.scored[:, 1:]
        if not scored.any():
            continue
        values = token_nats(hidden[scored], model.head.weight, batch.tokens[:, 1:][scored])
        owners = batch.segments[:, 1:][scored].numpy()
        nats += np.bincount(owners, weights=values.double().numpy(), minlength=len(nats))
    return nats


def scored_tokens(sequences: Sequence[Encoded]) -> npt.NDArray[np.int64]:
    """Number of scored tokens of each sequence (n,)."""
    return np.array([sum(sequence.scored) for sequence in sequences], dtype=np.int64)
