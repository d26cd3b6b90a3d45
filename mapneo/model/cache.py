"""Keys and values of the tokens seen so far, so that a new token costs one position."""

import torch
from torch import Tensor

from mapneo.model.config import ModelConfig


class Cache:
    """Room for `max_tokens` keys and values of every layer.

    Shapes: (layers, B, K, max_tokens, D) with K key/value heads and D head channels.
    """

    def __init__(
        self, config: ModelConfig, *, batch: int, max_tokens: int, dtype: torch.dtype
    ) -> None:
        """Reserve the memory; nothing is seen yet."""
        shape = (config.layers, batch, config.kv_heads, max_tokens, config.head_dim)
        self._keys = torch.zeros(shape, dtype=dtype)
        self._values = torch.zeros(shape, dtype=dtype)
        self._padding: Tensor | None = None
        self.length = 0

    def pad_left(self, padding: Tensor) -> None:
        """Hide the first `padding[b]` (B,) int64 tokens of each row from those that follow."""
        self._padding = padding if bool(padding.any()) else None

    def visible(self, tokens: int) -> Tensor | None:
        """Which keys the next `tokens` queries see, (B, 1, tokens, length + tokens) bool.

        None if nothing but the order hides any. Padding sees itself, so that no row of the softmax
        is empty.
        """
        if self._padding is None:
            return None
        keys = torch.arange(self.length + tokens)
        queries = keys[self.length :]
        seen = keys[None, None, :] >= self._padding[:, None, None]
        past = keys[None, None, :] <= queries[None, :, None]
        itself = keys[None, None, :] == queries[None, :, None]
        return ((seen & past) | itself)[:, None]

    def rows(self, chosen: Tensor) -> "Cache":
        """A cache whose row *b* is this one's row `chosen[b]` (int64), copied."""
        other = object.__new__(Cache)
        other._keys = self._keys[:, chosen]
        other._values = self._values[:, chosen]
        other._padding = None if self._padding is None else self._padding[chosen]
        other.length = self.length
        return other

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store (B, K, T, D) of `layer` after what is there, and give all (B, K, length + T, D).

        `length` itself is moved by the model once all layers have stored.
        """
        end = self.length + key.shape[2]
        self._keys[layer][:, :, self.length : end] = key
        self._values[layer][:, :, self.length : end] = value
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]
