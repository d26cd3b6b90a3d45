"""Settings of the evaluation of a pre-trained model."""

from pydantic import Field

from mapneo.core.stage import Config


class EvaluateConfig(Config):
    """Settings of the stage `evaluate`."""

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
    assert_floors: bool = False
    """Whether a run whose model misses a floor ends with an error."""
