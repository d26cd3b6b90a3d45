"""Every number that is measured on a document: name with unit, definition, source, splitter.

A signal is a formula over the raw counts of one walk (`mapneo.text.walk`). It is a number of a
document under an edit chain and a splitter; the *profile* column names both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from mapneo.curate.signal_list import SIGNAL_ROWS
from mapneo.curate.wordlists import word_list
from mapneo.text.buffers import StringView
from mapneo.text.counts import CHARACTERS, COLUMNS, WORDS
from mapneo.text.walk import Lexicon, count_documents, lexicon

Splitter = Literal["words", "characters"]
Scale = Literal["log", "linear", "frac"]

EDIT_CHAIN = "keep"
"""Signals are measured on the text as it is kept (`mapneo.curate.edits.KEEP_EDITS`)."""

CHARACTER_LANGUAGES = ("zh", "ja", "yue", "wuu", "th", "lo", "my", "km", "bo")
"""Languages written without spaces between words."""

_SPLITTER_CODES: dict[Splitter, int] = {"words": WORDS, "characters": CHARACTERS}


@dataclass(frozen=True, kw_only=True)
class Signal:
    """A measured number: the sum of `numerator` counts, divided by `denominator` if there is one.

    Fractions are cut at 1 (overlapping n-grams can add up to more). A signal is not measured
    where the splitter gives no such count, or the denominator is 0.
    """

    name: str
    definition: str
    source: str
    numerator: tuple[str, ...]
    denominator: str | None
    splitters: tuple[Splitter, ...]
    scale: Scale

    def values(self, counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """float64, shape (rows,), from raw counts of shape (rows, counts); NaN = not measured."""
        total: npt.NDArray[np.float64] = sum(
            counts[:, getattr(COLUMNS, name)] for name in self.numerator
        ) + np.zeros(len(counts))
        if self.denominator is None:
            return total
        below = counts[:, getattr(COLUMNS, self.denominator)]
        ratio = np.full(len(counts), np.nan)
        np.divide(total, below, out=ratio, where=below > 0)
        return np.minimum(ratio, 1.0) if self.name.endswith("_frac") else ratio


@cache
def signals() -> dict[str, Signal]:
    """All signals by name, in column order."""
    return {row.name: Signal(**row._asdict()) for row in SIGNAL_ROWS}


def splitter_of(language: str) -> Splitter:
    """How documents of a language are split into units: white-space words or characters."""
    return "characters" if language in CHARACTER_LANGUAGES else "words"


def profile_of(language: str) -> str:
    """Name of the edit chain and splitter that a language is measured under."""
    return f"{EDIT_CHAIN}+{splitter_of(language)}"


@cache
def default_lexicon() -> Lexicon:
    """The word lists that signals use, ready for the walk."""
    return lexicon(word_list("stop_words_en"), word_list("read_more"))


def count_texts(view: StringView, languages: Sequence[str]) -> npt.NDArray[np.float64]:
    """Raw counts of a batch, each document split as its language asks."""
    splitters = np.array([_SPLITTER_CODES[splitter_of(code)] for code in languages], np.uint8)
    return count_documents(view, splitters, default_lexicon())


def signal_values(
    counts: npt.NDArray[np.float64], languages: Sequence[str]
) -> dict[str, npt.NDArray[np.float64]]:
    """All signals of a batch: name → float64, shape (rows,); NaN = not measured."""
    splitters = np.array([splitter_of(code) for code in languages])
    columns = {}
    for name, signal in signals().items():
        values = signal.values(counts)
        applies = np.isin(splitters, signal.splitters)
        columns[name] = np.where(applies, values, np.nan)
    return columns
