"""What is left of a language after each curating step, beside the paper's figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.core.errors import ManifestError
from mapneo.report.charts.curation import RetentionStep
from mapneo.report.charts.curation import retention as draw_retention
from mapneo.report.charts.draw import Chart
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt

PAPER_LANGUAGES = ("en", "zh")
EXACT_RULE = "exact_document"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is left of a language's documents after a step, here and in the paper."""

    name: str
    documents: Figure
    ours: Figure
    paper: Figure


@dataclass(frozen=True, kw_only=True)
class Retention:
    """The steps of one language."""

    language: str
    steps: Sequence[Step]
    chart: Chart


@dataclass(frozen=True, kw_only=True)
class RetentionView:
    """All languages that the paper gives figures for."""

    languages: Sequence[Retention]
    source: str


def retention(context: Context, paper: Node) -> RetentionView:
    """What judge and dedup left of each language that the paper gives figures for.

    Raises:
        ManifestError: judge has not finished, or saw none of these languages.
    """
    arrived = context.run.facts("judge").at("arrived").rows()
    present = {row.at("language").value for row in arrived}
    languages = [name for name in PAPER_LANGUAGES if name in present]
    if not languages:
        raise ManifestError(f"judge saw no document in {' or '.join(PAPER_LANGUAGES)}")
    return RetentionView(
        languages=[_retained(context, name, paper) for name in languages],
        source=paper.at("source").text(),
    )


def _retained(context: Context, language: str, paper: Node) -> Retention:
    left = _left(context, language)
    steps = []
    for row in paper.at("steps").rows():
        name = row.at("step").text()
        if name in left:
            steps.append(
                Step(
                    name=str(context.say(f"funnel.steps.{name}")),
                    documents=left[name],
                    ours=context.share(left[name], left["raw"]),
                    paper=context.cite(row.at(language), Form.SHARE),
                )
            )
    return Retention(language=language, steps=steps, chart=_chart(context, language, steps))


def _left(context: Context, language: str) -> dict[str, Figure]:
    """Documents left after each step, as far as the run has come."""
    judge = context.run.facts("judge")
    left = {
        "raw": context.total(_documents(judge.at("arrived"), language)),
        "filters": context.total(_documents(judge.at("kept"), language)),
    }
    dedup = attempt(context.run.facts, "dedup")
    if not isinstance(dedup, Gap):
        copies = context.total(_documents(dedup.at("reasons"), language, EXACT_RULE))
        left["exact"] = context.ledger.derive("difference", [left["filters"], copies], Form.COUNT)
        left["minhash"] = context.total(_documents(dedup.at("kept"), language))
    return left


def _documents(rows: Node, language: str, rule: str | None = None) -> list[Node]:
    """The document counts of one language, and of one rule if one is named."""
    return [
        row.at("documents")
        for row in rows.rows()
        if row.at("language").value == language and (rule is None or row.at("rule").value == rule)
    ]


def _chart(context: Context, language: str, steps: Sequence[Step]) -> Chart:
    name = context.say.maybe(f"language.{language}", language)
    said = "; ".join(
        str(
            context.say(
                "funnel.retention_step",
                step=step.name,
                ours=step.ours.text,
                paper=step.paper.text,
            )
        )
        for step in steps
    )
    return draw_retention(
        language,
        [
            RetentionStep(
                name=step.name, ours_frac=step.ours.number(), paper_frac=step.paper.number()
            )
            for step in steps
        ],
        title=str(context.say("funnel.retention_chart", language=name)),
        text=str(context.say("funnel.retention_text", language=name, steps=said)),
    )
