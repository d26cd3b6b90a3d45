"""A reward model: the decoder with one number per sequence instead of logits.

Shapes: B sequences, T tokens, C hidden.
"""

import torch
from torch import Tensor

from mapneo.model.config import ModelConfig
from mapneo.model.layers import Linear
from mapneo.model.transformer import Decoder


class RewardModel(Decoder):
    """A decoder whose last true token's hidden state is mapped to a score.

    Source: Ouyang et al. 2022 §3.5; the layout is that of LlamaForSequenceClassification.
    """

    def __init__(self, config: ModelConfig) -> None:
        """Weights float32 and not drawn yet."""
        super().__init__(config)
        self.score = Linear(config.hidden, 1)

    @torch.no_grad()
    def start_from(self, model: Decoder, seed: int) -> None:
        """Take the body of `model`; the score's row is drawn from `seed`, with 1/sqrt(C) width."""
        body = model.state_dict()
        own = {name for name, _ in self.named_parameters()} - {"score.weight"}
        self.load_state_dict({name: body[name] for name in own}, strict=False)
        generator = torch.Generator().manual_seed(seed)
        self.score.weight.normal_(0.0, self.config.hidden**-0.5, generator=generator)

    def forward(self, tokens: Tensor, last: Tensor) -> Tensor:
        """Scores (B,) float32 of ids (B, T), read at position `last` (B,) of each row.

        `last` is given and not looked for, so that padding with an id that also ends a turn can't
        move it. What stands after it is not seen, as attention is causal.
        """
        hidden = self.hidden_states(tokens)
        rows = torch.arange(len(tokens), device=tokens.device)
        scores: Tensor = self.score(hidden[rows, last]).squeeze(-1)
        return scores.float()
