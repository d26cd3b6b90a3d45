"""Text to token ids and back, without loss."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sentencepiece as spm

from mapneo.core.errors import ManifestError
from mapneo.tokenizer.lossless import escape, require_unicode, restore

MODEL_NAME = "tokenizer.model"

UNKNOWN_ID, BEGIN_ID, END_ID = 0, 1, 2
"""Control ids of the paper's tokenizer; documents end with `</s>`, its id is also called EOD."""

TURN_PIECES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
END_OF_TURN = "<|end|>"
"""Control pieces of a conversation. Text never encodes to them, whatever it spells, so a message
can't open or close a turn. They follow the three ids above; the paper appended five of its own."""


class Tokenizer:
    """A trained SentencePiece model with the escape of `lossless.py` around it.

    Encoding releases the interpreter lock, so threads that share one tokenizer run side by side.
    """

    def __init__(self, model: bytes) -> None:
        """`model` holds the bytes of a `tokenizer.model`."""
        self._processor = spm.SentencePieceProcessor(model_proto=model)

    @staticmethod
    def load(path: Path) -> "Tokenizer":
        """Read a `tokenizer.model`.

        Raises:
            ManifestError: the file is missing or is not a SentencePiece model.
        """
        try:
            return Tokenizer(path.read_bytes())
        except FileNotFoundError as error:
            raise ManifestError(f"{path} is missing: run the stage tokenizer") from error
        except RuntimeError as error:
            raise ManifestError(f"{path} is not a SentencePiece model: {error}") from error

    @property
    def vocabulary(self) -> int:
        """Number of ids."""
        return int(self._processor.vocab_size())

    @property
    def eod(self) -> int:
        """Id that ends a document."""
        return int(self._processor.eos_id())

    def control(self, piece: str) -> int:
        """Id of a control piece such as `<|end|>`.

        Raises:
            ManifestError: the tokenizer has no such control piece.
        """
        token = int(self._processor.piece_to_id(piece))
        if not self._processor.is_control(token):
            raise ManifestError(
                f"the tokenizer has no control piece {piece}: it was made by an older version of "
                "mapneo; run the stage tokenizer again"
            )
        return token

    @property
    def token_bytes(self) -> int:
        """Bytes of an id in a token file: 2 where they suffice, else 4."""
        return 2 if self.vocabulary <= 1 << 16 else 4

    @property
    def dtype(self) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
        """Little-endian type of an id in a token file."""
        return np.dtype("<u2") if self.token_bytes == 2 else np.dtype("<u4")

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, no control ids among them.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text; one thread, as callers run side by side.

        Raises:
            DataError: a text holds a lone surrogate.
        """
        for text in texts:
            if not text.isascii():
                require_unicode(text)
        escaped = [escape(text) for text in texts]
        ids: list[list[int]] = self._processor.encode(escaped, num_threads=1)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; control ids give nothing, bytes that are not UTF-8 give U+FFFD."""
        text: str = self._processor.decode([int(token) for token in ids])
        return restore(text)

    def decode_batch(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """The text of each sequence of ids."""
        texts: list[str] = self._processor.decode([list(sequence) for sequence in ids])
        return [restore(text) for text in texts]

    def piece(self, token: int) -> str:
        """How the piece is written in the model, with U+2581 for a blank."""
        return str(self._processor.id_to_piece(token))
