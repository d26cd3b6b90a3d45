"""The chat template: how a conversation becomes tokens, in training, sampling and chat alike.

    </s> <|system|> text <|end|> <|user|> text <|end|> <|assistant|> text <|end|>

Each message's text is encoded by itself between control tokens that no text encodes to, so the
tokens of a prompt are always the first tokens of the whole conversation. `chat_template.jinja` says
the same for other programs and is exported beside the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mapneo.align.conversations import Message
from mapneo.core.files import atomic_file
from mapneo.tokenizer import Tokenizer
from mapneo.tokenizer.tokenizer import END_OF_TURN, TURN_PIECES

TEMPLATE_NAME = "chat_template.jinja"


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A conversation in tokens: ids (n,), and whether each is to be predicted (n,)."""

    ids: tuple[int, ...]
    scored: tuple[bool, ...]


class ChatTemplate:
    """Turns messages into ids with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Look up the control tokens.

        Raises:
            ManifestError: the tokenizer has none.
        """
        self._tokenizer = tokenizer
        self._roles = {role: tokenizer.control(piece) for role, piece in TURN_PIECES.items()}
        self.end = tokenizer.control(END_OF_TURN)
        self.eod = tokenizer.eod
        self.stop: tuple[int, ...] = (self.end, self.eod)
        self.vocabulary = tokenizer.vocabulary

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Ids up to the point where the assistant's next turn begins."""
        ids = [self._tokenizer.eod]
        for message in messages:
            ids += self._turn(message)
        return [*ids, self._roles["assistant"]]

    def conversation(self, messages: Sequence[Message]) -> Encoded:
        """All turns; an assistant's text and the end of its turn are scored, nothing else."""
        ids, scored = [self._tokenizer.eod], [False]
        for message in messages:
            turn = self._turn(message)
            ids += turn
            is_scored = message.role == "assistant"
            scored += [False, *[is_scored] * (len(turn) - 1)]
        return Encoded(ids=tuple(ids), scored=tuple(scored))

    def answer(self, text: str) -> list[int]:
        """Ids of an assistant's turn after its opening: the text and the end of the turn."""
        return [*self._tokenizer.encode(text), self.end]

    def text(self, ids: Sequence[int]) -> str:
        """The text of an answer's ids."""
        return self._tokenizer.decode(ids)

    def _turn(self, message: Message) -> list[int]:
        return [self._roles[message.role], *self._tokenizer.encode(message.content), self.end]


def write_template(directory: Path) -> None:
    """Put `chat_template.jinja` beside a model's weights."""
    text = files("mapneo.align").joinpath(TEMPLATE_NAME).read_text(encoding="utf-8")
    with atomic_file(directory / TEMPLATE_NAME) as temporary:
        temporary.write_text(text, encoding="utf-8")
