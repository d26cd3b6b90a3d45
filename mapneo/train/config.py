"""Settings of a training run, shared by every objective. Read without importing torch."""

from typing import Annotated, Literal

from pydantic import Field

from mapneo.core.stage import Config
from mapneo.model.config import ModelShape
from mapneo.train.schedules import Schedule


class AdamWConfig(Config):
    """AdamW settings; defaults are the paper's (recipe §5)."""

    kind: Literal["adamw"] = "adamw"
    beta_1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the mean of the gradient."""
    beta_2: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the mean of its square."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the mean square."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled decay of the matrices, times the learning rate."""


class MuonConfig(Config):
    """Muon for the matrices inside the blocks, AdamW for embedding, head and norms."""

    kind: Literal["muon"]
    rate_factor: float = Field(default=6.67, gt=0)
    """Muon's learning rate as a multiple of the schedule's, which is AdamW's."""
    momentum: float = Field(default=0.95, ge=0, lt=1)
    """Decay of Muon's mean of the gradient (Nesterov form)."""
    matrix_weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled decay of Muon's matrices, times their learning rate."""
    rest: AdamWConfig = AdamWConfig()
    """Settings of the weights that are left to AdamW."""


OptimizerConfig = Annotated[AdamWConfig | MuonConfig, Field(discriminator="kind")]


class TrainConfig(Config):
    """How long, how fast and how exactly to train."""

    steps: int = Field(ge=1)
    """Updates. Steps times windows must equal the windows that the mix gives the phase."""
    windows: int = Field(ge=1)
    """Windows of one update, over all ranks."""
    micro_batch: int = Field(ge=1)
    """Windows that are computed at once; smaller needs less memory. Part of the result's last
    bits."""
    schedule: Schedule
    """Learning rate by update."""
    optimizer: OptimizerConfig = AdamWConfig()
    """`kind = "adamw"`, the paper's, or `kind = "muon"`."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm (recipe §5: 1.0)."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the forward and backward pass; weights and optimizer are always float32.
    `auto` takes bfloat16 where the processor multiplies it natively."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between checkpoints; the last step always has one."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """How many of the newest checkpoints stay on disk."""
    heldout_every: int = Field(default=100, ge=1)
    """Steps between measurements on held-out text; the last step always has one."""
    heldout_max_bytes: int = Field(default=100_000, ge=0)
    """Held-out text per language and category used for the curve; 0 measures nothing."""
    threads: int = Field(default=0, ge=0)
    """Processor threads; 0 takes every core. Part of the result's last bits."""


class PretrainConfig(TrainConfig):
    """Settings of the stages `pretrain_1` and `pretrain_2`."""

    model: ModelShape | None = None
    """Architecture of phase 1; phase 2 goes on with phase 1's weights and must not state it."""
    prompts: tuple[str, ...] = (
        "The function returns",
        "The purpose of this",
        "def __init__(self",
        "中华人民共和国",
        "在这种情况下,",
    )
    """Beginnings that the trained model continues for `samples.json`."""
    sample_tokens: int = Field(default=64, ge=1)
    """Tokens of each continuation."""
