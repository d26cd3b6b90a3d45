"""Charts of training and evaluation: curves over tokens, and models side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.draw import (
    FAINT,
    INK,
    LABEL_AXIS,
    Chart,
    Spec,
    draw,
    draw_small,
    hollow_or_filled,
    language_colour,
    plain_numbers,
    shorten,
)

LABEL_ROOM = 1.28
"""How far the axis goes beyond the last point, so that the lines' names fit."""
LABEL_ROW_PX = 13
SCORE_ROOM = 1.2
FEW_POINTS = 6
"""A line of at most so many points shows each: one alone would not be seen."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line: `x` and `y` of its points, and whose colour it has."""

    label: str
    colour: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What the axes of a chart of curves say, and where the phase changes."""

    x_title: str
    y_title: str
    phase_changes: Sequence[float] = ()
    zero: bool = False


def curves(lines: Sequence[Curve], axes: Axes, *, title: str, text: str) -> Chart:
    """Lines over the page's whole width; the change of phase is a dashed upright."""
    return draw(
        lambda width_px: {"width": width_px, **_curves(lines, axes, height_px=260)},
        title=title,
        description=text,
    )


def small_curves(lines: Sequence[Curve], axes: Axes, *, title: str, text: str) -> Chart:
    """The same, as one of several small charts."""
    return draw_small(_curves(lines, axes, height_px=170), title=title, description=text)


def _curves(lines: Sequence[Curve], axes: Axes, *, height_px: int) -> Spec:
    points: list[Spec] = [
        {
            "x": x,
            "y": y,
            "line": number,
            "colour": line.colour,
            "few": len(line.x) <= FEW_POINTS,
        }
        for number, line in enumerate(lines)
        for x, y in zip(line.x, line.y, strict=True)
    ]
    named = [line for line in lines if line.label and line.x]
    end = max((point["x"] for point in points), default=1.0)
    low, high = _range([point["y"] for point in points], zero=axes.zero)
    x = {
        "field": "x",
        "type": "quantitative",
        "title": axes.x_title,
        "scale": {"domain": [0, end * (LABEL_ROOM if named else 1)], "nice": False},
        "axis": {"grid": False, "ticks": False, "tickCount": 5, "labelExpr": plain_numbers(end)},
    }
    y = {
        "field": "y",
        "type": "quantitative",
        "title": axes.y_title or None,
        "scale": {"domain": [low, high], "nice": False},
        "axis": {"tickCount": 5, "labelExpr": plain_numbers()},
    }
    colour = {"field": "colour", "type": "nominal", "scale": None}
    changes = {
        "data": {"values": [{"x": change} for change in axes.phase_changes]},
        "mark": {"type": "rule", "color": FAINT, "strokeDash": [2, 3]},
        "encoding": {"x": x},
    }
    drawn = {
        "data": {"values": points},
        "mark": {"type": "line"},
        "encoding": {"x": x, "y": y, "detail": {"field": "line"}, "color": colour},
    }
    labels = {
        "data": {"values": _end_labels(named, (low, high), height_px)},
        "mark": {"type": "text", "align": "left", "dx": 5},
        "encoding": {"x": x, "y": y, "text": {"field": "label"}, "color": colour},
    }
    dots = {
        "data": {"values": [point for point in points if point["few"]]},
        "mark": {"type": "point", "size": 26},
        "encoding": {"x": x, "y": y, "color": colour},
    }
    layers = [changes, drawn]
    if any(point["few"] for point in points):
        layers.append(dots)
    return {"height": height_px, "layer": [*layers, *([labels] if named else [])]}


def _range(values: Sequence[float], *, zero: bool) -> tuple[float, float]:
    """Ends of the axis: the values with a little air."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = 0.06 * (high - low) or 0.5
    return (min(0.0, low) if zero else low - air), high + air


def _end_labels(
    lines: Sequence[Curve], ends: tuple[float, float], height_px: int
) -> list[dict[str, object]]:
    """The name of each line beside its last point, pushed up until no two overlap."""
    row = LABEL_ROW_PX * (ends[1] - ends[0]) / height_px
    labels: list[dict[str, object]] = []
    free = ends[0]
    for line in sorted(lines, key=lambda line: (line.y[-1], line.label)):
        y = max(line.y[-1], free)
        free = y + row
        labels.append(
            {"x": line.x[-1], "y": y, "label": shorten(line.label, 12), "colour": line.colour}
        )
    return labels


@dataclass(frozen=True, kw_only=True)
class Score:
    """Bits per byte of one model with the ends of its interval; `ours` marks our own models."""

    model: str
    bits_per_byte: float
    low: float
    high: float
    ours: bool


def scores(language: str, rows: Sequence[Score], *, title: str, text: str) -> Chart:
    """Dots with whiskers, one row per model; our models filled, the baselines hollow."""
    values = [
        {
            "model": row.model,
            "x": row.bits_per_byte,
            "low": row.low,
            "high": row.high,
            "ours": row.ours,
            "colour": language_colour(language),
        }
        for row in rows
    ]
    end = SCORE_ROOM * max((row.high for row in rows), default=1.0)
    x = {
        "type": "quantitative",
        "title": "bits per byte",
        "scale": {"domain": [0, end], "nice": False},
        "axis": {"tickCount": 4, "labelExpr": plain_numbers()},
    }
    whisker = {
        "mark": {"type": "rule", "strokeWidth": 1.8, "color": language_colour(language)},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}},
    }
    dot = {
        "mark": {"type": "point", "size": 70, "strokeWidth": 1.8},
        "encoding": {"x": {**x, "field": "x"}, **hollow_or_filled("datum.ours")},
    }
    number = {
        "mark": {"type": "text", "align": "left", "dx": 9, "color": INK},
        "encoding": {
            "x": {**x, "field": "high"},
            "text": {"field": "x", "type": "quantitative", "format": ".2f"},
        },
    }
    spec: Spec = {
        "height": {"step": 24},
        "data": {"values": values},
        "encoding": {"y": {**LABEL_AXIS, "field": "model"}},
        "layer": [whisker, dot, number],
    }
    return draw_small(spec, title=title, description=text)
