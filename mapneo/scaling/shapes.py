"""From a number of parameters to a model's shape, batch and learning rate."""

from math import log

from mapneo.core.errors import ConfigError
from mapneo.model.config import ModelShape, block_parameters

_HIDDEN_STEP = 16
_MAX_LAYERS = 96
_HIDDEN_PER_LAYER = 40.0
_ASPECT_WEIGHT = 0.02
_HEAD_DIM = 64
_MAX_MISS = 0.15


def body_parameters(shape: ModelShape) -> int:
    """Parameters without embeddings: blocks and the last norm."""
    return shape.layers * block_parameters(shape) + shape.hidden


def shape_near(parameters: float, *, tied: bool = True, init_std: float = 0.02) -> ModelShape:
    """A shape whose parameters without embeddings are close to `parameters`.

    Multi-head attention, heads of up to 64 channels, SwiGLU of 8/3 of the width rounded up to 16,
    so a block has about 12·hidden² parameters. Among widths in steps of 16, the nearest count wins,
    with a small preference for about 40 channels per layer (Kaplan et al. 2020, §3.2: the loss
    depends little on the shape over a wide range).

    Raises:
        ConfigError: there is no model so small or so large.
    """
    best: tuple[float, ModelShape] | None = None
    for layers in range(1, _MAX_LAYERS + 1):
        middle = (parameters / (12 * layers)) ** 0.5
        for step in (-1, 0, 1, 2):
            hidden = (int(middle) // _HIDDEN_STEP + step) * _HIDDEN_STEP
            if hidden < _HIDDEN_STEP:
                continue
            shape = _shape(layers, hidden, tied, init_std)
            miss = abs(body_parameters(shape) / parameters - 1)
            score = miss + _ASPECT_WEIGHT * abs(log(hidden / layers / _HIDDEN_PER_LAYER))
            if miss <= _MAX_MISS and (best is None or score < best[0]):
                best = score, shape
    if best is None:
        raise ConfigError(
            f"no model has about {parameters:.4g} parameters without embeddings: the smallest has "
            f"{body_parameters(_shape(1, _HIDDEN_STEP, tied, init_std)):,}"
        )
    return best[1]


def _shape(layers: int, hidden: int, tied: bool, init_std: float) -> ModelShape:
    head_dim = next(size for size in (_HEAD_DIM, 32, 16) if hidden % size == 0)
    heads = hidden // head_dim
    return ModelShape(
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_dim=head_dim,
        ffn=-(-8 * hidden // 3 // _HIDDEN_STEP) * _HIDDEN_STEP,
        tied=tied,
        init_std=init_std,
    )


def batch_tokens(compute: float) -> float:
    """Tokens of a batch for a training of `compute` = 6·N·D FLOP: 0.2920 · C^0.3271.

    Source: DeepSeek LLM (arXiv 2401.02954), §3.1, fitted from 1e17 to 2e19 FLOP on N without
    embeddings; near-optimal batches span a factor of several. MAP-Neo's 7B (2.1e23 FLOP) took 8.4M
    tokens (recipe §5); the rule says 12M.
    """
    return float(0.2920 * compute**0.3271)


def peak_rate(compute: float) -> float:
    """Peak learning rate of AdamW for a training of `compute` FLOP: 0.3118 · C^-0.1250.

    Source: as `batch_tokens`. MAP-Neo's 7B took 2e-4; the rule says 3.8e-4. Muon's matrices take a
    multiple of the schedule's rate (`MuonConfig.rate_factor`), so the same peak serves.
    """
    return float(0.3118 * compute**-0.1250)
