"""The optimizer of a run: AdamW for all weights, or Muon for the blocks' matrices and AdamW beside.

A run may need several torch optimizers; `Optimizer` holds them as one. Each group of weights has a
`rate_factor`: the schedule's rate times that factor is the group's learning rate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mapneo.train.config import AdamWConfig, MuonConfig


@dataclass(frozen=True)
class Optimizer:
    """One or more torch optimizers that step together."""

    members: tuple[torch.optim.Optimizer, ...]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The groups of all members."""
        return [group for member in self.members for group in member.param_groups]

    def set_rate(self, rate: float) -> None:
        """Use `rate`, times each group's factor, from the next update on."""
        for group in self.groups:
            group["lr"] = rate * group["rate_factor"]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for member in self.members:
            member.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Update the weights."""
        for member in self.members:
            member.step()


def build_optimizer(model: nn.Module, config: AdamWConfig | MuonConfig) -> Optimizer:
    """The optimizer that `config` asks for, learning rate still 0.

    Under AdamW every tensor with two or more axes decays, the embedding and the output matrix among
    them, as in Megatron, which the paper trained with; norm weights do not. Under Muon the matrices
    inside the blocks go to Muon (Keller Jordan 2024, torch's implementation), the rest to AdamW.
    """
    if isinstance(config, AdamWConfig):
        return Optimizer((_adamw(list(model.parameters()), config),))
    inside = [w for name, w in model.named_parameters() if name.startswith("blocks.")]
    orthogonal = [weight for weight in inside if weight.dim() == 2]
    taken = {id(weight) for weight in orthogonal}
    rest = [weight for weight in model.parameters() if id(weight) not in taken]
    muon = torch.optim.Muon(
        [{"params": orthogonal, "rate_factor": config.rate_factor}],
        lr=0.0,
        momentum=config.momentum,
        weight_decay=config.matrix_weight_decay,
        adjust_lr_fn="original",
    )
    return Optimizer((muon, _adamw(rest, config.rest)))


def _adamw(weights: Iterable[Tensor], config: AdamWConfig) -> torch.optim.AdamW:
    """Fused AdamW, which does one pass over memory per tensor."""
    decays: dict[bool, list[Tensor]] = {True: [], False: []}
    for weight in weights:
        decays[weight.dim() >= 2].append(weight)
    groups = [
        {
            "params": members,
            "weight_decay": config.weight_decay if decay else 0.0,
            "rate_factor": 1.0,
        }
        for decay, members in decays.items()
    ]
    return torch.optim.AdamW(
        groups, lr=0.0, betas=(config.beta_1, config.beta_2), eps=config.eps, fused=True
    )
