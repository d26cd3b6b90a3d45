"""Held-out prompts with every policy's answer side by side."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.alignment.estimates import group_name
from mapneo.report.sections.common import Context, Gap, attempt, by_language

_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
Verdict = Literal["right", "wrong", "unverified"]


@dataclass(frozen=True, kw_only=True)
class Words:
    """Text with the language it is in: an English question may ask for a Chinese answer."""

    text: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message of the prompt."""

    role: str
    content: Words


@dataclass(frozen=True, kw_only=True)
class PolicyAnswer:
    """What one policy answered, and what the verifier says to it."""

    policy: str
    response: Words
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class ShownPrompt:
    """A prompt, the answer that was wanted, and the answers that came."""

    name: str
    language: str
    source: str
    turns: Sequence[Turn]
    reference: Words
    answers: Sequence[PolicyAnswer]


@dataclass(frozen=True, kw_only=True)
class PromptGroup:
    """The prompts shown of one skill, language and kind; the first of a skill stands open."""

    name: str
    language: str
    number: Figure
    prompts: Sequence[ShownPrompt]
    is_open: bool


def samples(context: Context) -> list[PromptGroup] | Gap:
    """Read `samples.json` of the stage `answers`."""
    return attempt(_groups, context)


def _groups(context: Context) -> list[PromptGroup]:
    table: dict[tuple[str, str, str], list[Node]] = {}
    for row in context.run.json("answers", "samples.json").at("rows").rows():
        key = (row.at("kind").text(), row.at("skill").text(), row.at("language").text())
        table.setdefault(key, []).append(row)
    order = by_language([language for _, _, language in table])
    keys = sorted(table, key=lambda k: (k[0] != "chat", k[0], order.index(k[2]), k[1]))
    return [
        PromptGroup(
            name=group_name(context, *key),
            language=key[2],
            number=context.ledger.count([row.at("conversation_id") for row in table[key]]),
            prompts=[_prompt(row) for row in table[key]],
            is_open=place == 0,
        )
        for place, key in enumerate(keys)
    ]


def words_in(text: str, asked_in: str) -> Words:
    """`text` as Chinese if it has a Chinese character, else in no language but the asker's."""
    if _HAN.search(text):
        return Words(text=text, language="zh")
    return Words(text=text, language="" if asked_in == "zh" else asked_in)


def _prompt(row: Node) -> ShownPrompt:
    language = row.at("language").text()
    return ShownPrompt(
        name=row.at("conversation_id").text(),
        language=language,
        source=row.at("source").text(),
        turns=[
            Turn(role=turn.at("role").text(), content=words_in(turn.at("content").text(), language))
            for turn in row.at("prompt").rows()
        ],
        reference=words_in(row.at("reference").text(), language),
        answers=[
            PolicyAnswer(
                policy=answer.at("policy").text(),
                response=words_in(answer.at("response").text(), language),
                verdict=_verdict(answer.at("success")),
            )
            for answer in row.at("answers").rows()
        ],
    )


def _verdict(success: Node) -> Verdict:
    if success.value is None:
        return "unverified"
    return "right" if success.value is True else "wrong"
