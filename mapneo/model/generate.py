"""Continue a prompt, greedily or by sampling, the same way every time."""

import torch
from torch import Tensor

from mapneo.core.stage import Config
from mapneo.model.cache import Cache
from mapneo.model.transformer import Transformer


class Sampling(Config):
    """How the next token is chosen."""

    max_new_tokens: int = 64
    """Stop after this many tokens."""
    temperature: float = 0.0
    """0 takes the most probable token; above, logits are divided by it and sampled."""
    seed: int = 0
    """Seeds the sampling; without effect at temperature 0."""


@torch.no_grad()
def generate(
    model: Transformer,
    prompt: list[int],
    sampling: Sampling,
    *,
    stop: int | None = None,
    vocabulary: int | None = None,
) -> list[int]:
    """Token ids that follow `prompt` (not empty), up to and without the id `stop`.

    The continuation ends early at the model's context length. Ids from `vocabulary` on, which
    only pad the matrices, are never chosen. The same weights, prompt and sampling give the same
    ids.

    Raises:
        ValueError: the prompt is empty or fills the context.
    """
    context = model.config.context_tokens
    if not 0 < len(prompt) < context:
        raise ValueError(f"a prompt needs 1 to {context - 1} tokens, got {len(prompt)}")
    end = min(context, len(prompt) + sampling.max_new_tokens)
    cache = Cache(model.config, batch=1, max_tokens=end, dtype=model.compute_dtype)
    generator = torch.Generator().manual_seed(sampling.seed)
    tokens = torch.tensor([prompt])
    new: list[int] = []
    while len(prompt) + len(new) < end:
        logits = model(tokens, cache)[0, -1, :vocabulary]
        token = _choose(logits, sampling.temperature, generator)
        if token == stop:
            break
        new.append(token)
        tokens = torch.tensor([[token]])
    return new


def _choose(logits: Tensor, temperature: float, generator: torch.Generator) -> int:
    if temperature == 0.0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits / temperature, dim=-1)
    return int(torch.multinomial(probabilities, 1, generator=generator))
