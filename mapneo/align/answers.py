"""One policy's answers to the held-out prompts, and how probable it finds the reference answers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from mapneo.align.config import AnswersConfig
from mapneo.align.conversations import Conversation, Message, read_conversations
from mapneo.align.forms import verify
from mapneo.align.likelihood import scored_tokens, sequence_nats
from mapneo.align.preference import sample
from mapneo.align.scorers import LearnedReward, Response
from mapneo.align.template import ChatTemplate, Encoded
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.stage import Config
from mapneo.core.tables import write_table
from mapneo.model.exchange import load_model, load_reward_model
from mapneo.model.transformer import Transformer
from mapneo.tokenizer import Tokenizer
from mapneo.train.machine import compute_dtype, use_threads

GREEDY = -1
"""Number of the greedy answer among a prompt's samples."""

RESPONSE_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("response", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("ended", pa.bool_(), nullable=False),
        pa.field("content", pa.bool_()),
        pa.field("form", pa.bool_()),
        pa.field("verifiable_reward", pa.float64()),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("log_ratio", pa.float64()),
    ]
)
"""Columns of `responses/<policy>.parquet`; see docs/formats.md."""


class _Drawn(Config):
    """How many answers to draw, and how."""

    samples: int
    temperature: float
    max_new_tokens: int


class PlainTemplate(ChatTemplate):
    """Asks a base model, which has never seen the control tokens, in plain lines of text.

    Its answer ends with the line. This is the fairer opponent: with tokens whose embeddings were
    never trained it could only fail.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Stop at the end of a document; lines are cut from the text."""
        super().__init__(tokenizer)
        self.stop = (tokenizer.eod,)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The messages' texts, a line each."""
        lines = "".join(f"{message.content}\n" for message in messages)
        return [self._tokenizer.eod, *self._tokenizer.encode(lines)]

    def text(self, ids: Sequence[int]) -> str:
        """The first line that is not empty."""
        return next((line.strip() for line in super().text(ids).splitlines() if line.strip()), "")


def answers_task(task: Task, config: AnswersConfig, output: Path) -> ShardOutcome:
    """Answers of one policy: greedy, sampled, scored by verifier and reward model; and losses."""
    use_threads(0)
    named = {file.relative: file.path for file in task.inputs}
    name = task.payload["policy"]
    tokenizer = Tokenizer.load(named["tokenizer.model"])
    chat = ChatTemplate(tokenizer)
    template = PlainTemplate(tokenizer) if task.payload["is_base"] else chat
    policy = _load(named["policy/model/config.json"].parent)
    heldout = read_conversations(named["heldout.parquet"])
    samples = config.samples if task.payload["is_sampled"] else 0
    responses = _responses(policy, template, heldout, config, samples, task.payload["seed"])
    reward = load_reward_model(named["reward/model/config.json"].parent)
    reward.compute_dtype = compute_dtype("auto")
    scores = LearnedReward(reward, chat.eod).score(
        [_in_chat(response, chat) for response in responses]
    )
    anchor = named.get("anchor/model/config.json")
    ratios = (
        [None] * len(responses)
        if anchor is None
        else _log_ratios(policy, _load(anchor.parent), responses, pad=chat.eod)
    )
    rows = [
        _row(response, score, ratio)
        for response, score, ratio in zip(responses, scores, ratios, strict=True)
    ]
    files = (f"responses/{name}.parquet", f"losses/{name}.parquet")
    write_table(output / files[0], pa.Table.from_pylist(rows, schema=RESPONSE_SCHEMA))
    asked = {response.prompt.conversation_id for response in responses}
    write_table(output / files[1], _losses(policy, template, heldout))
    return ShardOutcome(
        files=files,
        counts=Counts(
            documents_in=len(heldout),
            kept=len(asked),
            dropped={"prompt_too_long": len(heldout) - len(asked)},
        ),
    )


def _load(folder: Path) -> Transformer:
    model = load_model(folder)
    model.compute_dtype = compute_dtype("auto")
    return model


def _responses(
    policy: Transformer,
    template: ChatTemplate,
    heldout: Sequence[Conversation],
    config: AnswersConfig,
    samples: int,
    seed: int,
) -> list[Response]:
    greedy = _Drawn(samples=1, temperature=0.0, max_new_tokens=config.max_new_tokens)
    drawn = _Drawn(
        samples=samples,
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
    )
    verified = [each for each in heldout if each.reference is not None]
    first = [
        replace(response, number=GREEDY)
        for response in sample(policy, template, heldout, greedy, seed=seed)
    ]
    return first + sample(policy, template, verified, drawn, seed=seed)


def _in_chat(response: Response, chat: ChatTemplate) -> Response:
    """The response as the reward model reads it: in the chat template, whoever gave it."""
    return replace(
        response,
        prompt_ids=tuple(chat.prompt(response.prompt.prompt)),
        ids=tuple(chat.answer(response.text)[: None if response.ended else -1]),
    )


def _log_ratios(
    policy: Transformer, anchor: Transformer, responses: Sequence[Response], *, pad: int
) -> list[float]:
    """Log p less that of the anchor, per answer, in nats.

    The mean over the policy's own samples estimates the Kullback-Leibler divergence.
    """
    sequences = [
        Encoded(
            ids=response.prompt_ids + response.ids,
            scored=(False,) * len(response.prompt_ids) + (True,) * len(response.ids),
        )
        for response in responses
    ]
    ours = sequence_nats(policy, sequences, pad=pad)
    theirs = sequence_nats(anchor, sequences, pad=pad)
    ratios: list[float] = (theirs - ours).tolist()
    return ratios


def _row(response: Response, score: float, ratio: float | None) -> dict[str, object]:
    prompt = response.prompt
    verdict = (
        None
        if prompt.reference is None or prompt.form is None
        else verify(response.text, prompt.reference, prompt.form)
    )
    return {
        "conversation_id": prompt.conversation_id,
        "sample": response.number,
        "response": response.text,
        "tokens": len(response.ids),
        "ended": response.ended,
        "content": verdict and verdict.content,
        "form": verdict and verdict.form,
        "verifiable_reward": verdict and verdict.reward,
        "score": score,
        "log_ratio": ratio,
    }


def _losses(
    policy: Transformer, template: ChatTemplate, heldout: Sequence[Conversation]
) -> pa.Table:
    """-log p of each reference answer's text: the same tokens for every policy, however asked."""
    limit = policy.config.context_tokens + 1
    fitting, sequences = [], []
    for each in heldout:
        prompt = template.prompt(each.prompt)
        answer = template.answer(each.answer)[:-1]
        if len(prompt) + len(answer) <= limit:
            fitting.append(each.conversation_id)
            scored = (*[False] * len(prompt), *[True] * len(answer))
            sequences.append(Encoded(ids=(*prompt, *answer), scored=scored))
    return pa.table(
        {
            "conversation_id": fitting,
            "nats": sequence_nats(policy, sequences, pad=template.eod),
            "tokens": scored_tokens(sequences),
        }
    )
