"""Pack encoded conversations into rows, and give the rows of each step: a pure function.

Order of an epoch: the keyed bijection that pre-training uses. Rows are filled best-fit from that
order, with few rows open at a time, so packing is a single pass and hardly wastes a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mapneo.align.template import Encoded
from mapneo.train.objectives import PackedRows
from mapneo.train.permutation import Permutation, key_of

OPEN_ROWS = 32
PADDING = -1


@dataclass(frozen=True, kw_only=True)
class PackedBatches:
    """Batches of packed rows over all epochs."""

    sequences: Sequence[Encoded]
    names: Sequence[str]
    """Name of each sequence, for messages."""
    rows: Sequence[tuple[int, ...]]
    """Which sequences each row holds."""
    row_tokens: int
    """Inputs of a row; it holds one token more."""
    pad: int
    rows_per_batch: int

    @property
    def skipped(self) -> tuple[int, ...]:
        """Fine-tuning leaves nothing out."""
        return ()

    @property
    def steps(self) -> int:
        """Updates that see every row once; the last may have fewer rows."""
        return -(-len(self.rows) // self.rows_per_batch)

    def batch(self, step: int) -> PackedRows:
        """The rows of the `step`-th step (1-based)."""
        return pack_rows(self.sequences, self._rows(step), row_tokens=self.row_tokens, pad=self.pad)

    def documents(self, step: int) -> list[str]:
        """Names of the sequences in that step."""
        return [self.names[number] for row in self._rows(step) for number in row]

    def _rows(self, step: int) -> Sequence[tuple[int, ...]]:
        return self.rows[(step - 1) * self.rows_per_batch : step * self.rows_per_batch]


def epoch_order(count: int, epochs: float, *key: str | int) -> list[list[int]]:
    """The numbers 0 … count - 1 in a shuffled order per epoch; the last epoch may be a part."""
    orders = []
    for epoch in range(-(-int(epochs * count) // count) if count else 0):
        take = min(count, int(epochs * count) - epoch * count)
        shuffle = Permutation(size=count, key=key_of(*key, epoch))
        orders.append([shuffle.forward(place) for place in range(take)])
    return orders


def fill_rows(lengths: Sequence[int], order: Sequence[int], capacity: int) -> list[tuple[int, ...]]:
    """Rows of sequence numbers, each with at most `capacity` tokens in all.

    Best-fit over the open rows; when too many are open, the fullest is closed. No length may be
    larger than `capacity`.
    """
    closed: list[tuple[int, ...]] = []
    opened: list[tuple[int, list[int]]] = []
    for number in order:
        length = lengths[number]
        fitting = [place for place, (free, _) in enumerate(opened) if free >= length]
        if fitting:
            place = min(fitting, key=lambda each: opened[each][0])
            free, members = opened.pop(place)
        else:
            free, members = capacity, []
        members.append(number)
        opened.append((free - length, members))
        if len(opened) > OPEN_ROWS:
            fullest = min(range(len(opened)), key=lambda each: opened[each][0])
            closed.append(tuple(opened.pop(fullest)[1]))
    return closed + [tuple(members) for _, members in opened]


def pack_rows(
    sequences: Sequence[Encoded],
    rows: Sequence[tuple[int, ...]],
    *,
    row_tokens: int,
    pad: int,
) -> PackedRows:
    """Tensors (rows, row_tokens + 1); a token's segment is the number of its sequence."""
    shape = (len(rows), row_tokens + 1)
    tokens = np.full(shape, pad, dtype=np.int64)
    segments = np.full(shape, PADDING, dtype=np.int64)
    scored = np.zeros(shape, dtype=np.bool_)
    for place, row in enumerate(rows):
        start = 0
        for number in row:
            sequence = sequences[number]
            span = slice(start, start + len(sequence.ids))
            tokens[place, span] = sequence.ids
            segments[place, span] = number
            scored[place, span] = sequence.scored
            start = span.stop
    return PackedRows(
        tokens=torch.from_numpy(tokens),
        segments=torch.from_numpy(segments),
        scored=torch.from_numpy(scored),
    )
