"""Who scores answers: the verifier, which reads by rule, or a reward model, which has learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from mapneo.align.conversations import Conversation
from mapneo.align.forms import verify
from mapneo.align.template import ChatTemplate
from mapneo.core.errors import ConfigError, DataError
from mapneo.model.exchange import load_reward_model
from mapneo.model.reward import RewardModel
from mapneo.train.machine import compute_dtype

BATCH_TOKENS = 8192


@dataclass(frozen=True, kw_only=True)
class Response:
    """One answer to a prompt; `ids` include the end of the turn if the answer `ended`."""

    prompt: Conversation
    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    text: str
    number: int
    seed: int
    ended: bool


class Scorer(Protocol):
    """Gives each response a number; higher is better."""

    @property
    def name(self) -> str:
        """Recorded in every pair."""

    def score(self, responses: Sequence[Response]) -> list[float]:
        """Scores in the order of the responses."""


class Verifier:
    """The verifiable reward: half for the right value, half for the form asked for."""

    name = "verifier"

    def score(self, responses: Sequence[Response]) -> list[float]:
        """0, 0.5 or 1 each.

        Raises:
            DataError: a prompt has no reference to verify against.
        """
        return [self._score(response) for response in responses]

    def _score(self, response: Response) -> float:
        prompt = response.prompt
        if prompt.reference is None or prompt.form is None:
            raise DataError(
                f"{prompt.conversation_id} has no reference answer, so the verifier can't score "
                "it: leave it out of the prompts, or score with a reward model"
            )
        return verify(response.text, prompt.reference, prompt.form).reward


class LearnedReward:
    """A reward model over prompt and answer."""

    name = "reward_model"

    def __init__(self, model: RewardModel, pad: int) -> None:
        """`pad` fills up rows of a batch; it is never read."""
        self._model = model
        self._pad = pad

    def score(self, responses: Sequence[Response]) -> list[float]:
        """The model's scores; sequences of like length are scored together."""
        sequences = [response.prompt_ids + response.ids for response in responses]
        return score_sequences(self._model, sequences, pad=self._pad)


@torch.no_grad()
def score_sequences(
    model: RewardModel, sequences: Sequence[Sequence[int]], *, pad: int
) -> list[float]:
    """Scores of token sequences, in their order; one beyond the context loses its beginning."""
    sequences = [sequence[-model.config.context_tokens :] for sequence in sequences]
    scores = [0.0] * len(sequences)
    order = sorted(range(len(sequences)), key=lambda n: (len(sequences[n]), n))
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and len(sequences[order[end]]) * (end + 1 - start) <= BATCH_TOKENS:
            end += 1
        chosen = order[start:end]
        width = len(sequences[chosen[-1]])
        rows = [[*sequences[n], *[pad] * (width - len(sequences[n]))] for n in chosen]
        last = torch.tensor([len(sequences[n]) - 1 for n in chosen])
        values = model(torch.tensor(rows), last).tolist()
        for number, value in zip(chosen, values, strict=True):
            scores[number] = value
        start = end
    return scores


class WeightedSum:
    """Several scorers as one."""

    def __init__(self, parts: Sequence[tuple[float, Scorer]]) -> None:
        """Weights, and who they weigh."""
        self._parts = parts

    @property
    def name(self) -> str:
        """Such as `1·verifier + 0.1·reward_model`; a single part of weight 1 by its own name."""
        [(first, only), *more] = self._parts
        if first == 1 and not more:
            return only.name
        return " + ".join(f"{weight:g}·{scorer.name}" for weight, scorer in self._parts)

    def score(self, responses: Sequence[Response]) -> list[float]:
        """Weighted sums in the order of the responses."""
        columns = [
            [weight * value for value in scorer.score(responses)] for weight, scorer in self._parts
        ]
        return [sum(values) for values in zip(*columns, strict=True)]


def load_scorer(
    reward_folder: Path | None,
    template: ChatTemplate,
    *,
    reward_weight: float,
    verifier_weight: float,
) -> Scorer:
    """The reward model in a folder and the verifier, as weighed; without a folder the verifier.

    Raises:
        ConfigError: both weights are zero.
    """
    if reward_folder is None:
        return Verifier()
    parts: list[tuple[float, Scorer]] = []
    if verifier_weight:
        parts.append((verifier_weight, Verifier()))
    if reward_weight:
        model = load_reward_model(reward_folder)
        model.compute_dtype = compute_dtype("auto")
        parts.append((reward_weight, LearnedReward(model, template.eod)))
    if not parts:
        raise ConfigError("reward_weight and verifier_weight are both 0: nobody scores the answers")
    return WeightedSum(parts)
