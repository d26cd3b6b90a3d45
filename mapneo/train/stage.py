"""Stages `pretrain_1` and `pretrain_2`: train on a phase of the mix, export, show samples."""

from dataclasses import dataclass
from typing import Literal

from mapneo.core.stage import Outcome, Work
from mapneo.train.config import PretrainConfig


@dataclass(frozen=True)
class Pretrain:
    """One phase of pre-training; phase 2 starts from the weights of phase 1 and nothing else."""

    config: PretrainConfig
    phase: Literal[1, 2]

    @property
    def name(self) -> str:
        """`pretrain_1` or `pretrain_2`."""
        return f"pretrain_{self.phase}"

    @property
    def version(self) -> int:
        """Raised when the same settings give other weights."""
        return 2

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tokenizer, token files, quotas, and the phase before."""
        before = ("pretrain_1",) if self.phase == 2 else ()
        return ("tokenizer", "encode", "mix", *before)

    def run(self, work: Work) -> Outcome:
        """Train to the end, or on from the last checkpoint."""
        # Imported here so that planning a run, which only needs the settings, goes without torch.
        from mapneo.train.phase import run_phase

        return run_phase(work, self.config, self.phase)
