"""A model of ours as lm-evaluation-harness wants one: it scores continuations of contexts."""

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

from lm_eval.api.model import LM

from mapneo.evaluate.likelihood import Request, likelihoods
from mapneo.model.transformer import Transformer


class Encoder(Protocol):
    """What the adapter needs of a tokenizer."""

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, no control ids among them."""


class ModelAdapter(LM):  # type: ignore[misc]
    """Answers `loglikelihood`; every context begins with an EOD, as documents do in training."""

    def __init__(self, model: Transformer, tokenizer: Encoder, *, eod: int) -> None:
        """`model` and its `tokenizer`; `eod` is the id that ends and begins documents."""
        super().__init__()
        self._model = model
        self._tokenizer = tokenizer
        self._eod = eod

    def requests(self, pairs: Sequence[tuple[str, str]]) -> list[Request]:
        """Token ids of (context, continuation) texts.

        The continuation's ids are those that the two texts together have behind the context's. If
        the context does not come out the same there, both are encoded alone, so that all
        continuations of one context follow the same ids.
        """
        encode = self._tokenizer.encode_batch
        contexts = encode([context for context, _ in pairs])
        wholes = encode([context + continuation for context, continuation in pairs])
        alone = encode([continuation for _, continuation in pairs])
        return [
            Request(
                context=(self._eod, *context),
                continuation=tuple(
                    whole[len(context) :] if whole[: len(context)] == context else single
                ),
            )
            for context, whole, single in zip(contexts, wholes, alone, strict=True)
        ]

    def fits(self, pair: tuple[str, str]) -> bool:
        """Whether the model can read context and continuation whole."""
        [request] = self.requests([pair])
        return len(request.read) <= self._model.config.context_tokens

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        """For each request (log-probability, whether greedy decoding gives it).

        Raises:
            DataError: a request does not fit into the model's context.
        """
        pairs = [(str(request.args[0]), str(request.args[1])) for request in requests]
        scored = likelihoods(self._model, self.requests(pairs))
        return [(score.log_prob, score.is_greedy) for score in scored]

    def loglikelihood_rolling(self, requests: list[Any]) -> NoReturn:
        """Not offered: bits per byte are measured without the harness.

        Raises:
            NotImplementedError: always.
        """
        raise _not_offered("loglikelihood_rolling")

    def generate_until(self, requests: list[Any]) -> NoReturn:
        """Not offered yet.

        Raises:
            NotImplementedError: always.
        """
        raise _not_offered("generate_until")


def _not_offered(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"this adapter does not answer {name} requests, only loglikelihood: choose a task whose "
        "output_type is multiple_choice or loglikelihood"
    )
