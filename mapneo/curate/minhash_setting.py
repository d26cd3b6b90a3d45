"""How MinHash signatures are made and compared: presets, or a setting of one's own."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from mapneo.core.config import Config

Preset = Literal["map_neo", "words"]


class MinHashSetting(Config):
    """What is compared, with how many values, in which bands."""

    unit: Literal["characters", "words"] = "characters"
    """What a shingle is made of; with `words` every ideograph is a word of its own."""
    width: int = Field(default=13, ge=1, le=256)
    """Units per shingle."""
    permutations: int = Field(default=128, ge=1, le=1024)
    """Values per signature."""
    bands: int = Field(default=9, ge=1)
    """Bands per signature."""
    rows: int = Field(default=13, ge=1)
    """Values per band."""
    hash_bits: Literal[32, 64] = 32
    """Bits of a value; 64 for documents so long, or so many, that 32 meet by chance."""
    fold_variants: bool = False
    """Whether traditional characters are read as their simplified forms."""

    @model_validator(mode="after")
    def _bands_fit(self) -> "MinHashSetting":
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"{self.bands} bands of {self.rows} values need {self.bands * self.rows} "
                f"permutations, there are {self.permutations}"
            )
        return self

    def candidate_probability(self, jaccard: float) -> float:
        """Chance that two texts of a true similarity share at least one band."""
        return float(1 - (1 - jaccard**self.rows) ** self.bands)


PRESETS: Mapping[Preset, MinHashSetting] = {
    "map_neo": MinHashSetting(unit="characters", width=13, permutations=128, bands=9, rows=13),
    "words": MinHashSetting(unit="words", width=5, permutations=112, bands=14, rows=8),
}
"""MAP-Neo's setting (Matrix, both languages), and the field's (FineWeb: 5 words, 14 × 8)."""


def as_setting(value: Any) -> Any:
    """The setting of a preset's name; anything else as it is.

    Raises:
        ValueError: no preset has that name.
    """
    if not isinstance(value, str):
        return value
    for name, setting in PRESETS.items():
        if name == value:
            return setting
    raise ValueError(f"unknown preset {value!r}: known are {', '.join(PRESETS)}")
