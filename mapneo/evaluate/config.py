"""Settings of the evaluation, in two parts: a change of one leaves the other as it is."""

from typing import TypeVar

from pydantic import Field

from mapneo.core.stage import Config

PHASE_1, PHASE_2 = "pretrain_1", "pretrain_2"
"""The stages whose models the floors are about."""


class HeldoutConfig(Config):
    """What decides bits per byte and floors."""

    languages: tuple[str, ...] = ("en", "zh", "code")
    """Languages in which the model must beat the unigram and the bigram model."""
    max_heldout_bytes: int | None = Field(default=None, gt=0)
    """Held-out text scored per language and category; unset scores all of it."""
    overlap_frac: float = Field(default=0.25, ge=0, le=0.9)
    """Share of its context that a model is shown again with each further part of a long document;
    without it, every part would start blind while n-grams never do."""
    resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples of the held-out documents behind each interval."""
    min_lift: float = Field(default=1.1, gt=1)
    """Phase 2 up-weights what has at least this many times its share of phase 1."""
    max_ngram_tokens: int = Field(default=30_000_000, gt=0)
    """The n-gram models see the model's windows up to this many tokens, in the order drawn; they
    need about 110 bytes of memory per token."""
    max_prime_bytes: int = Field(default=4_000_000, gt=0)
    """Training text of the same language and category that xz reads before the held-out text."""


class ChoiceConfig(Config):
    """What decides the answers to multiple-choice questions."""

    choice_items: int | None = Field(default=None, ge=1)
    """At most so many items of each pack, those with the smallest hashes of their ids; unset asks
    all. Items that are longer than the model's context are left out and counted as `too_long`, so
    that no score rests on a question that was cut."""


class EvaluateConfig(HeldoutConfig, ChoiceConfig):
    """Settings of the stage `evaluate`."""

    choice_models: tuple[str, ...] | None = None
    """Stages whose models answer the packs' questions; unset takes all that are evaluated but
    `pretrain_1`."""
    assert_floors: bool = False
    """Whether a run whose model misses a floor ends with an error."""


C = TypeVar("C", bound=Config)


def part_of(config: EvaluateConfig, part: type[C]) -> C:
    """The settings of one part, so that a change of the others leaves its results as they are."""
    return part(**config.model_dump(include=set(part.model_fields)))
