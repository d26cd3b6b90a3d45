"""Settings of the tokenizer; the defaults are the paper's, but for whitespace pieces."""

from pydantic import Field

from mapneo.core.stage import Config


class SampleWeight(Config):
    """Weighs documents in the training sample; a key left out matches everything."""

    language: str | None = None
    """Only this language."""
    category: str | None = None
    """Only this category."""
    weight: float = Field(ge=0)
    """How many times its natural share a byte of these documents counts; 0 leaves them out."""

    def matches(self, language: str, category: str) -> bool:
        """Whether the weight speaks of this language and category."""
        return self.language in (None, language) and self.category in (None, category)


class TokenizerConfig(Config):
    """Settings of the stage `tokenizer`."""

    vocabulary: int = Field(default=64_000, ge=264)
    """Pieces in all: 7 control ids, 256 bytes, and the learned ones."""
    character_coverage: float = Field(default=0.9999, gt=0.9, le=1)
    """Share of the sample's characters that get a piece of their own; the rest are bytes."""
    max_piece_chars: int = Field(default=16, gt=0)
    """Longest learned piece."""
    max_sentence_bytes: int = Field(default=64_000, ge=256)
    """Documents are cut at line ends into pieces of this size before counting pairs."""
    max_sample_bytes: int = Field(default=1_000_000_000, gt=0)
    """Size of the training sample."""
    weights: tuple[SampleWeight, ...] = ()
    """The first that matches counts; documents that none matches weigh 1."""
    whitespace_pieces: bool = True
    """Learn pieces for runs of blanks; the paper's model has none, so 8 blanks cost 8 tokens."""
    collapse_whitespace: bool = False
    """Turn runs of blanks into one, as the paper's first phase did by mistake: loses text."""
    allow_lossy: bool = False
    """Go on although decoding does not give back the text."""

    def weight_of(self, language: str, category: str) -> float:
        """Sampling weight of documents of this language and category."""
        found = (weight for weight in self.weights if weight.matches(language, category))
        return next((weight.weight for weight in found), 1.0)


class EncodeConfig(Config):
    """Settings of the stage `encode`."""

    batch_documents: int = Field(default=512, gt=0)
    """Documents encoded at a time: bounds memory, changes no byte."""
