"""The recipe of a ladder: one pool of text, one tokenizer, one held-out set; many (N, D)."""

from typing import Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from mapneo.ablate.config import ScoreConfig
from mapneo.core.run_config import RunConfig
from mapneo.core.stage import Config
from mapneo.curate.stage_dedup import DedupConfig
from mapneo.curate.stage_judge import JudgeConfig
from mapneo.curate.stage_measure import MeasureConfig, measure_what_is_judged
from mapneo.curate.stage_split import SplitConfig
from mapneo.mix.config import MixRule
from mapneo.model.config import MAP_NEO_250M, MAP_NEO_460M, MAP_NEO_980M, ModelShape
from mapneo.scaling.shapes import shape_near
from mapneo.sources.stage_extract import ExtractConfig
from mapneo.sources.stage_fetch import FetchConfig
from mapneo.tokenizer.config import EncodeConfig, TokenizerConfig
from mapneo.train.config import AdamWConfig, OptimizerConfig

PresetName: TypeAlias = Literal["map_neo_250m", "map_neo_460m", "map_neo_980m"]
PRESETS: dict[str, ModelShape] = {
    "map_neo_250m": MAP_NEO_250M,
    "map_neo_460m": MAP_NEO_460M,
    "map_neo_980m": MAP_NEO_980M,
}
"""The paper's models for its scaling law; feed-forward widths and heads are inferred."""


class SizeTokens(Config):
    """One more run, beside the grid."""

    size: float | PresetName
    """As in `ladder.sizes`."""
    tokens: float = Field(gt=0)
    """D."""


class LadderConfig(Config):
    """Which models are trained on how much."""

    sizes: tuple[float | PresetName, ...] = Field(min_length=1)
    """Parameters without embeddings, to the nearest shape (`scaling/shapes.py`), or a preset."""
    tokens: tuple[float, ...] = Field(min_length=1)
    """D of each size; one schedule each, to its end. Points along one run would still be on their
    way down at a high learning rate."""
    extra: tuple[SizeTokens, ...] = ()
    """Runs beside the grid, such as one larger model to be predicted."""
    min_tokens_per_parameter: float = Field(default=0.0, ge=0)
    """Runs of the grid with less are left out."""
    max_run_flops: float = Field(gt=0)
    """Runs of the grid that cost more (6·N·D) are left out."""
    budget_flops: float = Field(gt=0)
    """All runs together; a plan that costs more is refused."""
    flops_per_second: float = Field(gt=0)
    """What the machine does, to say how long a run will take before one was made."""
    tied: bool = True
    """Whether output and embedding matrices are one; small models are mostly embeddings else."""
    init_std: float = Field(default=0.05, gt=0)
    """Standard deviation of the initial weights."""

    def shape(self, size: float | str) -> ModelShape:
        """The architecture of a size.

        Raises:
            ConfigError: there is no model so small or so large.
        """
        if isinstance(size, str):
            return PRESETS[size]
        return shape_near(size, tied=self.tied, init_std=self.init_std)


class LadderMixConfig(Config):
    """How the text is mixed; windows follow from each run's tokens."""

    seq_len: int = Field(default=256, gt=0)
    """Predictions per window; a window holds one token more."""
    rules: tuple[MixRule, ...] = Field(min_length=1)
    """As the rules of a phase of `mix`; `max_epochs` bounds how often the longest run reads."""


class LadderTrainConfig(Config):
    """How every run trains. Batch and peak follow from 6·N·D (`scaling/shapes.py`)."""

    micro_batch: int = Field(default=16, ge=1)
    """Windows that are computed at once; a smaller batch is one micro-batch."""
    batch_factor: float = Field(default=1.0, gt=0)
    """Times the batch of the rule."""
    peak_factor: float = Field(default=1.0, gt=0)
    """Times the peak learning rate of the rule."""
    floor_frac: float = Field(default=0.1, ge=0, le=1)
    """Where the cosine ends, as a share of the peak (MAP-Neo, recipe §5: 0.1)."""
    warmup_frac: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps that warm up."""
    optimizer: OptimizerConfig = AdamWConfig()
    """`kind = "adamw"` or `kind = "muon"`."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """As `pretrain_1.precision`."""
    threads: int = Field(default=0, ge=0)
    """Processor threads; 0 takes every core."""
    checkpoints: int = Field(default=10, ge=1)
    """Checkpoints of each run, evenly spaced: how much a kill can cost."""


class PointsConfig(Config):
    """The points' share of the settings: nothing to choose."""


class LadderRecipe(Config):
    """A whole ladder."""

    run: RunConfig
    ladder: LadderConfig
    fetch: FetchConfig
    extract: ExtractConfig = ExtractConfig()
    measure: MeasureConfig = MeasureConfig()
    judge: JudgeConfig = JudgeConfig()
    dedup: DedupConfig = DedupConfig()
    split: SplitConfig = SplitConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    encode: EncodeConfig = EncodeConfig()
    mix: LadderMixConfig
    train: LadderTrainConfig = LadderTrainConfig()
    score: ScoreConfig = ScoreConfig()

    @model_validator(mode="before")
    @classmethod
    def _measure_what_is_judged(cls, values: Any) -> Any:
        return measure_what_is_judged(values)

    @model_validator(mode="after")
    def _sizes_and_tokens_are_positive(self) -> Self:
        ladder = self.ladder
        numbers = [size for size in ladder.sizes if not isinstance(size, str)]
        wrong = [value for value in (*numbers, *ladder.tokens) if not value > 0]
        if wrong:
            raise ValueError(f"ladder: sizes and tokens must be above 0, not {wrong}")
        return self
