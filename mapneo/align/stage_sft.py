"""Stages `sft_1` (foundation) and `sft_2` (chat, with a share of stage 1 replayed)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from mapneo.align.config import SftConfig
from mapneo.core.stage import Outcome, Work


@dataclass(frozen=True)
class Sft:
    """Supervised fine-tuning on one kind of conversations. Source: recipe §6.1."""

    config: SftConfig
    number: Literal[1, 2]
    version: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """`sft_1` or `sft_2`."""
        return f"sft_{self.number}"

    @property
    def start(self) -> str:
        """The stage whose weights it starts from."""
        return "pretrain_2" if self.number == 1 else "sft_1"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tokenizer, conversations, and the model before."""
        return ("tokenizer", "conversations", self.start)

    def run(self, work: Work) -> Outcome:
        """Train to the end, or on from the last checkpoint."""
        # Imported here so that planning a run, which only needs the settings, goes without torch.
        from mapneo.align.sft import run_sft

        return run_sft(work, self.config, self.number, self.start)
