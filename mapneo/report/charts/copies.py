"""Charts of deduplication: the curve of the bands, and how large clusters are."""

from collections.abc import Sequence

from mapneo.report.charts.draw import FAINT, INK, Chart, Spec, draw_small


def candidate_curve(
    points: Sequence[tuple[float, float]], bound: float, *, title: str, text: str
) -> Chart:
    """Chance that a pair is looked at, by its similarity; an upright line marks the bound."""
    axis = {"values": [0, 0.25, 0.5, 0.75, 1], "format": "~%"}
    domain = {"domain": [0, 1]}
    spec: Spec = {
        "height": 180,
        "layer": [
            {
                "data": {"values": [{"x": x, "y": y} for x, y in points]},
                "mark": {"type": "line", "color": INK},
                "encoding": {
                    "x": {
                        "field": "x",
                        "type": "quantitative",
                        "title": "Jaccard",
                        "scale": domain,
                        "axis": axis,
                    },
                    "y": {
                        "field": "y",
                        "type": "quantitative",
                        "title": None,
                        "scale": domain,
                        "axis": axis,
                    },
                },
            },
            {
                "data": {"values": [{"x": bound}]},
                "mark": {"type": "rule", "color": FAINT, "strokeDash": [4, 3]},
                "encoding": {"x": {"field": "x", "type": "quantitative"}},
            },
        ],
    }
    return draw_small(spec, title=title, description=text)


def cluster_sizes(
    sizes: Sequence[float], counts: Sequence[float], *, title: str, text: str
) -> Chart:
    """How many clusters have which size, both on logarithmic axes."""
    values = [{"x": x, "y": y} for x, y in zip(sizes, counts, strict=True)]
    scale = {"type": "log", "nice": False}
    spec: Spec = {
        "height": 180,
        "data": {"values": values},
        "mark": {"type": "point", "color": INK},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": title, "scale": scale},
            "y": {"field": "y", "type": "quantitative", "title": None, "scale": scale},
        },
    }
    return draw_small(spec, title=title, description=text)
