"""Settings of the alignment stages. Read without importing torch."""

from typing import Literal

from pydantic import Field

from mapneo.core.stage import Config
from mapneo.train.config import AdamWConfig, OptimizerConfig, TrainConfig
from mapneo.train.schedules import Cosine

Skill = Literal["arithmetic", "origin", "word", "definition", "faq", "article"]


class ConversationsConfig(Config):
    """Settings of the stage `conversations`."""

    skills: tuple[Skill, ...] = ("arithmetic", "origin", "word", "definition", "faq", "article")
    """What is asked: sums and differences; the source of a passage; the first or last word of a
    sentence; what a term means; questions that a page answers itself; articles of a statute."""
    foundation_rows: int = Field(default=1500, ge=0)
    """Single-turn training conversations per skill and language, for stage 1 of SFT."""
    chat_rows: int = Field(default=800, ge=0)
    """Conversations with forms, system messages or several turns per skill and language, for
    stage 2."""
    arithmetic_rows: int = Field(default=5000, ge=0)
    """Sums and differences per language for stage 1, repeated if there are fewer."""
    prompts: int = Field(default=300, ge=1)
    """New questions per skill and language, each asked plainly and in chat, to train the reward
    model, and as many for DPO."""
    heldout_prompts: int = Field(default=40, ge=1)
    """Held-out questions per skill and language, each asked plainly and in chat, on which every
    policy is measured."""
    max_number: int = Field(default=99, ge=3)
    """Largest operand of sums and differences."""
    arithmetic_heldout: Literal["operands", "wording"] = "operands"
    """Whether held-out arithmetic asks for numbers never seen together, or for known facts in
    wordings that they were not seen in."""
    max_passage_bytes: int = Field(default=240, ge=80)
    """Longest passage or answer taken from a document, in UTF-8 bytes."""


class TuneConfig(Config):
    """How a stage of fine-tuning trains; steps follow from the rows that there are."""

    epochs: float = Field(default=1.0, gt=0)
    """How often each row is seen."""
    batch: int = Field(default=16, ge=1)
    """Rows (SFT) or pairs (reward, DPO) of one update."""
    micro_batch: int = Field(default=16, ge=1)
    """How many of them are computed at once; part of the result's last bits."""
    peak: float = Field(gt=0)
    """Highest learning rate."""
    warmup_frac: float = Field(default=0.1, ge=0, lt=1)
    """Share of the updates in which the rate rises linearly to its peak."""
    floor_frac: float = Field(default=0.1, ge=0, le=1)
    """The cosine ends at this share of the peak."""
    optimizer: OptimizerConfig = AdamWConfig(weight_decay=0.0)
    """`kind = "adamw"`, the paper's, or `kind = "muon"`."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the forward and backward pass."""
    checkpoint_every: int = Field(default=50, ge=1)
    """Steps between checkpoints; the last step always has one."""
    heldout_every: int = Field(default=50, ge=1)
    """Steps between measurements on held-out material; the last step always has one."""
    threads: int = Field(default=0, ge=0)
    """Processor threads; 0 takes every core. Part of the result's last bits."""

    def training(self, steps: int) -> TrainConfig:
        """The loop's settings for `steps` updates."""
        return TrainConfig(
            steps=steps,
            windows=self.batch,
            schedule=Cosine(
                peak=self.peak,
                floor=self.peak * self.floor_frac,
                warmup_steps=round(self.warmup_frac * steps),
                end_step=steps,
            ),
            checkpoint_every=self.checkpoint_every,
            heldout_every=self.heldout_every,
            micro_batch=min(self.micro_batch, self.batch),
            optimizer=self.optimizer,
            max_grad_norm=self.max_grad_norm,
            precision=self.precision,
            threads=self.threads,
        )


class SftConfig(TuneConfig):
    """Settings of the stages `sft_1` and `sft_2`."""

    peak: float = Field(default=1e-3, gt=0)
    """Highest learning rate."""
    replay_frac: float = Field(default=0.0, ge=0, lt=1)
    """Share of the rows that are drawn from stage 1's (the paper: 5k of 105k)."""


class PreferenceConfig(Config):
    """Settings of the stages `preference_0` (for the reward model) and `preference_1` (for DPO)."""

    samples: int = Field(default=8, ge=2)
    """Answers sampled per prompt."""
    temperature: float = Field(default=1.0, gt=0)
    """Sampling temperature."""
    max_new_tokens: int = Field(default=48, ge=1)
    """Longest answer."""
    reward_weight: float = Field(default=1.0, ge=0)
    """Weight of the reward model's score (round 1 and later; there is none before)."""
    verifier_weight: float = Field(default=0.0, ge=0)
    """Weight of the verifiable reward beside it; prompts then need a reference."""
    pairs_per_prompt: int = Field(default=1, ge=1)
    """At most so many pairs of one prompt: best with worst, second best with second worst, …"""
    reference_answers: bool = True
    """Whether a prompt that the verifier finds no right answer to is paired with its known one."""
    min_margin: float = Field(default=0.0, ge=0)
    """A pair's scores differ by more than this; other pairs are dropped as ties."""
    heldout_frac: float = Field(default=0.0, ge=0, lt=1)
    """Share of the prompts whose pairs are set apart to measure a reward model."""
    shards: int = Field(default=8, ge=1)
    """Over how many shards the prompts are spread: the unit of resume."""


class RewardConfig(TuneConfig):
    """Settings of the stage `reward`."""

    peak: float = Field(default=3e-4, gt=0)
    """Highest learning rate."""


class DpoConfig(TuneConfig):
    """Settings of a DPO round."""

    peak: float = Field(default=1e-4, gt=0)
    """Highest learning rate."""
    beta: float = Field(default=0.1, gt=0)
    """Strength of the pull to the reference (the paper's team tried 0.05 to 0.5)."""
    nll_weight: float = Field(default=0.0, ge=0)
    """Weight of -log p per token of the chosen answer beside the loss (Pang et al. 2024): keeps a
    policy from making both answers unlikely."""


class AnswersConfig(Config):
    """Settings of the stage `answers`."""

    samples: int = Field(default=4, ge=1)
    """Answers sampled per held-out prompt, beside the greedy one, of the policies that DPO starts
    from and makes."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature of those samples."""
    max_new_tokens: int = Field(default=48, ge=1)
    """Longest answer."""
    resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples behind each interval."""
    max_length_ratio: float = Field(default=4 / 3, gt=1)
    """DPO's answers may be so many times as long as those before it."""
    shown: int = Field(default=2, ge=0)
    """Held-out prompts per skill and language whose answers are shown side by side."""
    assert_floors: bool = False
    """Whether a run that misses a floor ends with an error."""
