"""Signals that are no formula over raw counts: each comes from a module of its own.

Their columns carry no edit chain: they are measured on the kept text, or come with the source.
"""

from functools import cache
from typing import NamedTuple

from mapneo.curate.signals import Scale

LANGUAGE_SCORE = "language_score"


class Gauge(NamedTuple):
    """One such signal.

    Attributes:
        name: its column.
        definition: what is measured.
        source: where the measure comes from.
        origin: what has to be measured to get it, as `mapneo.curate.measure` knows it.
        scale: how its values are spread.
    """

    name: str
    definition: str
    source: str
    origin: str
    scale: Scale = "frac"


@cache
def gauges() -> dict[str, Gauge]:
    """All of them by name."""
    rows = (
        Gauge(
            LANGUAGE_SCORE,
            "probability of the language that fastText's lid.176 names",
            "Joulin et al. 2017",
            "",
        ),
    )
    return {row.name: row for row in rows}
