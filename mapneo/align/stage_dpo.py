"""Stages `dpo_<n>`: the policy learns from a round's pairs."""

from dataclasses import dataclass
from typing import ClassVar

from mapneo.align.config import DpoConfig
from mapneo.core.stage import Outcome, Work


@dataclass(frozen=True)
class Dpo:
    """Direct preference optimisation against the SFT model. Source: recipe §6.2."""

    config: DpoConfig
    number: int
    version: ClassVar[int] = 1
    reference: ClassVar[str] = "sft_2"

    @property
    def name(self) -> str:
        """`dpo_<n>`."""
        return f"dpo_{self.number}"

    @property
    def start(self) -> str:
        """The stage whose policy it improves."""
        return "sft_2" if self.number == 1 else f"dpo_{self.number - 1}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tokenizer, reference, policy, and the round's pairs."""
        stages = ("tokenizer", self.reference, self.start, f"preference_{self.number}")
        return tuple(dict.fromkeys(stages))

    def run(self, work: Work) -> Outcome:
        """Train to the end, or on from the last checkpoint."""
        from mapneo.align.dpo import run_dpo

        return run_dpo(
            work,
            self.config,
            start=self.start,
            reference=self.reference,
            pairs=f"preference_{self.number}",
        )
