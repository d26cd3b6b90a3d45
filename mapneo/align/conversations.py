"""A conversation: messages, what they are for, where they came from, how an answer is checked."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import pyarrow as pa

from mapneo.core.tables import read_table, write_table

Role: TypeAlias = Literal["system", "user", "assistant"]
Kind: TypeAlias = Literal["foundation", "chat"]
Use: TypeAlias = Literal["sft_1", "sft_2", "reward", "dpo", "heldout"]
USES: tuple[Use, ...] = ("sft_1", "sft_2", "reward", "dpo", "heldout")

OWN_SOURCE = "mapneo"
"""Source of what is made by rule from nothing but our own phrases."""

_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])

CONVERSATION_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("skill", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("about", pa.string(), nullable=False),
        pa.field("messages", pa.list_(_MESSAGE), nullable=False),
        pa.field("reference", pa.string()),
        pa.field("form", pa.string()),
        pa.field("doc_id", pa.string()),
        pa.field("cluster_id", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("publish", pa.string(), nullable=False),
    ]
)
"""Columns of `conversations/<use>.parquet`; see docs/formats.md."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One turn."""

    role: Role
    content: str


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Turns that end with an assistant's.

    `about` names what is asked about: conversations of one `about` never serve two uses.
    `reference` and `form` say how an answer to the last user turn is verified; both are None where
    nothing can be counted. `doc_id` is the document behind it, None if there is none.
    """

    conversation_id: str
    kind: Kind
    skill: str
    language: str
    about: str
    messages: tuple[Message, ...]
    reference: str | None
    form: str | None
    doc_id: str | None
    cluster_id: str | None
    source: str
    licence: str
    publish: str

    @property
    def prompt(self) -> tuple[Message, ...]:
        """All turns but the answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The last turn's text."""
        return self.messages[-1].content


def write_conversations(path: Path, conversations: Iterable[Conversation]) -> None:
    """Write conversations in the order of their ids."""
    rows = sorted(conversations, key=lambda each: each.conversation_id)
    write_table(
        path, pa.Table.from_pylist([asdict(row) for row in rows], schema=CONVERSATION_SCHEMA)
    )


def read_conversations(path: Path) -> list[Conversation]:
    """Conversations of a file, in the order of their ids.

    Raises:
        ManifestError: the file is missing or damaged.
    """
    return [
        Conversation(**{**row, "messages": tuple(Message(**turn) for turn in row["messages"])})
        for row in read_table(path, columns=CONVERSATION_SCHEMA.names).to_pylist()
    ]


def turns(*contents: str, system: str | None = None) -> tuple[Message, ...]:
    """User and assistant in turn, the user first, after an optional system message."""
    roles: Sequence[Role] = ("user", "assistant")
    opening = () if system is None else (Message(role="system", content=system),)
    return (
        *opening,
        *(Message(role=roles[n % 2], content=text) for n, text in enumerate(contents)),
    )
