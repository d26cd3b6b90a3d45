"""The picture of a run: stages below one another, an arc from each to those that read it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import vl_convert

from mapneo.report.charts.draw import FAINT, INK, NARROW_PX, PAPER, Chart, Spec, inline

ROW_PX = 30
LABEL_X = 140
DIGEST_X = LABEL_X + 112
SHORT_ARC_PX = 14
"""How far the shortest arc bulges; the longest reaches the left edge."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage and the digest of what it gave; empty if it has not finished."""

    name: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Link:
    """`target` reads what `source` gave."""

    source: str
    target: str


def arcs(stages: Sequence[Stage], links: Sequence[Link], *, title: str) -> Chart:
    """Dots (hollow: not finished) joined by arcs that bulge to the left with their length."""
    place = {stage.name: ROW_PX * (index + 0.5) for index, stage in enumerate(stages)}
    edges = [
        {"y0": place[link.source], "y1": place[link.target]}
        for link in links
        if link.source in place and link.target in place
    ]
    nodes = [
        {"name": stage.name, "y": place[stage.name], "digest": stage.digest} for stage in stages
    ]
    described = f"{title}. " + "; ".join(f"{k.target} reads {k.source}" for k in links)
    svg = vl_convert.vega_to_svg(json.dumps(_spec(nodes, edges)))
    return Chart(
        title=title, description=described, wide=inline(svg, title, described), narrow=None
    )


def _spec(nodes: Sequence[Spec], edges: Sequence[Spec]) -> Spec:
    longest = max((edge["y1"] - edge["y0"] for edge in edges), default=ROW_PX)
    # A cubic curve comes within three quarters of its control points.
    room = (LABEL_X - 14) / 0.75 - SHORT_ARC_PX
    part = f"pow((datum.y1 - datum.y0 - {ROW_PX}) / {max(longest - ROW_PX, 1)}, 0.7)"
    bulge = f"{LABEL_X - 14} - {SHORT_ARC_PX} - {room} * {part}"
    path = f"'M{LABEL_X - 14},' + datum.y0 + 'C' + ({bulge}) + ',' + datum.y0 + ' ' + ({bulge}) + "
    path += f"',' + datum.y1 + ' {LABEL_X - 14},' + datum.y1"
    return {
        "$schema": "https://vega.github.io/schema/vega/v5.json",
        "width": NARROW_PX,
        "height": ROW_PX * len(nodes),
        "padding": 2,
        "config": {"aria": False},
        "data": [
            {"name": "nodes", "values": list(nodes)},
            {
                "name": "edges",
                "values": list(edges),
                "transform": [{"type": "formula", "as": "path", "expr": path}],
            },
        ],
        "marks": [
            _arc_mark(),
            _dot_mark(),
            _text_mark("name", LABEL_X, 14, INK),
            _text_mark("digest", DIGEST_X, 12, FAINT),
        ],
    }


def _arc_mark() -> Spec:
    return {
        "type": "path",
        "from": {"data": "edges"},
        "encode": {
            "enter": {
                "path": {"field": "path"},
                "stroke": {"value": FAINT},
                "strokeWidth": {"value": 1.2},
                "strokeOpacity": {"value": 0.6},
            }
        },
    }


def _dot_mark() -> Spec:
    return {
        "type": "symbol",
        "from": {"data": "nodes"},
        "encode": {
            "enter": {
                "x": {"value": LABEL_X - 14},
                "y": {"field": "y"},
                "size": {"value": 70},
                "stroke": {"value": INK},
                "fill": [{"test": "datum.digest", "value": INK}, {"value": PAPER}],
            }
        },
    }


def _text_mark(field: str, x_px: int, size_px: int, colour: str) -> Spec:
    return {
        "type": "text",
        "from": {"data": "nodes"},
        "encode": {
            "enter": {
                "x": {"value": x_px},
                "y": {"field": "y"},
                "text": {"field": field},
                "baseline": {"value": "middle"},
                "fontSize": {"value": size_px},
                "fill": {"value": colour},
            }
        },
    }
