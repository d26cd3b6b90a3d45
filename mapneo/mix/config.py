"""Settings of a mixture: phases, their length in windows, and rules that give weights."""

from pydantic import Field, model_validator

from mapneo.core.stage import Config
from mapneo.mix.quotas import BucketName


class MixRule(Config):
    """Buckets that share a weight; a key left out matches everything."""

    language: str | None = None
    """Only this language (`en`, `zh`, `code`, …)."""
    source: str | None = None
    """Only this source."""
    category: str | None = None
    """Only this category."""
    weight: float = Field(gt=0)
    """Share of the phase's windows, relative to the other rules; split by size inside the rule."""
    max_epochs: float = Field(default=4.0, gt=0)
    """At most this many passes over a bucket in this phase; the rest goes to the other rules."""

    def matches(self, bucket: BucketName) -> bool:
        """Whether the rule speaks of this bucket."""
        return (
            self.language in (None, bucket.language)
            and self.source in (None, bucket.source)
            and self.category in (None, bucket.category)
        )

    @property
    def label(self) -> str:
        """How messages and the page name the rule, such as `language=zh category=law`."""
        keys = ("language", "source", "category")
        named = [f"{key}={getattr(self, key)}" for key in keys if getattr(self, key) is not None]
        return " ".join(named) or "everything else"


class MixPhase(Config):
    """One phase of pre-training."""

    windows: int = Field(gt=0)
    """Training samples in the phase: steps × batch size of the trainer."""
    rules: tuple[MixRule, ...] = Field(min_length=1)
    """The first rule that matches a bucket takes it; buckets that none matches are left out."""


class MixConfig(Config):
    """Settings of the stage `mix`."""

    seq_len: int = Field(default=256, gt=0)
    """Predictions per window; a window holds one token more."""
    phases: tuple[MixPhase, ...] = Field(min_length=1)
    """Phases in order."""
    max_total_epochs: float = Field(default=4.0, gt=0)
    """A bucket read more often than this over all phases is reported with a warning."""

    @model_validator(mode="after")
    def _rules_differ(self) -> "MixConfig":
        for number, phase in enumerate(self.phases, 1):
            labels = [rule.label for rule in phase.rules]
            twice = sorted({label for label in labels if labels.count(label) > 1})
            if twice:
                raise ValueError(f"phase {number} has two rules for {', '.join(twice)}")
        return self
