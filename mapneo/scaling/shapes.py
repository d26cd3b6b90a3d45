"""From a number of parameters to a model's shape, batch and learning rate."""

from math import log

from mapneo.core.errors import ConfigError
from mapneo.model.config import ModelConfig, ModelShape, block_parameters
from mapneo.model.config import parameters as all_parameters

_HEAD_DIMS = ((256, 64), (64, 32), (0, 16))
"""Least width of a model, and the channels of its heads."""
_MAX_LAYERS = 96
_HIDDEN_PER_LAYER = 40.0
_ASPECT_WEIGHT = 0.15
_MAX_MISS = 0.25


def count_parameters(shape: ModelShape, vocabulary: int | None) -> int:
    """Parameters without embeddings (blocks and the last norm); with them, given a vocabulary."""
    if vocabulary is not None:
        return all_parameters(ModelConfig.of(shape, vocabulary=vocabulary, context_tokens=1))
    return shape.layers * block_parameters(shape) + shape.hidden


def shape_near(
    parameters: float,
    *,
    vocabulary: int | None = None,
    tied: bool = True,
    init_std: float = 0.02,
) -> ModelShape:
    """A shape of close to `parameters`, without embeddings unless a `vocabulary` is given.

    Multi-head attention, SwiGLU of 8/3 of the width rounded up to 16, so a block has about
    12·hidden² parameters. The nearest count wins, with some preference for about 40 channels of
    width per layer, so that the models of a ladder have one form; the loss depends little on it
    over a wide range (Kaplan et al. 2020, §3.2).

    Raises:
        ConfigError: there is no model so small or so large.
    """
    best: tuple[float, ModelShape] | None = None
    for layers in range(1, _MAX_LAYERS + 1):
        for hidden in _widths((parameters / (12 * layers)) ** 0.5):
            shape = _shape(layers, hidden, tied, init_std)
            miss = abs(count_parameters(shape, vocabulary) / parameters - 1)
            score = miss + _ASPECT_WEIGHT * abs(log(hidden / layers / _HIDDEN_PER_LAYER))
            if miss <= _MAX_MISS and (best is None or score < best[0]):
                best = score, shape
    if best is None:
        smallest = count_parameters(_shape(1, 16, tied, init_std), vocabulary)
        raise ConfigError(
            f"no model has about {parameters:.4g} parameters "
            f"{'without' if vocabulary is None else 'with'} embeddings; the smallest: {smallest:,}"
        )
    return best[1]


def _widths(largest: float) -> list[int]:
    """Widths in whole heads, from a quarter of `largest` to a little more."""
    found = []
    for floor, step in _HEAD_DIMS:
        first = max(floor // step, int(largest / 4) // step, 1)
        found += [step * n for n in range(first, int(largest) // step + 3)]
    return [width for width in found if width % _head_dim(width) == 0]


def _head_dim(hidden: int) -> int:
    return next(size for floor, size in _HEAD_DIMS if hidden >= floor)


def _shape(layers: int, hidden: int, tied: bool, init_std: float) -> ModelShape:
    heads = hidden // _head_dim(hidden)
    return ModelShape(
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_dim=_head_dim(hidden),
        ffn=-(-8 * hidden // 3 // 16) * 16,
        tied=tied,
        init_std=init_std,
    )


def batch_tokens(compute: float) -> float:
    """Tokens of a batch for a training of `compute` = 6·N·D FLOP: 0.2920 · C^0.3271.

    Source: DeepSeek LLM (arXiv 2401.02954), §3.1, fitted from 1e17 to 2e19 FLOP on N without
    embeddings. MAP-Neo's 7B (2.1e23 FLOP) took 8.4M tokens (recipe §5); the rule says 12M.
    """
    return float(0.2920 * compute**0.3271)


def peak_rate(compute: float) -> float:
    """Peak learning rate of AdamW for a training of `compute` FLOP: 0.3118 · C^-0.1250.

    Source: as `batch_tokens`. MAP-Neo's 7B took 2e-4; the rule says 3.8e-4. Muon's matrices take a
    multiple of the schedule's rate (`MuonConfig.rate_factor`), so the same peak serves.
    """
    return float(0.3118 * compute**-0.1250)
