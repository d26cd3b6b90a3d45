"""How the measured signals are spread, and where the rules' bounds cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.report.charts.curation import Histogram, histogram, trimmed
from mapneo.report.charts.draw import Chart
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt, by_language


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One side of a rule: `at least` or `at most` a value."""

    side: str
    figure: Figure


@dataclass(frozen=True, kw_only=True)
class SignalView:
    """One signal over the documents of one language."""

    rule: str
    signal: str
    bounds: Sequence[Bound]
    measured: Figure
    beyond: Figure
    not_measured: Figure
    chart: Chart


@dataclass(frozen=True, kw_only=True)
class SignalsView:
    """All signals that judge one language."""

    language: str
    signals: Sequence[SignalView]


def signals(context: Context) -> list[SignalsView] | Gap:
    """Read the histograms that judge left."""
    return attempt(_signals, context)


def _signals(context: Context) -> list[SignalsView]:
    rows = context.run.json("judge", "histograms.json").at("rows").rows()
    views = []
    for language in by_language([row.at("language").text() for row in rows]):
        mine = [row for row in rows if row.at("language").value == language]
        views.append(
            SignalsView(language=language, signals=[_signal(context, language, r) for r in mine])
        )
    return views


def _signal(context: Context, language: str, row: Node) -> SignalView:
    name = row.at("signal").text()
    bounds = [
        Bound(side=side, figure=context.cite(node, Form.DIGITS))
        for side in ("min", "max")
        if (node := row.maybe(side)) is not None
    ]
    measured = context.total(row.at("counts").rows(), Form.COUNT)
    said = ", ".join(str(_said(context, bound).striptags()) for bound in bounds)
    return SignalView(
        rule=row.at("rule").text(),
        signal=name,
        bounds=bounds,
        measured=measured,
        beyond=context.share(row.at("beyond"), measured),
        not_measured=context.cite(row.at("not_measured")),
        chart=histogram(
            _histogram(context, language, row),
            title=name,
            text=str(
                context.say(
                    "signals.text",
                    language=context.say.maybe(f"language.{language}", language),
                    signal=name,
                    count=measured.text,
                    bounds=said,
                )
            ),
        ),
    )


def _said(context: Context, bound: Bound) -> Markup:
    return context.say(f"signals.{bound.side}", bound=bound.figure)


def _histogram(context: Context, language: str, row: Node) -> Histogram:
    sides = [row.maybe(side) for side in ("min", "max")]
    minimum, maximum = (None if node is None else node.number() for node in sides)
    return trimmed(
        Histogram(
            language=language,
            edges=context.ledger.series(row.at("edges").rows()),
            counts=context.ledger.series(row.at("counts").rows()),
            minimum=minimum,
            maximum=maximum,
            is_log=row.at("scale").value == "log",
        )
    )
