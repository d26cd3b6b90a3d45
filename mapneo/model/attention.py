"""Causal attention: torch's kernel, and a blocked one that is faster on CPUs for training.

torch's CPU kernel spends most of its time outside the matrix units at the short sequences that
two cores can train on. The blocked form does each block of queries as three plain batched
products over the keys it may see, so that only the diagonal block wastes work.
Shapes: B batch, H query heads, K key/value heads, T query tokens, S key tokens, D head channels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK_TOKENS = 128
"""Queries per block: fastest of 64, 128 and 256 at 256 and 512 tokens in float32 and bfloat16."""

MAX_BLOCKED_TOKENS = 2048
"""Above this the saved probabilities (T² / 2 per head) outweigh the gain."""


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Tensor | None = None,
    visible: Tensor | None = None,
) -> Tensor:
    """Causal attention with scale 1/sqrt(D); the last query stands at the last key.

    Shapes: query (B, H, T, D), key and value (B, K, S, D) with S >= T, K divides H. With
    `segments` (B, T), and S = T, a token sees only tokens of its own segment. `visible`
    (B, 1, T, S) bool, if given, says all about who sees whom.

    Returns:
        (B, H, T, D), in the dtype of `query`.
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (each.repeat_interleave(groups, dim=1) for each in (key, value))
    if visible is not None:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
    tokens, keys = query.shape[2], key.shape[2]
    if tokens == 1:
        return F.scaled_dot_product_attention(query, key, value)
    is_short = tokens == keys and tokens <= MAX_BLOCKED_TOKENS
    if query.device.type == "cpu" and query.requires_grad and is_short:
        return BlockedAttention.attend(query, key, value, segments)
    if segments is not None:
        same = segments[:, None, :, None] == segments[:, None, None, :]
        return F.scaled_dot_product_attention(query, key, value, attn_mask=same.tril())
    if tokens < keys:
        visible = torch.ones(tokens, keys, dtype=torch.bool, device=query.device)
        mask = visible.tril_(keys - tokens)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


class BlockedAttention(torch.autograd.Function):
    """Causal attention by blocks of queries, probabilities kept for the backward pass."""

    @staticmethod
    def attend(query: Tensor, key: Tensor, value: Tensor, segments: Tensor | None = None) -> Tensor:
        """Causal attention of (B, H, T, D) tensors of equal shape; see `attend` for `segments`."""
        output: Tensor = BlockedAttention.apply(query, key, value, segments)  # type: ignore[no-untyped-call]
        return output

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, segments: Tensor | None
    ) -> Tensor:
        """Softmax of scaled scores times values; see `attend`."""
        shape = query.shape
        heads, tokens, channels = shape[1:]
        query, key, value = (each.reshape(-1, tokens, channels) for each in (query, key, value))
        query = query * channels**-0.5
        output = torch.empty_like(value)
        hidden = torch.full((BLOCK_TOKENS, BLOCK_TOKENS), float("-inf"), dtype=query.dtype).triu_(1)
        probabilities = []
        for start, end in _blocks(tokens):
            scores = torch.bmm(query[:, start:end], key[:, :end].transpose(1, 2))
            scores[:, :, start:end] += hidden[: end - start, : end - start]
            if segments is not None:
                foreign = segments[:, start:end, None] != segments[:, None, :end]
                scores.view(-1, heads, *foreign.shape[1:]).masked_fill_(
                    foreign[:, None], float("-inf")
                )
            probability = torch.softmax(scores, dim=-1)
            output[:, start:end] = torch.bmm(probability, value[:, :end])
            probabilities.append(probability)
        ctx.save_for_backward(query, key, value, *probabilities)
        return output.view(shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of query, key and value."""
        query, key, value, *probabilities = ctx.saved_tensors
        shape = gradients[0].shape
        tokens, channels = shape[2:]
        d_output = gradients[0].reshape(-1, tokens, channels)
        d_query = torch.empty_like(query)
        d_key, d_value = torch.zeros_like(key), torch.zeros_like(value)
        for (start, end), probability in zip(_blocks(tokens), probabilities, strict=True):
            d_block = d_output[:, start:end]
            d_value[:, :end] += torch.bmm(probability.transpose(1, 2), d_block)
            d_probability = torch.bmm(d_block, value[:, :end].transpose(1, 2))
            d_scores = torch._softmax_backward_data(
                d_probability, probability, -1, probability.dtype
            )
            d_query[:, start:end] = torch.bmm(d_scores, key[:, :end])
            d_key[:, :end] += torch.bmm(d_scores.transpose(1, 2), query[:, start:end])
        d_query *= channels**-0.5
        return d_query.view(shape), d_key.view(shape), d_value.view(shape), None


def _blocks(tokens: int) -> list[tuple[int, int]]:
    starts = range(0, tokens, BLOCK_TOKENS)
    return [(start, min(start + BLOCK_TOKENS, tokens)) for start in starts]
