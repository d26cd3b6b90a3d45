"""A round's material: sample answers to new prompts, score them, make pairs. Shard by shard.

Every sample keeps the seed it was drawn with, so that it can be drawn again alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import xxhash

from mapneo.align.config import PreferenceConfig
from mapneo.align.conversations import Conversation, read_conversations
from mapneo.align.forms import verify
from mapneo.align.pairing import REFERENCE, REFERENCE_NUMBER, Pairing
from mapneo.align.pairs import write_pairs
from mapneo.align.scorers import Response, load_scorer
from mapneo.align.template import ChatTemplate
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.tables import write_table
from mapneo.model.exchange import load_model
from mapneo.model.generate import Sampling, generate_many
from mapneo.model.transformer import Transformer
from mapneo.tokenizer import Tokenizer
from mapneo.train.machine import compute_dtype, use_threads

SAMPLES_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("seed", pa.uint64(), nullable=False),
        pa.field("response", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("ended", pa.bool_(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("verifiable_reward", pa.float64()),
    ]
)
"""Columns of `samples/<shard>.parquet`; see docs/formats.md."""

SAMPLED_TOGETHER = 128
"""Answers in one batch: more share the reading of the weights, and need more memory."""


def preference_task(task: Task, config: PreferenceConfig, output: Path) -> ShardOutcome:
    """Sample, score and pair the prompts of one shard."""
    use_threads(0)
    named = {file.relative: file.path for file in task.inputs}
    payload = task.payload
    template = ChatTemplate(Tokenizer.load(named["tokenizer.model"]))
    policy = load_model(named["policy/model/config.json"].parent)
    policy.compute_dtype = compute_dtype("auto")
    prompts = [
        each
        for each in read_conversations(named["prompts.parquet"])
        if xxhash.xxh3_64_intdigest(each.conversation_id.encode()) % config.shards
        == payload["shard"]
    ]
    reward = named.get("reward/model/config.json")
    scorer = load_scorer(
        None if reward is None else reward.parent,
        template,
        reward_weight=config.reward_weight,
        verifier_weight=config.verifier_weight,
    )
    responses = sample(policy, template, prompts, config, seed=payload["seed"])
    scores = scorer.score(responses)
    _write_samples(output / f"samples/{task.shard}.parquet", responses, scores)
    references = reference_responses(template, prompts) if config.reference_answers else []
    pairing = Pairing(
        config=config,
        origin=payload["origin"],
        scorer=scorer.name,
        references={
            each.prompt.conversation_id: (each, score)
            for each, score in zip(references, scorer.score(references), strict=True)
        },
    )
    pairs, dropped = pairing.pairs(prompts, responses, scores)
    write_pairs(output / f"pairs/{task.shard}.parquet", pairs)
    kept = len({pair.conversation_id for pair in pairs})
    return ShardOutcome(
        files=(f"samples/{task.shard}.parquet", f"pairs/{task.shard}.parquet"),
        counts=Counts(documents_in=len(prompts), kept=kept, dropped=dropped),
        facts={
            "samples": len(responses),
            "pairs": len(pairs),
            "reference_pairs": sum(pair.chosen_from == REFERENCE for pair in pairs),
            "score": float(sum(scores)),
            "verifiable_reward": sum(_verifiable(each) or 0.0 for each in responses),
            "scorer": scorer.name,
        },
    )


def sample(
    policy: Transformer,
    template: ChatTemplate,
    prompts: Sequence[Conversation],
    config: "Sampled",
    *,
    seed: int,
) -> list[Response]:
    """`samples` answers to each prompt; those that leave no room for an answer get none."""
    room = policy.config.context_tokens
    wanted = [
        (prompt, ids, number, _sample_seed(seed, prompt.conversation_id, number))
        for prompt in prompts
        if len(ids := template.prompt(prompt.prompt)) < room
        for number in range(config.samples)
    ]
    found = generate_many(
        policy,
        [ids for _, ids, _, _ in wanted],
        Sampling(max_new_tokens=config.max_new_tokens, temperature=config.temperature),
        seeds=[drawn for *_, drawn in wanted],
        stop=template.stop,
        vocabulary=template.vocabulary,
        batch=SAMPLED_TOGETHER,
    )
    responses = []
    for (prompt, ids, number, drawn), new in zip(wanted, found, strict=True):
        ended = len(new) < min(config.max_new_tokens, room - len(ids))
        responses.append(
            Response(
                prompt=prompt,
                prompt_ids=tuple(ids),
                ids=(*new, template.end) if ended else tuple(new),
                text=template.text(new),
                number=number,
                seed=drawn,
                ended=ended,
            )
        )
    return responses


def reference_responses(template: ChatTemplate, prompts: Sequence[Conversation]) -> list[Response]:
    """The known answer of each prompt that has one, as if somebody had given it."""
    return [
        Response(
            prompt=prompt,
            prompt_ids=tuple(template.prompt(prompt.prompt)),
            ids=tuple(template.answer(prompt.answer)),
            text=prompt.answer,
            number=REFERENCE_NUMBER,
            seed=0,
            ended=True,
        )
        for prompt in prompts
        if prompt.reference is not None
    ]


class Sampled(Protocol):
    """The settings that sampling needs."""

    @property
    def samples(self) -> int:
        """Answers per prompt."""

    @property
    def temperature(self) -> float:
        """Sampling temperature; 0 is greedy."""

    @property
    def max_new_tokens(self) -> int:
        """Longest answer."""


def _sample_seed(seed: int, conversation_id: str, number: int) -> int:
    return xxhash.xxh3_64_intdigest(f"{seed}\0{conversation_id}\0{number}".encode())


def _write_samples(path: Path, responses: Sequence[Response], scores: Sequence[float]) -> None:
    rows = [
        {
            "conversation_id": each.prompt.conversation_id,
            "sample": each.number,
            "seed": each.seed,
            "response": each.text,
            "tokens": len(each.ids),
            "ended": each.ended,
            "score": score,
            "verifiable_reward": _verifiable(each),
        }
        for each, score in zip(responses, scores, strict=True)
    ]
    write_table(path, pa.Table.from_pylist(rows, schema=SAMPLES_SCHEMA))


def _verifiable(response: Response) -> float | None:
    prompt = response.prompt
    if prompt.reference is None or prompt.form is None:
        return None
    return verify(response.text, prompt.reference, prompt.form).reward
