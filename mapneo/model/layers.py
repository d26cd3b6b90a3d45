"""The parts of a block: linear map, RMSNorm, rotary position, SwiGLU.

Weights are float32 masters; each layer computes in the dtype of its input and casts its weight
on the way, so the same module runs in float32, in bfloat16, and under a sharding that hands it
bfloat16 weights. Shapes: B batch, T tokens, C hidden, D head channels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Linear):
    """A linear map without bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Weight (outputs, inputs), uninitialised until the model draws it."""
        super().__init__(inputs, outputs, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs) in the dtype of `input`."""
        output: Tensor = F.linear(input, self.weight.to(input.dtype))
        return output


class RMSNorm(nn.Module):
    """x / sqrt(mean(x²) + eps) * weight. Source: Zhang and Sennrich 2019, eq. 4."""

    def __init__(self, hidden: int, eps: float) -> None:
        """Weight (hidden,), ones."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))
        self.eps = eps

    def forward(self, input: Tensor) -> Tensor:
        """Normalise the last axis of (..., hidden); the mean square is taken in float32."""
        output: Tensor = _RootMeanSquare.apply(input, self.weight, self.eps)  # type: ignore[no-untyped-call]
        return output


class _RootMeanSquare(torch.autograd.Function):
    """RMSNorm with a hand-written backward: a third of the passes of the composed form."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, eps: float) -> Tensor:
        norm = torch.linalg.vector_norm(input, dim=-1, keepdim=True, dtype=torch.float32)
        scale = norm.square().div_(input.shape[-1]).add_(eps).rsqrt_().to(input.dtype)
        unit = input * scale
        ctx.save_for_backward(unit, weight, scale)
        output: Tensor = unit * weight.to(input.dtype)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        unit, weight, scale = ctx.saved_tensors
        (gradient,) = gradients
        hidden = unit.shape[-1]
        weight_here = weight.to(gradient.dtype)
        product = (gradient * unit).view(-1, hidden)
        d_weight = product.sum(0, dtype=torch.float32).to(weight.dtype)
        mean = (product @ weight_here).div_(-hidden).view(scale.shape)
        d_input = torch.addcmul(gradient * weight_here, unit, mean).mul_(scale)
        return d_input, d_weight, None


class RotaryTable(nn.Module):
    """Cosines and sines of the rotary angles, first half and second half of the channels paired.

    Source: Su et al. 2021 §3.2; the pairing of halves is that of Llama in `transformers`.
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, head_dim: int, theta: float, context_tokens: int) -> None:
        """Tables (context_tokens, head_dim), float32, not part of the weights."""
        super().__init__()
        wavelength = torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
        angle = torch.outer(torch.arange(context_tokens).float(), 1.0 / theta**wavelength)
        cosine, sine = angle.cos(), angle.sin()
        self.register_buffer("cosine", torch.cat((cosine, cosine), -1), persistent=False)
        # The minus sign of the rotation sits in the table, so turning is one product and one sum.
        self.register_buffer("sine", torch.cat((-sine, sine), -1), persistent=False)

    def at(self, start: int, tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine (tokens, head_dim) of positions start … start + tokens - 1."""
        rows = slice(start, start + tokens)
        return self.cosine[rows].to(dtype), self.sine[rows].to(dtype)


def rotate(heads: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn (B, H, T, D) by `turn` = cosine and signed sine, each (T, D)."""
    turned: Tensor = _Rotation.apply(heads, *turn)  # type: ignore[no-untyped-call]
    return turned


class _Rotation(torch.autograd.Function):
    """A rotation; its backward is the rotation by the opposite angle."""

    @staticmethod
    def forward(ctx: Any, heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _turn(heads, cosine, sine)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = ctx.saved_tensors
        return _turn(gradients[0], cosine, -sine), None, None


def _turn(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    half = heads.shape[-1] // 2
    return (heads * cosine).addcmul_(heads.roll(half, dims=-1), sine)


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)). Source: Shazeer 2020, eq. 6."""

    def __init__(self, hidden: int, inner: int) -> None:
        """Three matrices between `hidden` and `inner`."""
        super().__init__()
        self.gate = Linear(hidden, inner)
        self.up = Linear(hidden, inner)
        self.down = Linear(inner, hidden)

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, T, C) to (B, T, C)."""
        output: Tensor = self.down(F.silu(self.gate(input)) * self.up(input))
        return output
