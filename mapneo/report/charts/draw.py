"""From a Vega-Lite specification to inline SVG that follows the page's colours.

Colours in the specifications are `var(--name)`: Vega passes them through untouched, the page's
style sheet gives them a value per colour scheme. Drawing needs neither network nor browser.
A chart is drawn once per width, because scaling a wide chart down would make its text unreadable.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import vl_convert
from markupsafe import Markup

Spec: TypeAlias = dict[str, Any]

VEGA_LITE = "5.21"
WIDE_PX, NARROW_PX = 900, 340
SMALL_PX = 300
INK, FAINT, RULE, PAPER = "var(--ink)", "var(--ink-2)", "var(--rule)", "var(--paper)"
LANGUAGE_COLOURS: Mapping[str, str] = {
    "en": "var(--en)",
    "zh": "var(--zh)",
    "code": "var(--code)",
}
OTHER_COLOUR = "var(--other)"

LABEL_AXIS: Spec = {
    "type": "ordinal",
    "sort": None,
    "title": None,
    "axis": {"ticks": False, "grid": True, "gridDash": [1, 3]},
}
"""An axis of names in the order given, with a dotted guide per row."""

_TEXT = {"labelColor": FAINT, "titleColor": FAINT, "labelFontSize": 12, "titleFontSize": 12}
_CONFIG: Spec = {
    "aria": False,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        **_TEXT,
        "titleFontWeight": "normal",
        "gridColor": RULE,
        "domain": False,
        "tickColor": RULE,
        "labelPadding": 6,
        "titlePadding": 8,
        "labelFlush": False,
    },
    "legend": {**_TEXT, "symbolStrokeWidth": 2, "orient": "top", "title": None, "offset": 6},
    "text": {"color": INK, "fontSize": 12},
    "rule": {"color": INK},
    "point": {"filled": True, "size": 60, "opacity": 1},
    "line": {"strokeWidth": 1.6},
}
_OPENING = re.compile(r"<svg [^>]*?width=\"([\d.]+)\" height=\"([\d.]+)\"[^>]*>")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing with its name and description, once per width of the page."""

    title: str
    description: str
    wide: Markup
    narrow: Markup | None


def language_colour(language: str) -> str:
    """The colour that means this language, everywhere on the page."""
    return LANGUAGE_COLOURS.get(language, OTHER_COLOUR)


def colour_scale(languages: Sequence[str]) -> Spec:
    """A nominal colour scale over the languages."""
    return {"domain": list(languages), "range": [language_colour(name) for name in languages]}


def draw(
    spec: Callable[[int], Spec], *, title: str, description: str, narrow: bool = True
) -> Chart:
    """Draw `spec(width_px)` at the page's wide and narrow width."""
    wide = _svg(spec(WIDE_PX), title, description)
    return Chart(
        title=title,
        description=description,
        wide=wide,
        narrow=_svg(spec(NARROW_PX), title, description) if narrow else None,
    )


def draw_small(spec: Spec, *, title: str, description: str) -> Chart:
    """Draw one of several small charts, which fits the narrowest page as it is."""
    drawing = _svg({"width": SMALL_PX, **spec}, title, description)
    return Chart(title=title, description=description, wide=drawing, narrow=None)


def _svg(spec: Spec, title: str, description: str) -> Markup:
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "padding": {"left": 6, "right": 4, "top": 4, "bottom": 2},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
        **spec,
    }
    return inline(vl_convert.vegalite_to_svg(json.dumps(whole), VEGA_LITE), title, description)


def inline(svg: str, title: str, description: str) -> Markup:
    """Replace the drawing's opening tag by one with a name, a description and no fixed ids."""
    match = _OPENING.match(svg)
    if match is None:
        raise ValueError(f"the drawing of {title!r} does not begin with an <svg> tag: {svg[:80]}")
    width, height = match.groups()
    opening = Markup(
        '<svg role="img" aria-label="{title}" viewBox="0 0 {width} {height}" '
        'width="{width}" height="{height}"><title>{title}</title><desc>{text}</desc>'
    ).format(title=title, text=description, width=width, height=height)
    return opening + Markup(svg[match.end() :])  # noqa: S704


def hollow_or_filled(filled: str) -> Spec:
    """Encoding of dots by the columns `colour` and `filled`: the column's colour, or an outline."""
    return {
        "stroke": {"field": "colour", "type": "nominal", "scale": None},
        "fill": {
            "condition": {"test": filled, "field": "colour", "type": "nominal", "scale": None},
            "value": PAPER,
        },
    }


def plain_numbers(limit: float | None = None) -> str:
    """Expression for axis labels: 0, 500, 1.5k; nothing beyond `limit`."""
    number = "abs(datum.value) < 1000 ? format(datum.value, '~g') : format(datum.value, '~s')"
    return number if limit is None else f"datum.value > {limit} ? '' : {number}"


def shorten(label: str, length_chars: int = 26) -> str:
    """A label that fits beside an axis."""
    return label if len(label) <= length_chars else label[: length_chars - 1] + "…"
