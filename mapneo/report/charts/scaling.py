"""Charts of scaling laws: lines with bands and dots in a plane with logarithmic axes.

Sizes of models are told apart by strength of ink, from faint (small) to full (large), and by a
label at the end of each line: colour means language on these pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from mapneo.report.charts.draw import FAINT, INK, PAPER, Chart, Spec, draw

HEIGHT_PX = 300
LABEL_ROOM = 1.16
WEAKEST = 0.3
_BAND = 0.12
_LABEL_ROW_PX = 14
_PLAIN = 1000.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve, with a band if `low` and `high` are given. `strength` is from 0 to 1."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    label: str = ""
    strength: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A dot; hollow ones are held out, or optima."""

    x: float
    y: float
    strength: float = 1.0
    is_filled: bool = True


@dataclass(frozen=True, kw_only=True)
class Plane:
    """What the axes say, and helping lines."""

    x_title: str
    y_title: str
    is_y_log: bool = False
    is_x_log: bool = True
    has_zero_line: bool = False
    has_diagonal: bool = False


def plane(
    lines: Sequence[Line], spots: Sequence[Spot], axes: Plane, *, title: str, text: str
) -> Chart:
    """Draw lines, bands and dots at both widths of the page."""
    return draw(
        lambda width_px: {"width": width_px, **_spec(lines, spots, axes)},
        title=title,
        description=text,
    )


def _spec(lines: Sequence[Line], spots: Sequence[Spot], axes: Plane) -> Spec:
    xs = [x for line in lines for x in line.x] + [spot.x for spot in spots]
    ys = [y for line in lines for y in (*line.y, *line.low, *line.high)]
    ys += [spot.y for spot in spots]
    x_ends, y_ends = _ends(xs, axes.is_x_log), _ends(ys, axes.is_y_log)
    if axes.has_diagonal:
        x_ends = y_ends = (min(x_ends[0], y_ends[0]), max(x_ends[1], y_ends[1]))
    named = [line for line in lines if line.label and len(line.x)]
    room = x_ends[1] * (x_ends[1] / x_ends[0]) ** (LABEL_ROOM - 1) if named else x_ends[1]
    x = _axis("x", axes.x_title, (x_ends[0], room), axes.is_x_log)
    y = _axis("y", axes.y_title, y_ends, axes.is_y_log)
    layers = [
        *([_rule(x, y, [(x_ends[0], 0.0), (x_ends[1], 0.0)])] if axes.has_zero_line else []),
        *(
            [_rule(x, y, [(y_ends[0], y_ends[0]), (y_ends[1], y_ends[1])])]
            if axes.has_diagonal
            else []
        ),
        *_bands(lines, x, y),
        _curves(lines, x, y),
        _dots(spots, x, y),
        _labels(named, x, y, y_ends, is_log=axes.is_y_log),
    ]
    return {"height": HEIGHT_PX, "layer": layers}


def _axis(field: str, title: str, ends: tuple[float, float], is_log: bool) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"type": "log" if is_log else "linear", "domain": list(ends), "nice": False},
        "axis": {
            "grid": field == "y",
            "ticks": False,
            "tickCount": 6,
            "format": "~s" if field == "x" and ends[1] > _PLAIN else "~g",
        },
    }


def _ends(values: Sequence[float], is_log: bool) -> tuple[float, float]:
    low, high = min(values, default=1.0), max(values, default=10.0)
    if is_log:
        air = max((high / low) ** 0.04, 1.02)
        return low / air, high * air
    air = 0.06 * (high - low) or 0.5
    return low - air, high + air


def _rule(x: Spec, y: Spec, ends: Sequence[tuple[float, float]]) -> Spec:
    return {
        "data": {"values": [{"x": at_x, "y": at_y} for at_x, at_y in ends]},
        "mark": {"type": "line", "color": FAINT, "strokeDash": [4, 3], "strokeWidth": 1.2},
        "encoding": {"x": x, "y": y},
    }


def _opacity() -> Spec:
    return {"field": "opacity", "type": "quantitative", "scale": None, "legend": None}


def _bands(lines: Sequence[Line], x: Spec, y: Spec) -> list[Spec]:
    rows = [
        {"x": at, "y": low, "high": high, "line": number}
        for number, line in enumerate(lines)
        for at, low, high in zip(line.x, line.low, line.high, strict=False)
    ]
    if not rows:
        return []
    encoding = {"x": x, "y": y, "y2": {"field": "high"}, "detail": {"field": "line"}}
    mark = {"type": "area", "color": INK, "opacity": _BAND}
    return [{"data": {"values": rows}, "mark": mark, "encoding": encoding}]


def _curves(lines: Sequence[Line], x: Spec, y: Spec) -> Spec:
    rows = [
        {"x": at_x, "y": at_y, "line": number, "opacity": _ink(line.strength)}
        for number, line in enumerate(lines)
        for at_x, at_y in zip(line.x, line.y, strict=True)
    ]
    encoding = {"x": x, "y": y, "detail": {"field": "line"}, "strokeOpacity": _opacity()}
    return {"data": {"values": rows}, "mark": {"type": "line", "color": INK}, "encoding": encoding}


def _dots(spots: Sequence[Spot], x: Spec, y: Spec) -> Spec:
    rows = [
        {"x": spot.x, "y": spot.y, "filled": spot.is_filled, "opacity": _ink(spot.strength)}
        for spot in spots
    ]
    fill = {"condition": {"test": "datum.filled", "value": INK}, "value": PAPER}
    return {
        "data": {"values": rows},
        "mark": {"type": "point", "size": 26, "stroke": INK, "strokeWidth": 1.2},
        "encoding": {"x": x, "y": y, "fill": fill, "opacity": _opacity()},
    }


def _labels(
    lines: Sequence[Line], x: Spec, y: Spec, ends: tuple[float, float], *, is_log: bool
) -> Spec:
    """Names beside the last points, pushed up until no two overlap."""

    def there(value: float) -> float:
        return log(value) if is_log else value

    row = _LABEL_ROW_PX * (there(ends[1]) - there(ends[0])) / HEIGHT_PX
    rows, free = [], there(ends[0])
    for line in sorted(lines, key=lambda line: line.y[-1]):
        at = max(there(line.y[-1]), free)
        free = at + row
        rows.append({"x": line.x[-1], "y": exp(at) if is_log else at, "label": line.label})
    return {
        "data": {"values": rows},
        "mark": {"type": "text", "align": "left", "dx": 6, "color": INK},
        "encoding": {"x": x, "y": y, "text": {"field": "label"}},
    }


def _ink(strength: float) -> float:
    return WEAKEST + (1 - WEAKEST) * strength
