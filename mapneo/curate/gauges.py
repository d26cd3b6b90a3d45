"""Signals that are no formula over raw counts: each comes from a module of its own.

Their columns carry no edit chain: they are measured on the kept text, or come with the source.
"""

from functools import cache
from typing import NamedTuple

from mapneo.curate.released.table import PROFILES, signal_rows
from mapneo.curate.score_list import SCORE_SIGNALS
from mapneo.curate.signals import Scale

LANGUAGE_SCORE = "language_score"

C4, C4_ANY_LINE, SCORES = "c4_rules", "c4_any_line_rules", "scores"
RELEASED = {f"released_{profile}": profile for profile in PROFILES}
ORIGINS = (C4, C4_ANY_LINE, SCORES, *RELEASED)
"""What can be measured beside counts; part of a measurement's name, as in `en:c4_rules`."""

C4_FACTS = {
    "kept_count_lines": (
        "kept_lines",
        "lines that C4's line rules keep",
    ),
    "sentence_count_sentences": (
        "sentences",
        "sentences (splitter `stops`) in the lines that C4's line rules keep",
    ),
    "lorem_ipsum_first_lines": (
        "lorem_ipsum_first",
        "1 if the first line that makes C4 drop the page does so for 'lorem ipsum', else 0",
    ),
    "curly_bracket_pages": (
        "curly_bracket",
        "1 if a line that gets as far as C4's bracket rule holds '{', else 0",
    ),
}
"""Ending of a signal's name → the fact of `mapneo.text.c4`, and its definition."""


class Gauge(NamedTuple):
    """One such signal.

    Attributes:
        name: its column.
        definition: what is measured.
        source: where the measure comes from.
        origin: one of `ORIGINS`, or "" for what every document has.
        scale: how its values are spread.
    """

    name: str
    definition: str
    source: str
    origin: str
    scale: Scale = "frac"


@cache
def gauges() -> dict[str, Gauge]:
    """All of them by name, in order."""
    rows = [
        Gauge(
            LANGUAGE_SCORE,
            "probability of the language that fastText's lid.176 names",
            "Joulin et al. 2017",
            "",
        ),
        Gauge(
            "second_language_frac",
            "share of the document's letters in its second largest language, an ideograph "
            "counting as three; code is in no language",
            "own",
            "",
        ),
    ]
    for origin, prefix, note in (
        (C4, "c4", ""),
        (C4_ANY_LINE, "c4_any_line", "; a line need not end in a mark, as in FineWeb"),
    ):
        source = "Raffel et al. 2020 (C4), section 2.2; datatrove 0.10.1"
        for ending, (_, definition) in C4_FACTS.items():
            rows.append(Gauge(f"{prefix}_{ending}", definition + note, source, origin, "log"))
    rows += [
        Gauge(row.name, row.definition, row.source, SCORES, row.scale) for row in SCORE_SIGNALS
    ]
    for origin, profile in RELEASED.items():
        for name, definition, source in signal_rows(profile):
            rows.append(Gauge(name, definition, source, origin, _released_scale(name)))
    return {row.name: row for row in rows}


@cache
def gauge_names(origin: str) -> tuple[str, ...]:
    """Columns that an origin gives, in order."""
    return tuple(name for name, gauge in gauges().items() if gauge.origin == origin)


def _released_scale(name: str) -> Scale:
    if name.endswith(("_chars", "_words", "_lines", "_sentences", "_tokens", "_hits")):
        return "log"
    return "linear" if name.endswith(("_nats", "_log_weight")) else "frac"
