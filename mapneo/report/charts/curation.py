"""Charts of curation: what is left after each step, signals with their bound, compression."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapneo.report.charts.draw import (
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


@dataclass(frozen=True, kw_only=True)
class RetentionStep:
    """What is left of the raw documents after a step, here and in the paper (0 to 1)."""

    name: str
    ours_frac: float
    paper_frac: float | None


def retention(language: str, steps: Sequence[RetentionStep], *, title: str, text: str) -> Chart:
    """Bars: share of raw documents left after each step; a tick marks the paper's share."""
    values = [
        {"step": s.name, "ours": 100 * s.ours_frac, "paper": _percent(s.paper_frac)} for s in steps
    ]
    y = {"field": "step", "type": "ordinal", "sort": None, "title": None, "axis": {"ticks": False}}
    x = {"type": "quantitative", "title": None, "scale": {"domain": [0, 100]}}
    axis = {"values": [0, 25, 50, 75, 100], "labelExpr": "datum.value + ' %'"}
    spec: Spec = {
        "height": {"step": 34},
        "data": {"values": values},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "height": 16, "color": language_colour(language)},
                "encoding": {"x": {**x, "field": "ours", "axis": axis}},
            },
            {
                "transform": [{"filter": "isValid(datum.paper)"}],
                "mark": {"type": "tick", "thickness": 3, "size": 26, "color": INK},
                "encoding": {"x": {**x, "field": "paper"}},
            },
        ],
    }
    return draw_small(spec, title=title, description=text)


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How often a signal has which value; `edges` has one element more than `counts`."""

    language: str
    edges: Sequence[float]
    counts: Sequence[float]
    minimum: float | None
    maximum: float | None
    is_log: bool


def trimmed(data: Histogram) -> Histogram:
    """The same without empty bins at the ends, as far as the bounds stay in sight."""
    bounds = [bound for bound in (data.minimum, data.maximum) if bound is not None]
    bins = list(zip(data.edges, data.edges[1:], data.counts, strict=False))
    wanted = [
        index
        for index, (low, high, count) in enumerate(bins)
        if count or any(low <= bound <= high for bound in bounds)
    ]
    if not wanted:
        return data
    first, last = wanted[0], wanted[-1] + 1
    return replace(data, edges=data.edges[first : last + 1], counts=data.counts[first:last])


def histogram(data: Histogram, *, title: str, text: str) -> Chart:
    """Bars on a root scale (rare values stay visible), the bound as a line, its far side faded."""
    bars = [
        {"from": low, "to": high, "n": n, "out": _is_outside(data, low, high)}
        for low, high, n in zip(data.edges, data.edges[1:], data.counts, strict=False)
    ]
    bounds = [
        {"bound": bound, "side": side}
        for side, bound in (("min", data.minimum), ("max", data.maximum))
        if bound is not None and data.edges[0] <= bound <= data.edges[-1]
    ]
    x = {"type": "quantitative", "title": None, "scale": _bin_scale(data)}
    y_axis = {"tickCount": 3, "title": None, "labelExpr": plain_numbers()}
    spec: Spec = {
        "height": 110,
        "layer": [
            {
                "data": {"values": bars},
                "mark": {"type": "rect", "color": language_colour(data.language)},
                "encoding": {
                    "x": {
                        **x,
                        "field": "from",
                        "axis": _bin_axis(data),
                    },
                    "x2": {"field": "to"},
                    "y": {
                        "field": "n",
                        "type": "quantitative",
                        "scale": {"type": "sqrt", "domainMin": 0},
                        "axis": y_axis,
                    },
                    "y2": {"datum": 0},
                    "opacity": {
                        "field": "out",
                        "type": "nominal",
                        "scale": {"domain": [False, True], "range": [1, 0.4]},
                        "legend": None,
                    },
                },
            },
            {
                "data": {"values": bounds},
                "mark": {"type": "rule", "strokeWidth": 1.6, "strokeDash": [4, 2]},
                "encoding": {"x": {**x, "field": "bound"}},
            },
        ],
    }
    return draw_small(spec, title=title, description=text)


@dataclass(frozen=True, kw_only=True)
class Compression:
    """Characters per token of some texts; `ours` is false for the paper's figure."""

    label: str
    language: str
    chars_per_token: float
    ours: bool


def compression(rows: Sequence[Compression], *, title: str) -> Chart:
    """Characters per token by kind of text: filled dots ours, hollow diamonds the paper's."""
    values = [
        {
            "label": shorten(row.label),
            "x": row.chars_per_token,
            "ours": row.ours,
            "colour": language_colour(row.language),
        }
        for row in rows
    ]

    def spec(width_px: int) -> Spec:
        return {
            "width": width_px,
            "height": {"step": 24},
            "data": {"values": values},
            "mark": {"type": "point", "size": 80, "strokeWidth": 1.8},
            "encoding": {
                "y": {**LABEL_AXIS, "field": "label"},
                "x": {
                    "field": "x",
                    "type": "quantitative",
                    "title": "characters per token",
                    "axis": {"grid": False, "tickCount": 6, "labelExpr": plain_numbers()},
                },
                "shape": {
                    "field": "ours",
                    "type": "nominal",
                    "scale": {"domain": [True, False], "range": ["circle", "diamond"]},
                    "legend": None,
                },
                **hollow_or_filled("datum.ours"),
            },
        }

    return draw(spec, title=title, description=title)


def _bin_scale(data: Histogram) -> Spec:
    kind = "log" if data.is_log else "linear"
    return {"type": kind, "domain": [data.edges[0], data.edges[-1]], "nice": False, "zero": False}


def _bin_axis(data: Histogram) -> Spec:
    axis: Spec = {"grid": False, "tickCount": 4, "labelExpr": plain_numbers()}
    if data.is_log:
        low, high = math.log10(data.edges[0]), math.log10(data.edges[-1])
        steps = (1, 2, 5) if high - low < 2 else (1,)
        decades = range(math.floor(low), math.ceil(high) + 1)
        axis["values"] = [step * 10.0**decade for decade in decades for step in steps]
    return axis


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _is_outside(data: Histogram, low: float, high: float) -> bool:
    below = data.minimum is not None and high <= data.minimum
    above = data.maximum is not None and low >= data.maximum
    return below or above
