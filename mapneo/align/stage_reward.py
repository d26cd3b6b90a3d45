"""Stage `reward`: a reward model from pairs whose order the verifier decided."""

from dataclasses import dataclass
from typing import ClassVar

from mapneo.align.config import RewardConfig
from mapneo.core.stage import Outcome, Work


@dataclass(frozen=True)
class Reward:
    """A scalar head on the SFT model, trained pairwise. Source: recipe §6.2 (a scalar-head RM)."""

    config: RewardConfig
    name: ClassVar[str] = "reward"
    version: ClassVar[int] = 1
    start: ClassVar[str] = "sft_2"
    inputs: ClassVar[tuple[str, ...]] = ("tokenizer", "sft_2", "preference_0")

    def run(self, work: Work) -> Outcome:
        """Train to the end, or on from the last checkpoint; then measure."""
        from mapneo.align.reward import run_reward

        return run_reward(work, self.config, self.start)
