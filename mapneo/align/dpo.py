"""What a DPO round does: reference log-probabilities once, train, export."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import torch

from mapneo.align.config import DpoConfig
from mapneo.align.objectives import DirectPreference, answer_nats
from mapneo.align.packing import epoch_order
from mapneo.align.pairs import Pair, PairBatches, PairRows, encode_pair, read_pairs, stack_pairs
from mapneo.align.template import Encoded, write_template
from mapneo.align.tuning import (
    METRICS_NAME,
    Tuning,
    load_policy,
    load_template,
    prepare,
    tune,
    tuning_facts,
)
from mapneo.core.counts import Counts
from mapneo.core.files import files_below
from mapneo.core.stage import Outcome, Work
from mapneo.core.tables import write_table
from mapneo.model.exchange import save_model
from mapneo.model.transformer import Transformer

REFERENCE_NAME = "reference.parquet"


def run_dpo(work: Work, config: DpoConfig, *, start: str, reference: str, pairs: str) -> Outcome:
    """Train the policy of stage `start` on a round's pairs against the policy of `reference`.

    Raises:
        TrainingError: the loss is not finite.
    """
    template = load_template(work.inputs["tokenizer"])
    pad = template.eod
    policy = prepare(load_policy(work.inputs[start]), config)
    judged = read_pairs(file.path for file in work.inputs[pairs].files("pairs/*.parquet"))
    training = [pair for pair in judged if not pair.is_heldout]
    encoded = [encode_pair(pair, template) for pair in training]
    anchor = prepare(load_policy(work.inputs[reference]), config)
    nats = reference_nats(anchor, encoded, pad=pad, pairs_at_once=config.micro_batch)
    _write_reference(work.output / REFERENCE_NAME, training, nats)
    orders = epoch_order(len(training), config.epochs, work.seed, work.output.name)
    batches = PairBatches(
        encoded=encoded,
        names=[pair.pair_id for pair in training],
        reference=nats,
        order=[number for order in orders for number in order],
        pad=pad,
        pairs_per_batch=config.batch,
    )
    tuning: Tuning[Transformer, PairRows] = Tuning(
        config=config,
        steps=batches.steps,
        objective=DirectPreference(config.beta, config.nll_weight),
        batches=batches,
        measure=None,
    )
    state = tune(work, tuning, policy)
    save_model(policy, work.output / "model", eod=pad, end_of_turn=template.end)
    write_template(work.output / "model")
    files = (METRICS_NAME, REFERENCE_NAME, *files_below(work.output, "model", "checkpoints"))
    return Outcome(
        counts=Counts(
            documents_in=len(judged),
            kept=len(training),
            dropped={"held_out": len(judged) - len(training)},
        ),
        facts={**tuning_facts(work.output, policy, state), "reference": reference},
        files=files,
    )


@torch.no_grad()
def reference_nats(
    model: Transformer,
    encoded: Sequence[tuple[Encoded, Encoded]],
    *,
    pad: int,
    pairs_at_once: int,
) -> list[tuple[float, float]]:
    """-log p of chosen and rejected answers under the reference, computed once and kept."""
    found: list[tuple[float, float]] = []
    for start in range(0, len(encoded), pairs_at_once):
        part = encoded[start : start + pairs_at_once]
        rows = stack_pairs(part, [(0.0, 0.0)] * len(part), pad=pad)
        found += [(better, worse) for better, worse in answer_nats(model, rows).tolist()]
    return found


def _write_reference(
    path: Path, pairs: Sequence[Pair], nats: Sequence[tuple[float, float]]
) -> None:
    table = pa.table(
        {
            "pair_id": [pair.pair_id for pair in pairs],
            "chosen_nats": [better for better, _ in nats],
            "rejected_nats": [worse for _, worse in nats],
        }
    )
    write_table(path, table)
