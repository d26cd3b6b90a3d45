"""Multiple choice: each pack's scores beside chance, what they mean, and packs left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.report.charts.choice import Share, shares
from mapneo.report.charts.draw import Chart
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt

HABIT_FRAC = 0.8
"""A letter given in so many of the answers is a habit and no choice."""


@dataclass(frozen=True, kw_only=True)
class ChoiceScore:
    """One model on one pack; without an item that fits there is no accuracy."""

    model: str
    items: Figure
    too_long: Figure
    correct: Figure
    accuracy: Figure
    low: Figure
    high: Figure
    chance: Figure
    above_chance: bool
    habit: Markup | None
    """Said of a model that gives one letter nearly always, whatever is asked."""

    @property
    def is_scored(self) -> bool:
        """Whether the model was asked anything."""
        return self.accuracy.value is not None


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Rows of a pack's file that were not asked, by the rule that says so."""

    rule: str
    rows: Figure


@dataclass(frozen=True, kw_only=True)
class PackScores:
    """A pack, all models on it, and what that means in one sentence."""

    name: str
    task: str
    language: str
    stands_for: str
    rows: Figure
    left_out: Sequence[LeftOut]
    scores: Sequence[ChoiceScore]
    sentence: Markup
    chart: Chart | None


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A pack that was not scored, and why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ChoiceView:
    """The multiple-choice part of the evaluation."""

    packs: Sequence[PackScores]
    skipped: Sequence[Skipped]


def choice(context: Context) -> ChoiceView | Gap:
    """Read `choice.json`."""
    view = attempt(_view, context)
    if isinstance(view, ChoiceView) and not view.packs and not view.skipped:
        return Gap(sentence=str(context.say("choice.no_packs")))
    return view


def _view(context: Context) -> ChoiceView:
    table = context.run.json("evaluate", "choice.json")
    by_pack: dict[str, list[Node]] = {}
    for row in table.at("rows").rows():
        by_pack.setdefault(row.at("pack").text(), []).append(row)
    return ChoiceView(
        packs=[_pack(context, name, rows) for name, rows in by_pack.items()],
        skipped=[
            Skipped(name=name, reason=reason.text())
            for name, reason in table.at("skipped").fields().items()
        ],
    )


def _pack(context: Context, name: str, rows: Sequence[Node]) -> PackScores:
    first = rows[0]
    scores = [_score(context, row) for row in rows]
    language = first.at("language").text()
    return PackScores(
        name=name,
        task=first.at("task").text(),
        language=language,
        stands_for=first.at("stands_for").text(),
        rows=context.cite(first.at("rows")),
        left_out=[
            LeftOut(rule=rule, rows=context.cite(node))
            for rule, node in first.at("dropped").fields().items()
        ],
        scores=scores,
        sentence=_sentence(context, scores),
        chart=_chart(context, name, language, scores),
    )


def _score(context: Context, row: Node) -> ChoiceScore:
    def share(field: str) -> Figure:
        return context.cite(row.at(field), Form.SHARE)

    return ChoiceScore(
        model=row.at("model").text(),
        items=context.cite(row.at("items")),
        too_long=context.cite(row.at("too_long")),
        correct=context.cite(row.at("correct")),
        accuracy=share("accuracy"),
        low=share("low"),
        high=share("high"),
        chance=share("chance"),
        above_chance=row.at("above_chance").value is True,
        habit=_habit(context, row),
    )


def _habit(context: Context, row: Node) -> Markup | None:
    given = row.at("predicted").fields()
    if not given:
        return None
    letter, most = max(given.items(), key=lambda each: each[1].number())
    if most.number() < HABIT_FRAC * row.at("items").number():
        return None
    share = context.share(most, row.at("items"))
    return context.say(
        "choice.habit", model=_named(context, row.at("model").text()), letter=letter, share=share
    )


def _sentence(context: Context, scores: Sequence[ChoiceScore]) -> Markup:
    """What the scores say, by the ends of their intervals."""
    scored = [score for score in scores if score.is_scored]
    if not scored:
        return context.say("choice.nothing_fits")
    better = [score for score in scored if score.above_chance]
    if not better:
        return context.say("choice.guessing", chance=scored[0].chance)
    names = ", ".join(_named(context, score.model) for score in better)
    key = "choice.all_better" if len(better) == len(scored) else "choice.some_better"
    return context.say(key, models=names, chance=scored[0].chance)


def _chart(
    context: Context, pack: str, language: str, scores: Sequence[ChoiceScore]
) -> Chart | None:
    rows = [
        Share(
            model=_named(context, score.model),
            value=score.accuracy.number(),
            low=score.low.number(),
            high=score.high.number(),
        )
        for score in scores
        if score.is_scored
    ]
    if not rows:
        return None
    guessing = next(score.chance for score in scores if score.is_scored)
    said = ", ".join(f"{row.model} {row.value:.3f}" for row in rows)
    text = str(context.say("choice.text", pack=pack, models=said, chance=guessing.text))
    return shares(language, rows, guessing.number(), title=pack, text=text)


def _named(context: Context, model: str) -> str:
    return context.say.maybe(f"model.{model}", model)
