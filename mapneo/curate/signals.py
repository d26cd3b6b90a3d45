"""Every number that is measured on a document: name with unit, definition, source, splitter.

A signal is a formula over the raw counts of one walk (`mapneo.text.walk`). It is a number of a
document under an edit chain and, where it counts words or sentences, a splitter; its column says
so: `digit_char_frac@keep`, `word_count_words@keep+space`, `sentence_count_sentences@keep+stops`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from mapneo.curate.signal_list import SIGNAL_ROWS, SPLITTERS, Family, Over
from mapneo.curate.wordlists import word_list
from mapneo.text.buffers import StringView
from mapneo.text.counts import (
    CHARACTERS,
    DICTIONARY,
    DISTINCT,
    FOLDED,
    GOPHER_NGRAMS,
    NGRAMS,
    NORMALISED,
    SPACE_WORDS,
)
from mapneo.text.counts import TEXT as TEXT_COLUMNS
from mapneo.text.counts import UNITS as UNIT_COLUMNS
from mapneo.text.walk import Lexicon, count_text, count_units, lexicon

Scale = Literal["log", "linear", "frac"]
Counts = Mapping[str, npt.NDArray[np.float64]]
"""Raw counts of a batch by name, float64, shape (rows,)."""

CHARACTER_LANGUAGES = ("zh", "ja", "yue", "wuu", "th", "lo", "my", "km", "bo")
"""Languages written without spaces between words."""

SPLITTER_DEFINITIONS = {
    "folded": "white-space words after compatibility form and case folding, punctuation deleted",
    "characters": "characters folded the same way, without white space and punctuation",
    "space": "white-space words exactly as written",
    "dictionary": "jieba's dictionary words (HMM on), punctuation included, white space not",
    "normalised": "white-space words in lower case and NFD without the 32 ASCII marks "
    "(RedPajama-V2); raw words are runs of word characters or of marks",
}
"""Word splitters and what they take for a word."""

SENTENCE_DEFINITIONS = {
    "stops": "pieces with a letter or digit that end at . ! ? before white space, at a full-width "
    "stop, at a blank line, or at the end",
    "stop_runs": "stretches between runs of . ! ? that hold a word character (RedPajama-V2)",
}
"""Sentence splitters and what they take for a sentence."""

_SENTENCE_COUNTS = {"stops": "sentences", "stop_runs": "stop_runs"}
_SPLITTER_CODES = dict(
    zip(SPLITTERS, (FOLDED, CHARACTERS, SPACE_WORDS, DICTIONARY, NORMALISED), strict=True)
)
FAMILIES: dict[Family, int] = {
    "words": 0,
    "distinct": DISTINCT,
    "ngrams": NGRAMS,
    "gopher_ngrams": GOPHER_NGRAMS,
}
"""Families of signals over words, and what the walk is told to count for them."""

ALL_FAMILIES = frozenset(FAMILIES)

_STOP_WORD_LISTS = {"folded": "stop_words_en", "normalised": "stop_words_en", "space": "gopher_en"}


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
    over: Over
    splitters: tuple[str, ...]
    scale: Scale
    family: Family

    def values(self, counts: Counts) -> npt.NDArray[np.float64]:
        """float64, shape (rows,), from raw counts; NaN = not measured."""
        total: npt.NDArray[np.float64] = np.sum([counts[name] for name in self.numerator], axis=0)
        if self.denominator is None:
            return total
        below = counts[self.denominator]
        ratio = np.full(below.shape, np.nan)
        np.divide(total, below, out=ratio, where=below > 0)
        return np.minimum(ratio, 1.0) if self.name.endswith("_frac") else ratio


@cache
def signals() -> dict[str, Signal]:
    """All signals that are formulas over raw counts, by name, in order."""
    return {row.name: Signal(**row._asdict()) for row in SIGNAL_ROWS}


def default_splitter(language: str) -> str:
    """How documents of a language are split where no profile says how."""
    return "characters" if language in CHARACTER_LANGUAGES else "folded"


@cache
def splitter_lexicon(splitter: str) -> Lexicon:
    """A word splitter with its list of function words, ready for the walk."""
    listed = _STOP_WORD_LISTS.get(splitter)
    return lexicon(_SPLITTER_CODES[splitter], word_list(listed) if listed else ())


def text_counts(view: StringView) -> Counts:
    """Raw counts of a batch that depend on the text alone."""
    counts = count_text(view, word_list("read_more"))
    return dict(zip(TEXT_COLUMNS._fields, counts.T, strict=True))


def unit_counts(
    view: StringView, splitter: str, families: frozenset[Family] = ALL_FAMILIES
) -> Counts:
    """Raw counts of a batch that depend on the word splitter; NaN beside the families."""
    asked = sum(FAMILIES[family] for family in families)
    counts = count_units(view, splitter_lexicon(splitter), asked)
    return dict(zip(UNIT_COLUMNS._fields, counts.T, strict=True))


def text_signals(counts: Counts, chain: str) -> Counts:
    """The signals of an edit chain that no word splitter touches, by column."""
    columns = {}
    for name, signal in signals().items():
        if signal.over == "text":
            columns[f"{name}@{chain}"] = signal.values(counts)
        elif signal.over == "sentences":
            for splitter, count in _SENTENCE_COUNTS.items():
                columns[f"{name}@{chain}+{splitter}"] = counts[count]
    return columns


def word_signals(
    counts: Counts, chain: str, splitter: str, families: frozenset[Family] = ALL_FAMILIES
) -> Counts:
    """The signals of an edit chain and a word splitter, by column; `counts` has both sorts."""
    return {
        f"{name}@{chain}+{splitter}": signal.values(counts)
        for name, signal in signals().items()
        if signal.over == "words" and splitter in signal.splitters and signal.family in families
    }


@cache
def column_names(
    chain: str, splitter: str | None, families: frozenset[Family] = ALL_FAMILIES
) -> tuple[str, ...]:
    """Columns that `word_signals` gives, or `text_signals` where there is no splitter."""
    names: list[str] = []
    for name, signal in signals().items():
        if splitter is None and signal.over == "text":
            names.append(f"{name}@{chain}")
        elif splitter is None and signal.over == "sentences":
            names += [f"{name}@{chain}+{sentences}" for sentences in _SENTENCE_COUNTS]
        elif splitter in signal.splitters and signal.over == "words" and signal.family in families:
            names.append(f"{name}@{chain}+{splitter}")
    return tuple(names)
