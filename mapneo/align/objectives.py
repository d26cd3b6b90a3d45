"""Objectives on pairs: Bradley-Terry for the reward model, DPO for the policy.

A term is a pair; the loop divides by the pairs of the whole update, however it is split.
Shapes: B pairs, axis 1 is chosen, rejected; T tokens, C hidden.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mapneo.align.pairs import PairRows
from mapneo.model.reward import RewardModel
from mapneo.model.transformer import Transformer
from mapneo.train.objectives import Terms, target_nats


class BradleyTerry:
    """-log σ(score of chosen - score of rejected). Source: Ouyang et al. 2022, eq. 1."""

    def count(self, batch: PairRows) -> int:
        """Number of pairs."""
        return len(batch.tokens)

    def tokens(self, batch: PairRows) -> int:
        """Tokens of both sides, prompts included."""
        return int((batch.last + 1).sum())

    def terms(self, model: RewardModel, batch: PairRows) -> Terms:
        """Loss, accuracy (chosen scored higher) and margin."""
        scores = model(batch.tokens.flatten(0, 1), batch.last.flatten()).view(-1, 2)
        margin = scores[:, 0] - scores[:, 1]
        return Terms(loss=-F.logsigmoid(margin).sum(), sums=_sums(margin))


class DirectPreference:
    """-log σ(β (log-ratio of chosen - log-ratio of rejected)), ratios against the reference.

    Source: Rafailov et al. 2023, eq. 7; recipe §6.2. The likelihood term is that of Pang et al.
    2024, eq. 2.
    """

    def __init__(self, beta: float, nll_weight: float = 0.0) -> None:
        """`beta` is the strength of the pull to the reference; see `DpoConfig`."""
        self._beta = beta
        self._nll_weight = nll_weight

    def count(self, batch: PairRows) -> int:
        """Number of pairs."""
        return len(batch.tokens)

    def tokens(self, batch: PairRows) -> int:
        """Tokens of both sides, prompts included."""
        return int((batch.last + 1).sum())

    def terms(self, model: Transformer, batch: PairRows) -> Terms:
        """Loss, accuracy, margin, and the implicit rewards β · log-ratio of both sides."""
        nats = answer_nats(model, batch)
        rewards = self._beta * (batch.reference.float() - nats)  # log p - log p_ref, times β
        margin = rewards[:, 0] - rewards[:, 1]
        sums = {
            **_sums(margin),
            "chosen_reward": float(rewards[:, 0].detach().sum()),
            "rejected_reward": float(rewards[:, 1].detach().sum()),
        }
        loss = -F.logsigmoid(margin).sum()
        if self._nll_weight:
            lengths = batch.scored[:, 0].sum(-1)
            loss = loss + self._nll_weight * (nats[:, 0] / lengths).sum()
        return Terms(loss=loss, sums=sums)


def answer_nats(model: Transformer, batch: PairRows) -> Tensor:
    """-log p of both answers (B, 2) float32, summed over their tokens, differentiable."""
    tokens = batch.tokens.flatten(0, 1)
    hidden = model.hidden_states(tokens[:, :-1])
    scored = batch.scored.flatten(0, 1)[:, 1:]
    nats = target_nats(hidden[scored], model.head.weight, tokens[:, 1:][scored])
    table = torch.zeros(scored.shape, device=nats.device).masked_scatter(scored, nats)
    return table.sum(-1).view(-1, 2)


def _sums(margin: Tensor) -> dict[str, float]:
    margin = margin.detach()
    return {"accuracy": float((margin > 0).sum()), "margin": float(margin.sum())}
