"""Charts of estimates with their intervals: one below the other, or by round of training."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.draw import (
    FAINT,
    INK,
    LABEL_AXIS,
    Chart,
    Spec,
    draw_small,
    hollow_or_filled,
    shorten,
)
from mapneo.report.forms import Form, written

PERCENT = "format(100 * datum.value, '~g') + ' %'"
NUMBER_ROOM = 1.3
"""How far the axis goes beyond the last interval, so that the numbers fit."""


@dataclass(frozen=True, kw_only=True)
class Dot:
    """An estimate with the ends of its interval, its name and its colour."""

    label: str
    value: float
    low: float
    high: float
    colour: str
    is_filled: bool = True


def shares(rows: Sequence[Dot], *, line: float | None, title: str, text: str) -> Chart:
    """Shares (0 to 1) below one another with whiskers; a dashed upright at `line`, if any."""
    x: Spec = {
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [-0.03, NUMBER_ROOM], "nice": False},
        "axis": {
            "grid": False,
            "values": [0, 0.5, 1],
            "labelExpr": PERCENT,
        },
    }
    y = {**LABEL_AXIS, "field": "label"}
    layers = [*_upright(line, x), *_dots(x, y)]
    spec: Spec = {
        "height": {"step": 24},
        "data": {"values": [_values(row) for row in rows]},
        "layer": layers,
    }
    return draw_small(spec, title=title, description=text)


def _values(row: Dot) -> Spec:
    return {
        "label": shorten(row.label),
        "x": row.value,
        "low": row.low,
        "high": row.high,
        "colour": row.colour,
        "filled": row.is_filled,
        "text": written(row.value, Form.SHARE),
    }


def _upright(line: float | None, x: Spec) -> list[Spec]:
    if line is None:
        return []
    mark = {"type": "rule", "color": FAINT, "strokeDash": [4, 3], "strokeWidth": 1.4}
    return [
        {
            "data": {"values": [{"at": line}]},
            "mark": mark,
            "encoding": {"x": {**x, "field": "at"}},
        }
    ]


def _dots(x: Spec, y: Spec) -> list[Spec]:
    colour = {"field": "colour", "type": "nominal", "scale": None}
    return [
        {
            "mark": {"type": "rule", "strokeWidth": 1.8},
            "encoding": {
                "y": y,
                "x": {**x, "field": "low"},
                "x2": {"field": "high"},
                "color": colour,
            },
        },
        {
            "mark": {"type": "point", "size": 70, "strokeWidth": 1.8},
            "encoding": {"y": y, "x": {**x, "field": "x"}, **hollow_or_filled("datum.filled")},
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 9, "color": INK},
            "encoding": {
                "y": y,
                "x": {**x, "field": "high"},
                "text": {"field": "text"},
            },
        },
    ]


@dataclass(frozen=True, kw_only=True)
class RoundPoint:
    """An estimate after one round of training, with the ends of its interval."""

    number: int
    value: float
    low: float
    high: float


def by_round(
    points: Sequence[RoundPoint], *, line: float | None, x_title: str, title: str, text: str
) -> Chart:
    """Dots with error bars, a round each, joined by a line.

    A `line` is the share at which nothing is gained: a dashed level, and the axis in percent.
    """
    values = [{"round": str(p.number), "y": p.value, "low": p.low, "high": p.high} for p in points]
    x = {
        "field": "round",
        "type": "ordinal",
        "title": x_title,
        "scale": {"type": "point", "padding": 0.5},
        "axis": {"labelAngle": 0, "ticks": False, "grid": False},
    }
    scale = {"domain": _ends(points, line), "nice": False}
    axis = {"tickCount": 5} if line is None else {"tickCount": 5, "labelExpr": PERCENT}
    y: Spec = {"type": "quantitative", "title": None, "scale": scale, "axis": axis}
    level = {
        "data": {"values": [{"at": line}]},
        "mark": {"type": "rule", "color": FAINT, "strokeDash": [4, 3], "strokeWidth": 1.4},
        "encoding": {"y": {**y, "field": "at"}},
    }
    middle = {**y, "field": "y"}
    bar = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    spec: Spec = {
        "height": 150,
        "data": {"values": values},
        "layer": [
            *([] if line is None else [level]),
            {"mark": {"type": "line", "color": FAINT}, "encoding": {"x": x, "y": middle}},
            {"mark": {"type": "rule", "color": INK, "strokeWidth": 1.8}, "encoding": bar},
            {"mark": {"type": "point", "color": INK}, "encoding": {"x": x, "y": middle}},
        ],
    }
    return draw_small(spec, title=title, description=text)


def _ends(points: Sequence[RoundPoint], line: float | None) -> list[float]:
    """Ends of the axis: all intervals and the level, with a little air."""
    known = [end for point in points for end in (point.value, point.low, point.high)]
    if line is not None:
        known.append(line)
    low, high = min(known, default=0.0), max(known, default=1.0)
    air = 0.1 * (high - low) or 0.5
    return [low - air, high + air]
