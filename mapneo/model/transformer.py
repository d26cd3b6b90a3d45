"""The decoder: token ids in, hidden states out; and the language model, which adds logits.

Shapes: B batch, T tokens, C hidden, H query heads, K key/value heads, D head channels, V rows of
the vocabulary.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapneo.model.attention import attend
from mapneo.model.cache import Cache
from mapneo.model.config import ModelConfig
from mapneo.model.layers import Linear, RMSNorm, RotaryTable, SwiGLU, rotate


@dataclass(frozen=True, kw_only=True)
class Sight:
    """Who sees whom beyond the causal order; see `attend`."""

    segments: Tensor | None
    visible: Tensor | None


class Attention(nn.Module):
    """Rotary multi-head attention; key/value heads may be fewer than query heads."""

    def __init__(self, config: ModelConfig) -> None:
        """Four matrices, no bias."""
        super().__init__()
        self.head_dim = config.head_dim
        self.query = Linear(config.hidden, config.heads * config.head_dim)
        self.key = Linear(config.hidden, config.kv_heads * config.head_dim)
        self.value = Linear(config.hidden, config.kv_heads * config.head_dim)
        self.output = Linear(config.heads * config.head_dim, config.hidden)

    def forward(
        self,
        input: Tensor,
        turn: tuple[Tensor, Tensor],
        cache: Cache | None,
        layer: int,
        sight: Sight,
    ) -> Tensor:
        """Map (B, T, C) to (B, T, C); with a cache, the tokens before it are seen as well."""
        query = rotate(self._heads(self.query(input)), turn)
        key = rotate(self._heads(self.key(input)), turn)
        value = self._heads(self.value(input))
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        mixed = attend(query, key, value, sight.segments, sight.visible)  # (B, H, T, D)
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return output

    def _heads(self, flat: Tensor) -> Tensor:
        return flat.view(*flat.shape[:2], -1, self.head_dim).transpose(1, 2)


class Block(nn.Module):
    """Attention and feed-forward, each behind a norm and added to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        """One layer of `config`."""
        super().__init__()
        self.attention_norm = RMSNorm(config.hidden, config.norm_eps)
        self.attention = Attention(config)
        self.ffn_norm = RMSNorm(config.hidden, config.norm_eps)
        self.ffn = SwiGLU(config.hidden, config.ffn)

    def forward(
        self,
        input: Tensor,
        turn: tuple[Tensor, Tensor],
        cache: Cache | None,
        layer: int,
        sight: Sight,
    ) -> Tensor:
        """Map (B, T, C) to (B, T, C)."""
        input = input + self.attention(self.attention_norm(input), turn, cache, layer, sight)
        output: Tensor = input + self.ffn(self.ffn_norm(input))
        return output


class Decoder(nn.Module):
    """Embedding, blocks and final norm: what every model with such a body shares.

    Source: recipe §4 (MAP-Neo paper Table 5).
    """

    def __init__(self, config: ModelConfig) -> None:
        """Weights float32 and not drawn yet: call `draw_weights`, or load some."""
        super().__init__()
        self.config = config
        self.compute_dtype = torch.float32
        self.embedding = nn.Embedding(config.vocabulary, config.hidden)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden, config.norm_eps)
        self.rotary = RotaryTable(config.head_dim, config.rope_theta, config.context_tokens)

    @torch.no_grad()
    def draw_weights(self, seed: int) -> None:
        """Draw every weight from `seed`: normal with `init_std`, norms one.

        Matrices that write to the residual stream are scaled by 1/sqrt(2 * layers), as in
        Megatron's default initialisation, which the paper's training code uses.
        """
        generator = torch.Generator().manual_seed(seed)
        small = self.config.init_std / (2 * self.config.layers) ** 0.5
        for name, weight in self.named_parameters():
            if weight.dim() == 1:
                weight.fill_(1.0)
                continue
            residual = name.endswith(("attention.output.weight", "ffn.down.weight"))
            weight.normal_(0.0, small if residual else self.config.init_std, generator=generator)

    def hidden_states(
        self, tokens: Tensor, cache: Cache | None = None, *, segments: Tensor | None = None
    ) -> Tensor:
        """Normalised last hidden states (B, T, C) in `compute_dtype`, for ids (B, T) int64.

        With `segments` (B, T), texts that share a row do not see each other: a token attends to
        those of its own segment only. Positions run on through the row; rotary attention knows
        distances only, so a packed text gets the states it has alone, up to rounding.
        """
        start = 0 if cache is None else cache.length
        turn = self.rotary.at(start, tokens.shape[1], self.compute_dtype)
        stream = F.embedding(tokens, self.embedding.weight).to(self.compute_dtype)
        visible = None if cache is None else cache.visible(tokens.shape[1])
        sight = Sight(segments=segments, visible=visible)
        for layer, block in enumerate(self.blocks):
            stream = block(stream, turn, cache, layer, sight)
        if cache is not None:
            cache.length += tokens.shape[1]
        output: Tensor = self.norm(stream)
        return output


class Transformer(Decoder):
    """A Llama-form language model: a decoder with a matrix from hidden states to logits."""

    def __init__(self, config: ModelConfig) -> None:
        """Weights float32 and not drawn yet: call `draw_weights`, or load some."""
        super().__init__(config)
        self.head = Linear(config.hidden, config.vocabulary)
        if config.tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits (B, T, V) float32 of the next token after each position of ids (B, T)."""
        logits: Tensor = self.head(self.hidden_states(tokens, cache))
        return logits.float()
