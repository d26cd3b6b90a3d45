"""What an SFT stage does: encode, leave out what is too long, pack, train, export."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapneo.align.build import share_of
from mapneo.align.config import SftConfig
from mapneo.align.conversations import Conversation, read_conversations
from mapneo.align.likelihood import scored_tokens, sequence_nats
from mapneo.align.packing import PackedBatches, epoch_order, fill_rows
from mapneo.align.template import ChatTemplate, Encoded, write_template
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
from mapneo.core.errors import DataError
from mapneo.core.files import files_below, write_json
from mapneo.core.stage import Outcome, Work
from mapneo.model.exchange import save_model
from mapneo.model.transformer import Transformer
from mapneo.train.objectives import MaskedNextToken, PackedRows
from mapneo.train.permutation import Permutation, key_of

DROPPED_NAME = "dropped.json"
TOO_LONG = "too_long"


def run_sft(work: Work, config: SftConfig, number: int, start: str) -> Outcome:
    """Fine-tune the model of stage `start` on the conversations of SFT stage `number`.

    Raises:
        DataError: there is no conversation to train on.
        TrainingError: the loss is not finite.
    """
    template = load_template(work.inputs["tokenizer"])
    model = prepare(load_policy(work.inputs[start]), config)
    limit = model.config.context_tokens
    folder = work.inputs["conversations"].directory / "conversations"
    wanted = _with_replay(folder, number, config.replay_frac, work.seed)
    training = _encode(wanted, template, limit)
    heldout = _encode(read_conversations(folder / "heldout.parquet"), template, limit)
    batches = _batches(work, training, config, limit, template.eod)
    objective = MaskedNextToken()
    tuning: Tuning[Transformer, PackedRows] = Tuning(
        config=config,
        steps=batches.steps,
        objective=objective,
        batches=batches,
        measure=lambda model: assistant_loss(model, heldout, pad=template.eod),
    )
    state = tune(work, tuning, model)
    save_model(model, work.output / "model", eod=template.eod, end_of_turn=template.end)
    write_template(work.output / "model")
    write_json(work.output / DROPPED_NAME, {TOO_LONG: list(training.too_long)})
    used = sum(len(each.ids) for each in training.sequences)
    facts = {
        **tuning_facts(work.output, model, state),
        "conversations": _skill_counts(training.conversations),
        "rows": len(batches.rows),
        "filled_frac": round(state.tokens / (len(batches.rows) * (limit + 1)), 4),
        "conversation_tokens": used,
        "assistant_tokens": int(scored_tokens(training.sequences).sum()),
    }
    return Outcome(
        counts=Counts(
            documents_in=len(wanted),
            kept=len(training.sequences),
            dropped={TOO_LONG: len(training.too_long)},
        ),
        facts=facts,
        files=(METRICS_NAME, DROPPED_NAME, *files_below(work.output, "model", "checkpoints")),
    )


@dataclass(frozen=True, kw_only=True)
class EncodedSet:
    """Conversations that fit into the model's context, and the ids of those that don't."""

    conversations: tuple[Conversation, ...]
    sequences: tuple[Encoded, ...]
    too_long: tuple[str, ...]


def _encode(conversations: list[Conversation], template: ChatTemplate, limit: int) -> EncodedSet:
    """Encode; what does not fit whole is left out and listed, so that no answer is ever cut."""
    encoded = [(each, template.conversation(each.messages)) for each in conversations]
    fitting = [pair for pair in encoded if len(pair[1].ids) <= limit + 1]
    return EncodedSet(
        conversations=tuple(each for each, _ in fitting),
        sequences=tuple(sequence for _, sequence in fitting),
        too_long=tuple(
            each.conversation_id for each, sequence in encoded if len(sequence.ids) > limit + 1
        ),
    )


def _with_replay(folder: Path, number: int, replay_frac: float, seed: int) -> list[Conversation]:
    """The stage's conversations, and so many of stage 1's that they are `replay_frac` of all."""
    own = read_conversations(folder / f"sft_{number}.parquet")
    if not replay_frac or number == 1:
        return own
    pool = read_conversations(folder / "sft_1.parquet")
    replayed = min(len(pool), round(replay_frac * len(own) / (1 - replay_frac)))
    if not replayed:
        return own
    return own + evenly(pool, replayed, seed)


def evenly(pool: list[Conversation], count: int, seed: int) -> list[Conversation]:
    """`count` of the pool, as evenly over skills and languages as it allows, drawn by hash.

    A plain draw would replay what stage 1 had most of, and forget the rest.
    """
    groups: dict[tuple[str, str], list[tuple[float, Conversation]]] = defaultdict(list)
    for each in pool:
        draw = share_of(f"{seed}\0replay\0{each.conversation_id}")
        groups[each.skill, each.language].append((draw, each))
    ranked = [
        (rank, draw, each)
        for entries in groups.values()
        for rank, (draw, each) in enumerate(sorted(entries, key=lambda entry: entry[0]))
    ]
    ranked.sort(key=lambda entry: entry[:2])
    return [each for _, _, each in ranked[:count]]


def _batches(
    work: Work, training: EncodedSet, config: SftConfig, limit: int, pad: int
) -> PackedBatches:
    if not training.sequences:
        raise DataError(
            f"{work.output.name}: no conversation to train on fits into {limit} tokens; raise "
            "mix.seq_len, or ask for more rows in [conversations]"
        )
    lengths = [len(sequence.ids) for sequence in training.sequences]
    rows: list[tuple[int, ...]] = []
    for order in epoch_order(len(lengths), config.epochs, work.seed, work.output.name):
        rows += fill_rows(lengths, order, limit + 1)
    # Rows of one packing pass run from full to ragged: shuffled, so that batches are alike.
    shuffle = Permutation(size=len(rows), key=key_of(work.seed, work.output.name, "rows"))
    return PackedBatches(
        sequences=training.sequences,
        names=[each.conversation_id for each in training.conversations],
        rows=[rows[shuffle.forward(place)] for place in range(len(rows))],
        row_tokens=limit,
        pad=pad,
        rows_per_batch=config.batch,
    )


def assistant_loss(model: Transformer, heldout: EncodedSet, *, pad: int) -> dict[str, float]:
    """Nats per scored token by `<kind>/<skill>/<language>`, and of all together as `all`."""
    nats = sequence_nats(model, heldout.sequences, pad=pad)
    tokens = scored_tokens(heldout.sequences)
    names = np.array(
        [f"{each.kind}/{each.skill}/{each.language}" for each in heldout.conversations]
    )
    if not len(names):
        return {}
    groups = {name: names == name for name in sorted(set(names.tolist()))}
    groups["all"] = np.ones(len(names), dtype=np.bool_)
    return {
        name: float(nats[chosen].sum() / tokens[chosen].sum()) for name, chosen in groups.items()
    }


def _skill_counts(conversations: tuple[Conversation, ...]) -> dict[str, int]:
    counts = Counter(f"{each.kind}/{each.skill}/{each.language}" for each in conversations)
    return dict(sorted(counts.items()))
