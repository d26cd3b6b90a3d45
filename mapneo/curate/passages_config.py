"""Settings of deduplication below the document: which passages count as copies."""

from typing import Literal

from pydantic import Field

from mapneo.core.config import Config

LINE, PARAGRAPH, SIMILAR_LINE, SUBSTRING = "line", "paragraph", "similar_line", "substring"
TOO_LITTLE_LEFT = "too_little_left"
"""Not a kind of copy: the rule by which a document goes of which too little is left."""


class PassagesConfig(Config):
    """Which passages are taken out, how, and what becomes of the rest.

    A passage never loses all its copies: the first stays, in the order of priority, doc_id, place.
    """

    paragraphs: bool = True
    """Take out paragraphs (parted by blank lines) that stand in an earlier document."""
    paragraph_min_chars: int = Field(default=100, ge=1)
    """Shorter paragraphs (headings, captions) stay."""
    paragraph_min_documents: int = Field(default=2, ge=2)
    """How many documents a paragraph must stand in to be a copy."""
    lines: bool = False
    """Take out lines that stand in many documents: navigation, notices."""
    line_min_chars: int = Field(default=30, ge=1)
    """Shorter lines (`Introduction`, `}`) stay. FineWeb calls a line short up to 30."""
    line_min_documents: int = Field(default=7, ge=2)
    """How many documents a line must stand in to be a copy; Llama 3 takes out what it sees more
    than 6 times."""
    fold: bool = False
    """Compare lines and paragraphs without regard to case, width and punctuation. Not for code:
    `i++` and `i--` are equal then. Otherwise only runs of white space are evened out."""
    similar_lines: bool = False
    """Take out sentences that say nearly what an earlier one of the same document says; a sentence
    never spans lines."""
    similar_max_share: float = Field(default=0.1, gt=0, le=0.5)
    """Edit distance over the longer one's length up to which sentences are alike (MAP-Neo)."""
    similar_min_chars: int = Field(default=8, ge=1)
    """Shorter sentences stay, and so do those that are not mostly letters, and headings."""
    substrings: bool = False
    """Take out stretches that stand in an earlier document, wherever they begin."""
    substring_units: int = Field(default=50, ge=4, le=4096)
    """Length from which a stretch is a copy (MAP-Neo: 50 characters)."""
    substring_by: Literal["characters", "words"] = "characters"
    """Units of that length; an ideograph is a word. The text is compared as it is written."""
    substring_within_document: bool = False
    """Take out what stands earlier in the same document, too, if the two do not overlap."""
    substring_cut_at: Literal["sentence", "line", "exact"] = "sentence"
    """Cut whole sentences or lines only, those that lie inside of the stretch; or all of it."""
    min_left_chars: int = Field(default=20, ge=0)
    """A document goes if cuts leave it with fewer characters (MAP-Neo: 20)."""
