"""Sizes of a Llama-form decoder, the published presets, and exact parameter and FLOP counts."""

from typing import Self

from pydantic import Field, model_validator

from mapneo.core.stage import Config


class ModelShape(Config):
    """Everything about the architecture that does not depend on the tokenizer or the data."""

    layers: int = Field(ge=1)
    """Transformer blocks."""
    hidden: int = Field(ge=1)
    """Width of the residual stream."""
    heads: int = Field(ge=1)
    """Query heads."""
    kv_heads: int = Field(ge=1)
    """Key/value heads: equal to `heads` is multi-head, 1 is multi-query, between is grouped."""
    head_dim: int = Field(ge=2)
    """Channels of one head; even, because rotary embedding turns pairs of channels."""
    ffn: int = Field(ge=1)
    """Inner width of the SwiGLU feed-forward layer (three matrices)."""
    rope_theta: float = Field(default=10_000.0, gt=0)
    """Base of the rotary wavelengths."""
    norm_eps: float = Field(default=1e-5, gt=0)
    """Added to the mean square before its root is taken."""
    tied: bool = False
    """Whether the output matrix is the embedding matrix."""
    init_std: float = Field(default=0.02, gt=0)
    """Standard deviation of the initial weights; layers that write to the residual stream get
    init_std / sqrt(2 * layers)."""

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is not a multiple of kv_heads {self.kv_heads}")
        if self.head_dim % 2:
            raise ValueError(f"head_dim {self.head_dim} is odd; rotary embedding needs pairs")
        return self


class ModelConfig(ModelShape):
    """A complete architecture: shape, vocabulary and context."""

    vocabulary: int = Field(ge=1)
    """Rows of the embedding matrix, padding rows included."""
    context_tokens: int = Field(default=8192, ge=1)
    """Longest sequence the model is trained for."""

    @staticmethod
    def of(shape: ModelShape, *, vocabulary: int, context_tokens: int) -> "ModelConfig":
        """Complete `shape`; the vocabulary is rounded up to a multiple of 64.

        A round row count keeps the output matrix product fast; the paper's models do the same
        with 128 (recipe §1.4).
        """
        rows = -(-vocabulary // 64) * 64
        sizes = {name: getattr(shape, name) for name in ModelShape.model_fields}
        return ModelConfig(**sizes, vocabulary=rows, context_tokens=context_tokens)


MAP_NEO_7B = ModelConfig(
    layers=28, hidden=3072, heads=16, kv_heads=16, head_dim=192, ffn=24_576, vocabulary=64_256
)
"""The 7B model. Source: MAP-Neo paper Table 5; released `neo_7b` config (vocabulary)."""

MAP_NEO_2B = ModelConfig(
    layers=18, hidden=2048, heads=8, kv_heads=1, head_dim=256, ffn=16_384, vocabulary=64_128
)
"""The 2B model. Source: MAP-Neo paper Table 5; vocabulary inferred from the checkpoint's size."""

MAP_NEO_250M = ModelShape(layers=8, hidden=1024, heads=8, kv_heads=1, head_dim=128, ffn=4096)
MAP_NEO_460M = ModelShape(layers=12, hidden=1024, heads=8, kv_heads=1, head_dim=128, ffn=8192)
MAP_NEO_980M = ModelShape(layers=12, hidden=2048, heads=8, kv_heads=1, head_dim=256, ffn=8192)
"""The models of the paper's scaling law, *inferred*: layers and width of the 250M were published;
all else is what fits the sizes of released files best at a vocabulary of 64,128 (recipe §4.2)."""

TINY = ModelShape(layers=4, hidden=256, heads=4, kv_heads=4, head_dim=64, ffn=768, init_std=0.05)
"""For two cores and minutes; see docs/experiments.md for how it was chosen."""

MICRO = ModelShape(layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn=64)
"""For tests: trains hundreds of steps per second."""


def block_parameters(shape: ModelShape) -> int:
    """Parameters of one block: attention, feed-forward and two norms."""
    attention = 2 * shape.hidden * (shape.heads + shape.kv_heads) * shape.head_dim
    return attention + 3 * shape.hidden * shape.ffn + 2 * shape.hidden


def parameters(config: ModelConfig) -> int:
    """All parameters; a tied matrix counts once."""
    embeddings = (1 if config.tied else 2) * config.vocabulary * config.hidden
    return config.layers * block_parameters(config) + embeddings + config.hidden


def forward_flops_per_token(config: ModelConfig, sequence_tokens: int) -> int:
    """Multiply-adds times two of a forward pass, per token of a `sequence_tokens` sequence.

    Matrix products only. Attention is counted as the full square, as `torch.utils.flop_counter`
    does; a kernel that skips the masked half does about half of that part.
    """
    matrices = config.layers * (block_parameters(config) - 2 * config.hidden)
    matrices += config.vocabulary * config.hidden
    attention = 2 * config.layers * config.heads * config.head_dim * sequence_tokens
    return 2 * (matrices + attention)


def training_flops_per_token(config: ModelConfig, sequence_tokens: int) -> int:
    """Forward plus backward: the backward pass of a matrix product is two products."""
    return 3 * forward_flops_per_token(config, sequence_tokens)
