"""Talk to a run's newest model: messages in, pieces of text out as they are found."""

from collections.abc import Iterator
from pathlib import Path

from mapneo.align.conversations import Message
from mapneo.align.template import ChatTemplate
from mapneo.core.errors import ConfigError, InputError
from mapneo.core.manifest import read_manifest
from mapneo.model.exchange import load_model
from mapneo.model.generate import Sampling, stream
from mapneo.tokenizer import Tokenizer
from mapneo.tokenizer.tokenizer import MODEL_NAME
from mapneo.train.machine import compute_dtype

_UNFINISHED = "\ufffd"
"""What half of a character decodes to; the rest may come with the next token."""


def chat_stages(run: Path) -> list[str]:
    """Finished stages of a run whose model can chat, newest first."""
    rounds = sorted(
        (path.name for path in run.glob("dpo_*") if path.name[4:].isdigit()),
        key=lambda name: -int(name[4:]),
    )
    names = [*rounds, "sft_2", "sft_1"]
    return [name for name in names if read_manifest(run / name) is not None]


class Chat:
    """One conversation with one model of a run."""

    def __init__(
        self, run: Path, *, stage: str | None = None, system: str | None = None, sampling: Sampling
    ) -> None:
        """Load the model of `stage`, or of the newest stage that can chat.

        Raises:
            InputError: the run has no such model.
        """
        stages = chat_stages(run)
        if not stages:
            raise InputError(
                f"{run} has no model to talk to: none of its stages sft_1, sft_2, dpo_1 is "
                "finished; run a recipe with a table `conversations`"
            )
        if stage is not None and stage not in stages:
            raise InputError(f"{run} has no finished stage {stage}; there are {', '.join(stages)}")
        self.stage = stage or stages[0]
        self._template = ChatTemplate(Tokenizer.load(run / "tokenizer" / MODEL_NAME))
        self._model = load_model(run / self.stage / "model")
        self._model.compute_dtype = compute_dtype("auto")
        self._sampling = sampling
        self._opening = [] if system is None else [Message(role="system", content=system)]
        self._turns: list[Message] = []
        self.forgotten = 0
        """Turns at the beginning that no longer fit into the model's context."""

    def reset(self) -> None:
        """Forget the conversation but not the system message."""
        self._turns, self.forgotten = [], 0

    def reply(self, text: str) -> Iterator[str]:
        """The assistant's answer to `text`, in pieces; it becomes part of the conversation.

        Raises:
            ConfigError: the message alone is too long for the model's context; it is not kept.
            DataError: the message holds a lone surrogate; it is not kept.
        """
        turns = [*self._turns, Message(role="user", content=text)]
        prompt, turns = self._fit(turns)
        said = ""
        for piece in self._pieces(prompt):
            said += piece
            yield piece
        self._turns = [*turns, Message(role="assistant", content=said)]

    def _fit(self, turns: list[Message]) -> tuple[list[int], list[Message]]:
        """The prompt's ids, with the oldest exchanges left out until an answer has room."""
        context = self._model.config.context_tokens
        room = min(self._sampling.max_new_tokens, context // 4)
        forgotten = 0
        while len(ids := self._template.prompt([*self._opening, *turns])) > context - room:
            if len(turns) == 1:
                raise ConfigError(
                    f"this message takes {len(ids)} tokens, the model's context is {context} with "
                    f"{room} kept for the answer: say it shorter"
                )
            turns = turns[2:]
            forgotten += 2
        self.forgotten += forgotten
        return ids, turns

    def _pieces(self, prompt: list[int]) -> Iterator[str]:
        ids: list[int] = []
        shown = ""
        for token in stream(
            self._model,
            prompt,
            self._sampling,
            stop=self._template.stop,
            vocabulary=self._template.vocabulary,
        ):
            ids.append(token)
            text = self._template.text(ids)
            if text.startswith(shown) and not text.endswith(_UNFINISHED):
                yield text[len(shown) :]
                shown = text
        rest = self._template.text(ids)[len(shown) :]
        if rest:
            yield rest
