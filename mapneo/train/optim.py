"""AdamW with two groups: matrices decay, norms do not."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from mapneo.train.config import AdamWConfig


def build_optimizer(model: nn.Module, config: AdamWConfig) -> torch.optim.AdamW:
    """AdamW over `model`, learning rate still 0.

    Every tensor with two or more axes decays, the embedding and the output matrix among them, as
    in Megatron, which the paper trained with; norm weights do not. The fused form does one pass
    over memory per tensor.
    """
    groups = [
        {"params": list(_weights(model, matrices=True)), "weight_decay": config.weight_decay},
        {"params": list(_weights(model, matrices=False)), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=0.0, betas=(config.beta_1, config.beta_2), eps=config.eps, fused=True
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use `rate` for every group from the next update on."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def _weights(model: nn.Module, *, matrices: bool) -> Iterable[Tensor]:
    return (weight for weight in model.parameters() if (weight.dim() >= 2) == matrices)
