"""Pictures of scaling laws: SVG files that stand alone, and one page that holds them all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from markupsafe import Markup

from mapneo.core.canonical import Json
from mapneo.core.files import write_json, write_text
from mapneo.report.charts.draw import Chart
from mapneo.report.page import embedded_style, environment
from mapneo.report.scaling_charts import law_charts
from mapneo.report.strings import Strings
from mapneo.scaling.judge import Judged, judge_laws
from mapneo.scaling.laws import Law
from mapneo.scaling.study import HoldOut, Study

PAGE_NAME = "index.html"
REPORT_NAME = "report.json"
_VARIABLE = re.compile(r"var\((--[\w-]+)\)")
_SETTING = re.compile(r"(--[\w-]+):\s*(#[0-9a-fA-F]+)")


@dataclass(frozen=True, kw_only=True)
class LawView:
    """A law's part of the page."""

    name: str
    report: Mapping[str, Json]
    charts: Mapping[str, Chart]


def write_pictures(
    study: Study, laws: Sequence[Law], hold_out: HoldOut, folder: Path
) -> list[Path]:
    """Draw everything into `folder`; returns the files: the page, its numbers, then the pictures.

    Raises:
        DataError: the points do not determine a law, with or without those held out.
    """
    report = study.report(laws, hold_out=hold_out)
    judged = {
        each.fit.law.name: each
        for each in judge_laws(
            study.points, laws, count=hold_out.count, by=hold_out.by, delta=study.delta
        )
    }
    views = [_view(study, law, report, judged[law.name]) for law in laws]
    write_text(folder / PAGE_NAME, _page(report, views))
    write_json(folder / REPORT_NAME, report)
    colours = _light_colours()
    pictures = []
    for view in views:
        for name, chart in view.charts.items():
            path = folder / f"{view.name}-{name}.svg"
            write_text(path, standalone(chart.wide, colours))
            pictures.append(path)
    return [folder / PAGE_NAME, folder / REPORT_NAME, *pictures]


def _view(study: Study, law: Law, report: Mapping[str, Json], judged: Judged) -> LawView:
    charts = law_charts(study.fitted(law), judged)
    return LawView(name=law.name, report=report["laws"][law.name], charts=charts)


def _page(report: Mapping[str, Json], views: Sequence[LawView]) -> str:
    style, digest = embedded_style()
    return (
        environment()
        .get_template("scaling.html")
        .render(report=report, views=views, say=Strings(), style=style, style_hash=digest)
    )


def _light_colours() -> dict[str, str]:
    """The page's colours on paper, by variable."""
    folder = resources.files("mapneo.report").joinpath("templates")
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    return dict(_SETTING.findall(style.split("@media", 1)[0]))


def standalone(drawing: Markup, colours: Mapping[str, str]) -> str:
    """A page's drawing as a file of its own: a namespace, paper, and colours in place of names."""
    opening, rest = str(drawing).split(">", 1)
    named = opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    whole = f'{named}><rect width="100%" height="100%" fill="var(--paper)"/>{rest}\n'
    return _VARIABLE.sub(lambda match: colours[match[1]], whole)
