"""Evaluation: bits per byte of our models beside the baselines, and the floors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mapneo.report.charts.draw import Chart
from mapneo.report.charts.learning import Score, scores
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt, by_language
from mapneo.report.sections.floors import Floor, floors

BASELINES = ("five_gram", "bigram", "unigram", "xz_primed", "xz")
"""What our models stand beside, from strong to weak; every other model is one of ours."""
ALL_CATEGORIES = "all"


@dataclass(frozen=True, kw_only=True)
class ModelScore:
    """Bits per byte of one model with its interval; compressors have none."""

    model: str
    bits_per_byte: Figure
    low: Figure | None
    high: Figure | None


@dataclass(frozen=True, kw_only=True)
class Group:
    """All models on one kind of held-out text."""

    language: str
    category: str
    documents: Figure
    size_bytes: Figure
    models: Sequence[ModelScore]

    def model(self, name: str) -> ModelScore | None:
        """The score of one model, if it was measured."""
        return next((score for score in self.models if score.model == name), None)


@dataclass(frozen=True, kw_only=True)
class EvaluationView:
    """Evaluation's section."""

    charts: Sequence[Chart] | Gap
    groups: Sequence[Group] | Gap
    floors: Sequence[Floor] | Gap


def evaluation(context: Context) -> EvaluationView:
    """Read bits per byte and floors."""
    return EvaluationView(
        charts=attempt(lambda: [_chart(context, group) for group in wholes(context)]),
        groups=attempt(groups, context),
        floors=attempt(floors, context, "evaluate"),
    )


def groups(context: Context) -> list[Group]:
    """All rows of `bits_per_byte.json`, in reading order.

    Raises:
        ManifestError: the models have not been evaluated yet.
    """
    rows = context.run.json("evaluate", "bits_per_byte.json").at("rows").rows()
    found = [_group(context, row) for row in rows]
    order = by_language([group.language for group in found])
    return sorted(
        found, key=lambda g: (order.index(g.language), g.category != ALL_CATEGORIES, g.category)
    )


def wholes(context: Context) -> list[Group]:
    """One group per language: all its categories together.

    Raises:
        ManifestError: the models have not been evaluated yet.
    """
    return [group for group in groups(context) if group.category == ALL_CATEGORIES]


def _group(context: Context, row: Node) -> Group:
    measured = row.at("models").fields()
    return Group(
        language=row.at("language").text(),
        category=row.at("category").text(),
        documents=context.cite(row.at("documents")),
        size_bytes=context.cite(row.at("bytes"), Form.BYTES),
        models=[_score(context, name, measured[name]) for name in _ordered(context, measured)],
    )


def _ordered(context: Context, measured: Iterable[str]) -> list[str]:
    """Our models in the order of their stages, then the baselines."""
    names = set(measured)
    stages = [stage for stage in context.run.stages if stage in names]
    others = sorted(names - {*stages, *BASELINES})
    return [*stages, *others, *(name for name in BASELINES if name in names)]


def _score(context: Context, name: str, node: Node) -> ModelScore:
    low, high = node.maybe("low"), node.maybe("high")
    return ModelScore(
        model=name,
        bits_per_byte=context.cite(node.at("bits_per_byte"), Form.DECIMAL),
        low=None if low is None else context.cite(low, Form.DECIMAL),
        high=None if high is None else context.cite(high, Form.DECIMAL),
    )


def _chart(context: Context, group: Group) -> Chart:
    rows = []
    for score in group.models:
        middle = score.bits_per_byte.number()
        rows.append(
            Score(
                model=context.say.maybe(f"model.{score.model}", score.model),
                bits_per_byte=middle,
                low=score.low.number() if score.low else middle,
                high=score.high.number() if score.high else middle,
                ours=score.model not in BASELINES,
            )
        )
    language = context.say.maybe(f"language.{group.language}", group.language)
    said = ", ".join(f"{row.model} {row.bits_per_byte:.3f}" for row in rows)
    return scores(
        group.language,
        rows,
        title=str(context.say("evaluation.chart", language=language)),
        text=str(context.say("evaluation.text", language=language, models=said)),
    )
