"""The recipe of an ablation: one pool, several sets of rules, everything else shared.

An *arm* is a set of rules under test. All arms judge the same documents, use the same tokenizer,
train the same model on equally many tokens, and are measured on the same held-out texts.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from mapneo.core.run_config import RunConfig
from mapneo.core.stage import Config
from mapneo.curate.rules import Bounds
from mapneo.curate.stage_dedup import DedupConfig
from mapneo.curate.stage_judge import JudgeConfig
from mapneo.curate.stage_measure import MeasureConfig, with_measurements
from mapneo.mix.config import MixConfig, MixPhase, MixRule
from mapneo.sources.stage_extract import ExtractConfig
from mapneo.sources.stage_fetch import FetchConfig, data_source_name
from mapneo.tokenizer.config import EncodeConfig, TokenizerConfig
from mapneo.train.config import PretrainConfig


class Arm(Config):
    """One set of rules under test."""

    name: str = Field(pattern=r"^\w[\w.-]*$")
    """Name in tables, and of the arm's folder."""
    rulesets: tuple[str, ...] = Field(min_length=1)
    """As `judge.rulesets`; `none-<language>` keeps every document of a language."""
    overrides: Mapping[str, Bounds] = {}
    """As `judge.overrides`."""

    def judge(self) -> JudgeConfig:
        """The settings of the arm's stage `judge`."""
        return JudgeConfig(rulesets=self.rulesets, overrides=self.overrides)

    @model_validator(mode="after")
    def _rules_exist(self) -> Self:
        self.judge()
        return self


class HeldoutConfig(Config):
    """Text that no arm judges or trains on, and every arm is measured on."""

    groups: tuple[str, ...] = Field(min_length=1)
    """Names of sources, or shell patterns of document ids such as `pages/novels/*`. Each is a
    group of its own in the results; a document belongs to the first that matches it."""
    max_bytes: int = Field(default=400_000, gt=0)
    """UTF-8 bytes of text at most, per group and language; documents in the order of their hash."""
    min_documents: int = Field(default=8, ge=2)
    """A group's documents in one language are not measured if they are fewer; the pool does not
    get them back."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The groups that are whole sources."""
        return tuple(group for group in self.groups if "/" not in group)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Each group as a shell pattern of document ids."""
        return tuple(group if "/" in group else f"{group}/*" for group in self.groups)


class PoolConfig(Config):
    """The pool's share of the settings: nothing to choose, what is left of the text is the pool."""


class AblateMixConfig(Config):
    """How every arm's documents are mixed; the number of windows follows from `pretrain`."""

    seq_len: int = Field(default=256, gt=0)
    """Predictions per window; a window holds one token more."""
    rules: tuple[MixRule, ...] = Field(min_length=1)
    """As the rules of a phase of `mix`. An arm that keeps little reads it several times, so
    `max_epochs` should be generous: the arm's epochs are part of the result."""


class ScoreConfig(Config):
    """How the held-out documents are scored."""

    overlap_frac: float = Field(default=0.25, ge=0, le=0.9)
    """Share of its context that a model is shown again with each further part of a long
    document."""


class CompareConfig(Config):
    """How the arms are compared."""

    reference: str
    """The arm that all others are compared with."""
    resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples of the held-out documents."""


class AblateConfig(Config):
    """What is compared, on which text."""

    languages: tuple[str, ...] = Field(min_length=1)
    """Languages of the pool and the held-out text, by label alone; others are dropped first."""
    seeds: tuple[int, ...] = Field(min_length=2)
    """One training per arm and seed. Arms are paired by seed: same first weights, same order of
    windows."""
    arms: tuple[Arm, ...] = Field(min_length=2)
    """The sets of rules."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [arm.name for arm in self.arms]
        for what, values in (("arms", names), ("seeds", self.seeds), ("languages", self.languages)):
            twice = sorted({str(value) for value in values if list(values).count(value) > 1})
            if twice:
                raise ValueError(f"{what} occur twice: {', '.join(twice)}")
        return self


class AblationRecipe(Config):
    """A whole ablation. What is not stated here is the same for all arms."""

    run: RunConfig
    ablate: AblateConfig
    heldout: HeldoutConfig
    compare: CompareConfig
    fetch: FetchConfig
    extract: ExtractConfig = ExtractConfig()
    measure: MeasureConfig = MeasureConfig()
    dedup: DedupConfig = DedupConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    encode: EncodeConfig = EncodeConfig()
    mix: AblateMixConfig
    pretrain: PretrainConfig
    score: ScoreConfig = ScoreConfig()

    @model_validator(mode="before")
    @classmethod
    def _measure_what_is_judged(cls, values: Any) -> Any:
        ablate = values.get("ablate", {}) if isinstance(values, dict) else {}
        arms = ablate.get("arms", ()) if isinstance(ablate, dict) else ()
        named = [arm.get("rulesets", ()) for arm in arms if isinstance(arm, dict)]
        if not named:
            return values
        return with_measurements(values, [name for names in named for name in names])

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [arm.name for arm in self.ablate.arms]
        if self.compare.reference not in names:
            raise ValueError(
                f"compare.reference: there is no arm `{self.compare.reference}`; "
                f"arms: {', '.join(names)}"
            )
        if self.pretrain.heldout_max_bytes:
            raise ValueError(
                "pretrain.heldout_max_bytes must be 0: an arm holds none of its own text out; "
                "all are measured on the texts of `heldout` at the end"
            )
        unknown = [name for name in self.heldout.sources if name not in self.known_sources]
        if unknown:
            raise ValueError(
                f"heldout.groups: {', '.join(unknown)} is not among fetch.sources: add it there"
            )
        return self

    @property
    def known_sources(self) -> tuple[str, ...]:
        """Names of all sources that are fetched, the user's folder included."""
        data = self.fetch.data
        return (*self.fetch.sources, *([] if data is None else [data_source_name(data)]))

    @property
    def train_tokens(self) -> int:
        """Tokens that each arm trains on per seed, repeated ones included."""
        return self.pretrain.steps * self.pretrain.windows * self.mix.seq_len

    def mix_config(self) -> MixConfig:
        """The one phase that every arm trains."""
        windows = self.pretrain.steps * self.pretrain.windows
        phase = MixPhase(windows=windows, rules=self.mix.rules)
        return MixConfig(seq_len=self.mix.seq_len, phases=(phase,))
