"""Continue prompts, greedily or by sampling, the same way every time.

Each continuation draws from a stream of its own (its seed), so what one prompt gets does not depend
on which others are generated beside it. Shapes: B prompts, C hidden, V vocabulary.
"""

from collections.abc import Iterator, Sequence

import numpy as np
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


def generate(
    model: Transformer,
    prompt: list[int],
    sampling: Sampling,
    *,
    stop: int | Sequence[int] | None = None,
    vocabulary: int | None = None,
) -> list[int]:
    """Token ids that follow `prompt` (not empty), up to and without an id in `stop`.

    The continuation ends early at the model's context length. Ids from `vocabulary` on, which
    only pad the matrices, are never chosen. The same weights, prompt and sampling give the same
    ids.

    Raises:
        ValueError: the prompt is empty or fills the context.
    """
    return list(stream(model, prompt, sampling, stop=stop, vocabulary=vocabulary))


def stream(
    model: Transformer,
    prompt: list[int],
    sampling: Sampling,
    *,
    stop: int | Sequence[int] | None = None,
    vocabulary: int | None = None,
) -> Iterator[int]:
    """The ids that `generate` gives, one by one as they are found; see there."""
    for _, [token] in _next_tokens(
        model, [prompt], sampling, [sampling.seed], vocabulary, _ids(stop)
    ):
        yield token


def generate_many(
    model: Transformer,
    prompts: Sequence[list[int]],
    sampling: Sampling,
    *,
    seeds: Sequence[int],
    stop: int | Sequence[int] | None = None,
    vocabulary: int | None = None,
    batch: int = 128,
) -> list[list[int]]:
    """What `generate` gives for each prompt, with a seed of its own, many at a time.

    Prompts of like length share a batch, the shorter padded on the left and the padding hidden. Up
    to rounding in the matrix products, a prompt's continuation is that of `generate`.

    Raises:
        ValueError: a prompt is empty or fills the context.
    """
    ends = _ids(stop)
    results: list[list[int]] = [[] for _ in prompts]
    context = model.config.context_tokens
    for rows in _batches([len(each) for each in prompts], context - sampling.max_new_tokens, batch):
        steps = _next_tokens(
            model,
            [prompts[row] for row in rows],
            sampling,
            [seeds[row] for row in rows],
            vocabulary,
            ends,
        )
        for places, tokens in steps:
            for place, token in zip(places, tokens, strict=True):
                results[rows[place]].append(token)
    return results


def _batches(lengths: Sequence[int], roomy: int, batch: int) -> list[list[int]]:
    """Row numbers by batch, in the order of their lengths.

    Above `roomy` tokens a prompt's room to the end of the context counts, so there lengths are not
    mixed: padding would take room from the shorter ones.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
        fits = batches and len(batches[-1]) < batch
        if fits and (lengths[row] <= roomy or lengths[row] == lengths[batches[-1][0]]):
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


@torch.no_grad()
def _next_tokens(
    model: Transformer,
    prompts: Sequence[list[int]],
    sampling: Sampling,
    seeds: Sequence[int],
    vocabulary: int | None,
    ends: Tensor,
) -> Iterator[tuple[list[int], list[int]]]:
    """Step by step the prompts that go on, by number, and the next id of each.

    A prompt stops at an id in `ends`, which is not given, at the limit, or at the model's context.
    Once half of a batch has stopped, only the other half is computed further.
    """
    context = model.config.context_tokens
    for prompt in prompts:
        if not 0 < len(prompt) < context:
            raise ValueError(f"a prompt needs 1 to {context - 1} tokens, got {len(prompt)}")
    length = max(map(len, prompts))
    end = min(context, length + sampling.max_new_tokens)
    draws = _uniforms(seeds, end - length) if sampling.temperature else None
    hidden, cache = _read_prompts(model, prompts, end)
    numbers = torch.arange(len(prompts))
    running = torch.ones(len(prompts), dtype=torch.bool)
    for step in range(end - length):
        logits = model.head(hidden).float()[:, :vocabulary]
        chosen = (
            logits.argmax(-1)
            if draws is None
            else _draw(logits / sampling.temperature, draws[numbers, step])
        )
        running &= ~torch.isin(chosen, ends)
        going = running.nonzero().squeeze(1)
        if not len(going):
            return
        yield numbers[going].tolist(), chosen[going].tolist()
        if 2 * len(going) <= len(numbers):
            numbers, chosen, cache = numbers[going], chosen[going], cache.rows(going)
            running = running[going]
        if step + 1 < end - length:
            hidden = model.hidden_states(chosen[:, None], cache)[:, -1]


def _read_prompts(
    model: Transformer, prompts: Sequence[list[int]], max_tokens: int
) -> tuple[Tensor, Cache]:
    """Last hidden states (B, C) and the cache after the prompts; equal prompts are read once."""
    length = max(map(len, prompts))
    unique = {tuple(prompt): None for prompt in prompts}
    places = {prompt: place for place, prompt in enumerate(unique)}
    cache = Cache(model.config, batch=len(unique), max_tokens=max_tokens, dtype=model.compute_dtype)
    cache.pad_left(torch.tensor([length - len(prompt) for prompt in unique]))
    padded = [[0] * (length - len(prompt)) + list(prompt) for prompt in unique]
    hidden = model.hidden_states(torch.tensor(padded), cache)[:, -1]
    rows = torch.tensor([places[tuple(prompt)] for prompt in prompts])
    return hidden[rows], cache.rows(rows)


def _uniforms(seeds: Sequence[int], steps: int) -> Tensor:
    """Numbers in [0, 1), (B, steps) float64: row by row from the row's own seed."""
    rows = [np.random.default_rng(seed).random(steps) for seed in seeds]
    return torch.from_numpy(np.stack(rows))


def _draw(logits: Tensor, uniforms: Tensor) -> Tensor:
    """The ids (B,) whose share of the cumulative probability holds `uniforms` (B,)."""
    cumulative = torch.softmax(logits.double(), dim=-1).cumsum(-1)
    wanted = (uniforms.to(logits.device) * cumulative[:, -1])[:, None]
    return (
        torch.searchsorted(cumulative, wanted, right=True)
        .squeeze(1)
        .clamp_max(logits.shape[-1] - 1)
    )


def _ids(stop: int | Sequence[int] | None) -> Tensor:
    ids = [] if stop is None else [stop] if isinstance(stop, int) else list(stop)
    return torch.tensor(ids, dtype=torch.int64)
