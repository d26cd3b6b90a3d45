"""Rounds of preference optimisation: reward, length, distance and win rate, and what they show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from mapneo.core.errors import ManifestError
from mapneo.report.charts.draw import FAINT, INK, Chart
from mapneo.report.charts.estimates import RoundPoint, by_round
from mapneo.report.charts.learning import Axes, small_curves
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.alignment.estimates import Estimate, maybe_estimate, named
from mapneo.report.sections.alignment.pairs import scored_by_verifier
from mapneo.report.sections.common import Context, Gap, attempt
from mapneo.report.sections.metrics import Log, read_logs, step_curve

Measure = Literal[
    "verifiable_reward", "score", "tokens", "kl_nats", "win_rate_verifiable", "win_rate_score"
]
MEASURES: tuple[tuple[Measure, Form, float | None], ...] = (
    ("verifiable_reward", Form.DECIMAL, None),
    ("score", Form.DECIMAL, None),
    ("tokens", Form.DIGITS, None),
    ("kl_nats", Form.DECIMAL, None),
    ("win_rate_verifiable", Form.SHARE, 0.5),
    ("win_rate_score", Form.SHARE, 0.5),
)
"""What is measured, how it is written, and the level that means no difference, if there is one."""
CURVES = (("margin",), ("accuracy",), ("chosen_reward", "rejected_reward"))


@dataclass(frozen=True, kw_only=True)
class RoundRow:
    """One round; a measure that is missing is None."""

    number: Figure
    policy: str
    by_measure: dict[Measure, Estimate | None]


@dataclass(frozen=True, kw_only=True)
class RoundsView:
    """The part on rounds."""

    measures: Sequence[Measure]
    rows: Sequence[RoundRow] | Gap
    charts: Sequence[Chart] | Gap
    judge: Markup | None
    words: Sequence[Markup]
    training_charts: Sequence[Chart] | Gap


def rounds(context: Context) -> RoundsView:
    """Read the rounds of `answers.json` and the metrics of the stages `dpo_<n>`."""
    rows = attempt(_rows, context)
    judge = attempt(_judge, context)
    return RoundsView(
        measures=[measure for measure, _, _ in MEASURES],
        rows=rows,
        charts=rows if isinstance(rows, Gap) else attempt(_charts, context, rows),
        judge=None if isinstance(judge, Gap) else judge,
        words=[] if isinstance(rows, Gap) else _words(context, rows),
        training_charts=attempt(_training_charts, context),
    )


def _rows(context: Context) -> list[RoundRow]:
    return [
        _row(context, row)
        for row in context.run.json("answers", "answers.json").at("rounds").rows()
    ]


def _row(context: Context, row: Node) -> RoundRow:
    row.at("round").number()
    return RoundRow(
        number=context.cite(row.at("round")),
        policy=row.at("policy").text(),
        by_measure={name: maybe_estimate(context, row, name, form) for name, form, _ in MEASURES},
    )


def _judge(context: Context) -> Markup | None:
    """Whether the verifier is a measure from outside or part of what the policy trains on."""
    found = scored_by_verifier(context)
    if found is None:
        return None
    is_within, scorer = found
    key = "rounds.judge_within" if is_within else "rounds.judge_apart"
    return context.say(key, scorer=scorer)


def _charts(context: Context, rows: Sequence[RoundRow]) -> list[Chart]:
    charts = []
    for measure, _, line in MEASURES:
        found = [(row.number, row.by_measure[measure]) for row in rows]
        points = [_point(number, value) for number, value in found if value is not None]
        if not points:
            continue
        title = str(context.say(f"rounds.{measure}"))
        said = "; ".join(
            f"{number.text}: {value.value.text} ({value.low.text} – {value.high.text})"
            for number, value in found
            if value is not None
        )
        text = str(context.say("rounds.chart_text", measure=title, rounds=said))
        x_title = str(context.say("rounds.round_axis"))
        charts.append(by_round(points, line=line, x_title=x_title, title=title, text=text))
    return charts


def _point(number: Figure, value: Estimate) -> RoundPoint:
    return RoundPoint(
        number=int(number.number()),
        value=value.value.number(),
        low=value.low.number(),
        high=value.high.number(),
    )


def _words(context: Context, rows: Sequence[RoundRow]) -> list[Markup]:
    """A sentence per round and judge: better, worse, or nothing shown; and what to beware of."""
    words = []
    for row in rows[1:]:
        sides = {}
        for judge in ("verifiable", "score"):
            wins = row.by_measure[
                "win_rate_verifiable" if judge == "verifiable" else "win_rate_score"
            ]
            if wins is None:
                continue
            sides[judge] = wins.beside(0.5)
            words.append(
                context.say(
                    f"rounds.wins_{sides[judge]}",
                    policy=named(context, "policy", row.policy),
                    judge=context.say(f"rounds.judge_{judge}"),
                    value=wins.value,
                    low=wins.low,
                    high=wins.high,
                )
            )
        if sides.get("score") == "above" and sides.get("verifiable") != "above":
            policy = named(context, "policy", row.policy)
            words.append(context.say("rounds.taste", policy=policy))
    return words


def _training_charts(context: Context) -> list[Chart]:
    stages = [name for name in context.run.stages if name.startswith("dpo_")]
    logs = read_logs(context, stages)
    if not logs:
        raise ManifestError(str(context.say("rounds.nothing")))
    return [_training_chart(context, logs, fields) for fields in CURVES]


def _training_chart(context: Context, logs: Sequence[Log], fields: Sequence[str]) -> Chart:
    several = len(fields) > 1
    lines = [
        step_curve(
            context,
            log,
            field,
            FAINT if place else INK,
            label=str(context.say(f"rounds.{field}")) if several and log is logs[-1] else "",
        )
        for place, field in enumerate(fields)
        for log in logs
    ]
    axes = Axes(
        x_title=str(context.say("training.tokens_axis")),
        y_title="",
        phase_changes=[log.offset_tokens for log in logs[1:]],
    )
    title = str(context.say("rounds.rewards" if several else f"rounds.{fields[0]}"))
    return small_curves(lines, axes, title=title, text=title)
