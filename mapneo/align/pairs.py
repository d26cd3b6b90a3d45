"""Preference pairs: two answers to one prompt, their scores, and where everything came from."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from mapneo.align.conversations import CONVERSATION_SCHEMA, Message
from mapneo.align.template import ChatTemplate, Encoded
from mapneo.core.tables import read_table, write_table

PAIR_SCHEMA = pa.schema(
    [
        pa.field("pair_id", pa.string(), nullable=False),
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("skill", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        CONVERSATION_SCHEMA.field("messages"),
        pa.field("chosen", pa.string(), nullable=False),
        pa.field("rejected", pa.string(), nullable=False),
        pa.field("chosen_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("rejected_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("chosen_score", pa.float64(), nullable=False),
        pa.field("rejected_score", pa.float64(), nullable=False),
        pa.field("chosen_from", pa.string(), nullable=False),
        pa.field("scorer", pa.string(), nullable=False),
        pa.field("scorer_sha256", pa.string()),
        pa.field("policy", pa.string(), nullable=False),
        pa.field("policy_sha256", pa.string(), nullable=False),
        pa.field("is_heldout", pa.bool_(), nullable=False),
        pa.field("doc_id", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("publish", pa.string(), nullable=False),
    ]
)
"""Columns of `pairs/<shard>.parquet`; see docs/formats.md."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One pair; `messages` is the prompt.

    The rejected ids are sampled by the policy; `chosen_from` says whether the chosen ones are too
    (`policy`), or are the known answer (`reference`).
    """

    pair_id: str
    conversation_id: str
    skill: str
    language: str
    messages: tuple[Message, ...]
    chosen: str
    rejected: str
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]
    chosen_score: float
    rejected_score: float
    chosen_from: str
    scorer: str
    scorer_sha256: str | None
    policy: str
    policy_sha256: str
    is_heldout: bool
    doc_id: str | None
    source: str
    licence: str
    publish: str


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write pairs in the order of their ids."""
    rows = [asdict(pair) for pair in sorted(pairs, key=lambda each: each.pair_id)]
    write_table(path, pa.Table.from_pylist(rows, schema=PAIR_SCHEMA))


def read_pairs(paths: Iterable[Path]) -> list[Pair]:
    """Pairs of all files, in the order of their ids.

    Raises:
        ManifestError: a file is missing or damaged.
    """
    rows = [row for path in paths for row in read_table(path, PAIR_SCHEMA.names).to_pylist()]
    lists = ("chosen_ids", "rejected_ids")
    pairs = [
        Pair(
            **{
                **row,
                **{name: tuple(row[name]) for name in lists},
                "messages": tuple(Message(**turn) for turn in row["messages"]),
            }
        )
        for row in rows
    ]
    return sorted(pairs, key=lambda pair: pair.pair_id)


@dataclass(frozen=True, kw_only=True)
class PairRows:
    """A batch of pairs. Shapes: B pairs; axis 1 is chosen, rejected; T tokens, padded at the end.

    `tokens` (B, 2, T) int64 · `scored` (B, 2, T) bool: answer tokens · `last` (B, 2) int64: place
    of the last true token · `reference` (B, 2) float64: -log p of the answers under the reference.
    """

    tokens: Tensor
    scored: Tensor
    last: Tensor
    reference: Tensor


def encode_pair(pair: Pair, template: ChatTemplate) -> tuple[Encoded, Encoded]:
    """Prompt and answer in tokens, chosen and rejected; the answers' tokens are scored."""
    prompt = template.prompt(pair.messages)
    chosen, rejected = (
        Encoded(
            ids=(*prompt, *answer),
            scored=(*[False] * len(prompt), *[True] * len(answer)),
        )
        for answer in (pair.chosen_ids, pair.rejected_ids)
    )
    return chosen, rejected


def stack_pairs(
    encoded: Sequence[tuple[Encoded, Encoded]], reference: Sequence[Sequence[float]], *, pad: int
) -> PairRows:
    """A batch, as wide as its longest sequence."""
    lengths = np.array([[len(side.ids) for side in pair] for pair in encoded], dtype=np.int64)
    shape = (*lengths.shape, int(lengths.max()))
    tokens = np.full(shape, pad, dtype=np.int64)
    scored = np.zeros(shape, dtype=np.bool_)
    for row, pair in enumerate(encoded):
        for side, sequence in enumerate(pair):
            tokens[row, side, : len(sequence.ids)] = sequence.ids
            scored[row, side, : len(sequence.ids)] = sequence.scored
    return PairRows(
        tokens=torch.from_numpy(tokens),
        scored=torch.from_numpy(scored),
        last=torch.from_numpy(lengths - 1),
        reference=torch.tensor(reference, dtype=torch.float64).reshape(-1, 2),
    )


@dataclass(frozen=True, kw_only=True)
class PairBatches:
    """Batches of pairs over all epochs: a pure function of the step."""

    encoded: Sequence[tuple[Encoded, Encoded]]
    names: Sequence[str]
    reference: Sequence[Sequence[float]]
    """(n, 2) -log p under the reference; zeros where it plays no part."""
    order: Sequence[int]
    pad: int
    pairs_per_batch: int

    @property
    def skipped(self) -> tuple[int, ...]:
        """Fine-tuning leaves nothing out."""
        return ()

    @property
    def steps(self) -> int:
        """Updates over the whole order; the last may have fewer pairs."""
        return -(-len(self.order) // self.pairs_per_batch)

    def batch(self, step: int) -> PairRows:
        """The pairs of the `step`-th step (1-based)."""
        chosen = self._numbers(step)
        return stack_pairs(
            [self.encoded[n] for n in chosen], [self.reference[n] for n in chosen], pad=self.pad
        )

    def documents(self, step: int) -> list[str]:
        """Names of the pairs in that step."""
        return [self.names[n] for n in self._numbers(step)]

    def _numbers(self, step: int) -> Sequence[int]:
        return self.order[(step - 1) * self.pairs_per_batch : step * self.pairs_per_batch]
