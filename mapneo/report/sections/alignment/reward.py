"""The reward model: is it right more often than a coin, or does it only count words?"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.report.charts.draw import FAINT, INK, Chart, language_colour
from mapneo.report.charts.estimates import Dot, shares
from mapneo.report.charts.learning import Axes, small_curves
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.sections.alignment.estimates import Estimate, estimate, listed
from mapneo.report.sections.common import Context, Gap, attempt
from mapneo.report.sections.metrics import heldout_curve, read_logs, step_curve

COIN = 0.5
CHARTED = (("all", "longer"), ("language",), ("skill",))
"""Which groups share a chart."""


@dataclass(frozen=True, kw_only=True)
class GroupAccuracy:
    """Accuracy on the held-out pairs of one group."""

    group: str
    value: str
    name: str
    pairs: Figure
    right: Figure
    accuracy: Estimate


@dataclass(frozen=True, kw_only=True)
class RewardView:
    """The part on the reward model."""

    groups: Sequence[GroupAccuracy]
    charts: Sequence[Chart]
    words: Sequence[Markup]
    training_charts: Sequence[Chart] | Gap
    facts: Markup | Gap


def reward(context: Context) -> RewardView | Gap:
    """Read `reward.json`, and the facts and metrics beside it."""
    return attempt(_view, context)


def _view(context: Context) -> RewardView:
    groups = [
        GroupAccuracy(
            group=row.at("group").text(),
            value=row.at("value").text(),
            name=_name(context, row.at("group").text(), row.at("value").text()),
            pairs=context.cite(row.at("pairs")),
            right=context.cite(row.at("right")),
            accuracy=estimate(context, row, Form.SHARE, value="accuracy"),
        )
        for row in context.run.json("reward", "reward.json").at("rows").rows()
    ]
    return RewardView(
        groups=groups,
        charts=_charts(context, groups),
        words=_words(context, groups),
        training_charts=attempt(_training_charts, context),
        facts=attempt(_facts, context),
    )


def _name(context: Context, group: str, value: str) -> str:
    if group == "all":
        return str(context.say("reward.all"))
    return context.say.maybe(f"{group}.{value}", value)


def _charts(context: Context, groups: Sequence[GroupAccuracy]) -> list[Chart]:
    charts = []
    for together in CHARTED:
        rows = [group for group in groups if group.group in together]
        if not rows:
            continue
        title = str(context.say(f"reward.by_{together[-1]}"))
        said = ", ".join(f"{row.name} {row.accuracy.value.text}" for row in rows)
        text = str(context.say("reward.chart_text", title=title, groups=said))
        charts.append(shares([_dot(row) for row in rows], line=COIN, title=title, text=text))
    return charts


def _dot(row: GroupAccuracy) -> Dot:
    return Dot(
        label=row.name,
        value=row.accuracy.value.number(),
        low=row.accuracy.low.number(),
        high=row.accuracy.high.number(),
        colour=language_colour(row.value) if row.group == "language" else INK,
    )


def _words(context: Context, groups: Sequence[GroupAccuracy]) -> list[Markup]:
    """What the intervals say: better than a coin or not, where not, and whether length helps."""
    words = []
    for row in groups:
        if row.group == "all":
            side = row.accuracy.beside(COIN)
            words.append(_overall(context, row, f"reward.all_{side}"))
    guessed = [row for row in groups if row.group != "all" and row.accuracy.beside(COIN) == "open"]
    if guessed:
        names = listed([row.name for row in guessed])
        words.append(context.say("reward.guessed", groups=names))
    wrong = [row for row in groups if row.group != "all" and row.accuracy.beside(COIN) == "below"]
    if wrong:
        words.append(context.say("reward.wrong", groups=listed([row.name for row in wrong])))
    return [*words, *_length_words(context, groups)]


def _overall(context: Context, row: GroupAccuracy, key: str) -> Markup:
    accuracy = row.accuracy
    return context.say(
        key, value=accuracy.value, low=accuracy.low, high=accuracy.high, pairs=row.pairs
    )


def _length_words(context: Context, groups: Sequence[GroupAccuracy]) -> list[Markup]:
    by_longer = {row.value: row.accuracy for row in groups if row.group == "longer"}
    longer, shorter = by_longer.get("chosen"), by_longer.get("rejected")
    if longer is None or shorter is None:
        return []
    key = {
        "above": "reward.length_matters",
        "below": "reward.brevity_matters",
        "open": "reward.length_open",
    }[longer.after(shorter)]
    return [context.say(key, longer=longer.value, shorter=shorter.value)]


def _facts(context: Context) -> Markup:
    facts = context.run.facts("reward")
    correlation = facts.at("score_length_correlation")
    parts = {
        "training": context.cite(facts.at("training_pairs")),
        "heldout": context.cite(facts.at("heldout_pairs")),
    }
    if correlation.value is None:
        return context.say("reward.facts_undefined", **parts)
    figure = context.cite(correlation, Form.DECIMAL)
    return context.say("reward.facts", correlation=figure, **parts)


def _training_charts(context: Context) -> list[Chart]:
    logs = read_logs(context, ["reward"])
    charts = []
    for field in ("loss", "accuracy"):
        title = str(context.say(f"reward.train_{field}"))
        axes = Axes(x_title=str(context.say("training.tokens_axis")), y_title="")
        label = str(context.say("reward.train"))
        lines = [step_curve(context, log, field, FAINT, label=label) for log in logs]
        if field == "accuracy":
            label = str(context.say("reward.heldout"))
            lines.append(heldout_curve(context, logs, field, INK, label=label))
        charts.append(
            small_curves([line for line in lines if line.x], axes, title=title, text=title)
        )
    return charts if logs else []
