"""Chart of the mix: which share of each phase a kind of text was given."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.draw import (
    LABEL_AXIS,
    Chart,
    Spec,
    draw,
    hollow_or_filled,
    language_colour,
    shorten,
)


@dataclass(frozen=True, kw_only=True)
class MixShare:
    """Share of a phase's windows that one language and category was given (0 to 1)."""

    label: str
    language: str
    phase: str
    share_frac: float


def mix_shares(rows: Sequence[MixShare], *, last_phase: str, title: str) -> Chart:
    """Dots joined by a line: hollow for earlier phases, filled for the last."""
    values = [
        {
            "label": shorten(row.label),
            "x": 100 * row.share_frac,
            "last": row.phase == last_phase,
            "colour": language_colour(row.language),
        }
        for row in rows
    ]
    axis = {"grid": False, "tickCount": 6, "labelExpr": "datum.value + ' %'"}
    x = {"field": "x", "type": "quantitative", "title": None, "axis": axis}
    line = {
        "mark": {"type": "line", "strokeWidth": 2, "opacity": 0.5},
        "encoding": {
            "detail": {"field": "label"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
    dots = {
        "mark": {"type": "point", "size": 80, "strokeWidth": 1.8},
        "encoding": hollow_or_filled("datum.last"),
    }

    def spec(width_px: int) -> Spec:
        return {
            "width": width_px,
            "height": {"step": 24},
            "data": {"values": values},
            "encoding": {"y": {**LABEL_AXIS, "field": "label"}, "x": x},
            "layer": [line, dots],
        }

    return draw(spec, title=title, description=title)
