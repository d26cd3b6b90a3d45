"""Chart of multiple choice: the share of right answers per model, beside what guessing gives."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.draw import (
    FAINT,
    INK,
    LABEL_AXIS,
    Chart,
    Spec,
    draw_small,
    language_colour,
)

ROOM = 1.3
"""How far the axis goes beyond the last interval, so that the numbers fit."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """A model's share of right answers (0 to 1) with the ends of its interval."""

    model: str
    value: float
    low: float
    high: float


def shares(language: str, rows: Sequence[Share], chance: float, *, title: str, text: str) -> Chart:
    """Dots with whiskers, one row per model; a dashed upright where guessing comes to."""
    colour = language_colour(language)
    values = [
        {"model": row.model, "x": row.value, "low": row.low, "high": row.high} for row in rows
    ]
    end = min(1.0, ROOM * max([chance, *(row.high for row in rows)]))
    x = {
        "type": "quantitative",
        "title": "right answers",
        "scale": {"domain": [0, end], "nice": False},
        "axis": {"tickCount": 4, "format": ".0%", "grid": False},
    }
    line = {
        "data": {"values": [{"x": chance}]},
        "mark": {"type": "rule", "color": FAINT, "strokeDash": [4, 3], "strokeWidth": 1.4},
        "encoding": {"x": {**x, "field": "x"}},
    }
    y = {**LABEL_AXIS, "field": "model"}
    whisker = {
        "mark": {"type": "rule", "strokeWidth": 1.8, "color": colour},
        "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
    }
    dot = {
        "mark": {"type": "point", "size": 70, "color": colour},
        "encoding": {"y": y, "x": {**x, "field": "x"}},
    }
    number = {
        "mark": {"type": "text", "align": "left", "dx": 9, "color": INK},
        "encoding": {
            "y": y,
            "x": {**x, "field": "high"},
            "text": {"field": "x", "type": "quantitative", "format": ".1%"},
        },
    }
    spec: Spec = {
        "height": {"step": 24},
        "data": {"values": values},
        "layer": [line, whisker, dot, number],
    }
    return draw_small(spec, title=title, description=text)
