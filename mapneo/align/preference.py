"""A round's material: sample answers to new prompts, score them, make pairs. Shard by shard.

Every sample keeps the seed it was drawn with, so that it can be drawn again alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import xxhash

from mapneo.align.build import share_of
from mapneo.align.config import PreferenceConfig
from mapneo.align.conversations import Conversation, read_conversations
from mapneo.align.forms import verify
from mapneo.align.pairs import Pair, write_pairs
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
    made = _Pairing(config=config, origin=payload["origin"], scorer=scorer.name)
    scores = scorer.score(responses)
    _write_samples(output / f"samples/{task.shard}.parquet", responses, scores)
    pairs, dropped = made.pairs(prompts, responses, scores)
    write_pairs(output / f"pairs/{task.shard}.parquet", pairs)
    kept = len({pair.conversation_id for pair in pairs})
    return ShardOutcome(
        files=(f"samples/{task.shard}.parquet", f"pairs/{task.shard}.parquet"),
        counts=Counts(documents_in=len(prompts), kept=kept, dropped=dropped),
        facts={
            "samples": len(responses),
            "pairs": len(pairs),
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


@dataclass(frozen=True, kw_only=True)
class _Pairing:
    """Makes pairs of the answers to one prompt; `origin` is who sampled and who scored."""

    config: PreferenceConfig
    origin: dict[str, Any]
    scorer: str

    def pairs(
        self,
        prompts: Sequence[Conversation],
        responses: Sequence[Response],
        scores: Sequence[float],
    ) -> tuple[list[Pair], dict[str, int]]:
        """Pairs, and how many prompts gave none, by reason."""
        answers: dict[str, list[tuple[Response, float]]] = {
            prompt.conversation_id: [] for prompt in prompts
        }
        for response, score in zip(responses, scores, strict=True):
            answers[response.prompt.conversation_id].append((response, score))
        pairs: list[Pair] = []
        dropped: Counter[str] = Counter()
        for prompt in prompts:
            mine = answers[prompt.conversation_id]
            distinct = list({response.text: (response, score) for response, score in mine}.values())
            found = self._of_prompt(prompt, distinct)
            pairs += found
            if not found:
                reason = "tie" if len(distinct) > 1 else "one_answer" if mine else "prompt_too_long"
                dropped[reason] += 1
        return pairs, dict(dropped)

    def _of_prompt(self, prompt: Conversation, answers: list[tuple[Response, float]]) -> list[Pair]:
        """Best with worst, second best with second worst, … while the margin holds."""
        ranked = sorted(answers, key=lambda each: (-each[1], each[0].number))
        pairs = []
        for rank in range(min(self.config.pairs_per_prompt, len(ranked) // 2)):
            better, worse = ranked[rank], ranked[-1 - rank]
            if better[1] - worse[1] > self.config.min_margin:
                pairs.append(self._pair(prompt, rank, better, worse))
        return pairs

    def _pair(
        self,
        prompt: Conversation,
        rank: int,
        better: tuple[Response, float],
        worse: tuple[Response, float],
    ) -> Pair:
        name = prompt.conversation_id
        heldout = (
            share_of(f"heldout pair\0{prompt.doc_id or prompt.about}") < self.config.heldout_frac
        )
        return Pair(
            pair_id=f"{name}/{rank}",
            conversation_id=name,
            skill=prompt.skill,
            language=prompt.language,
            messages=prompt.prompt,
            chosen=better[0].text,
            rejected=worse[0].text,
            chosen_ids=better[0].ids,
            rejected_ids=worse[0].ids,
            chosen_score=float(np.float64(better[1])),
            rejected_score=float(np.float64(worse[1])),
            scorer=self.scorer,
            scorer_sha256=self.origin["reward_sha256"],
            policy=self.origin["policy"],
            policy_sha256=self.origin["policy_sha256"],
            is_heldout=heldout,
            doc_id=prompt.doc_id,
            source=prompt.source,
            licence=prompt.licence,
            publish=prompt.publish,
        )
