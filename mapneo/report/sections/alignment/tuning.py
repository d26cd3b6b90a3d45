"""Supervised fine-tuning: loss by tokens read, held-out loss by skill, what was too long."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.core.errors import ManifestError
from mapneo.report.charts.draw import INK, Chart, language_colour
from mapneo.report.charts.learning import Axes, curves, small_curves
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.alignment.estimates import group_name, listed, named
from mapneo.report.sections.common import Context, Gap, attempt, by_language
from mapneo.report.sections.metrics import Log, heldout_curve, read_logs, step_curve

SFT_STAGES = ("sft_1", "sft_2")


@dataclass(frozen=True, kw_only=True)
class SftRow:
    """One stage of fine-tuning in figures; what it has not recorded yet is None."""

    stage: str
    steps: Figure
    tokens: Figure
    first_loss: Figure
    last_loss: Figure
    conversations: Figure | None
    too_long: Figure | None
    is_finished: bool


@dataclass(frozen=True, kw_only=True)
class HeldoutLoss:
    """Held-out loss of one group: at the first measurement, and after each stage."""

    kind: str
    skill: str
    language: str
    first: Figure | None
    after: Sequence[Figure | None]


@dataclass(frozen=True, kw_only=True)
class SftView:
    """The part on fine-tuning."""

    rows: Sequence[SftRow]
    loss: Chart | Gap
    heldout_charts: Sequence[Chart] | Gap
    first_step: Figure | None
    heldout: Sequence[HeldoutLoss] | Gap
    worse: Markup | None


def sft(context: Context) -> SftView | Gap:
    """Read the metrics of the stages of fine-tuning that have begun."""
    return attempt(_view, context)


def _view(context: Context) -> SftView:
    logs = read_logs(context, SFT_STAGES)
    if not logs:
        raise ManifestError(str(context.say("sft.nothing")))
    measured = [node for log in logs for node in log.heldout]
    heldout = attempt(_heldout_rows, context, logs)
    return SftView(
        rows=[_row(context, log) for log in logs],
        loss=attempt(_loss, context, logs),
        heldout_charts=attempt(_heldout_charts, context, logs),
        first_step=context.cite(measured[0].at("step")) if measured else None,
        heldout=heldout,
        worse=None if isinstance(heldout, Gap) else _worse(context, heldout),
    )


def _row(context: Context, log: Log) -> SftRow:
    facts = attempt(lambda: context.run.facts(log.stage).at("conversations").fields())
    left_out = attempt(lambda: context.run.json(log.stage, "dropped.json").at("too_long"))
    is_list = isinstance(left_out, Node) and isinstance(left_out.value, list)
    return SftRow(
        stage=log.stage,
        steps=context.cite(log.steps[-1].at("step")),
        tokens=context.cite(log.steps[-1].at("tokens"), Form.COMPACT),
        first_loss=context.cite(log.steps[0].at("loss"), Form.DECIMAL),
        last_loss=context.cite(log.steps[-1].at("loss"), Form.DECIMAL),
        conversations=None if isinstance(facts, Gap) else context.total(list(facts.values())),
        too_long=context.ledger.tally(left_out) if isinstance(left_out, Node) and is_list else None,
        is_finished=not isinstance(attempt(context.run.manifest, log.stage), Gap),
    )


def _loss(context: Context, logs: Sequence[Log]) -> Chart:
    lines = [step_curve(context, log, "loss", INK) for log in logs]
    axes = _axes(context, logs, y_title=str(context.say("sft.loss_axis")))
    title, text = str(context.say("sft.loss_chart")), str(context.say("sft.loss_text"))
    return curves(lines, axes, title=title, text=text)


def _axes(context: Context, logs: Sequence[Log], *, y_title: str) -> Axes:
    return Axes(
        x_title=str(context.say("training.tokens_axis")),
        y_title=y_title,
        phase_changes=[log.offset_tokens for log in logs[1:]],
    )


def _groups(logs: Sequence[Log]) -> list[tuple[str, str, str]]:
    """(kind, skill, language) of the held-out measurements, in reading order."""
    names = {name for log in logs for node in log.heldout for name in node.at("heldout").fields()}
    groups = {(parts[0], parts[1], parts[2]) for n in names if len(parts := n.split("/")) == 3}
    order = by_language([language for _, _, language in groups])
    return sorted(groups, key=lambda g: (g[0] == "chat", g[0], order.index(g[2]), g[1]))


def _heldout_charts(context: Context, logs: Sequence[Log]) -> list[Chart]:
    groups = _groups(logs)
    charts = []
    for kind, language in dict.fromkeys((kind, language) for kind, _, language in groups):
        lines = [
            heldout_curve(
                context,
                logs,
                f"{kind}/{skill}/{language}",
                language_colour(language),
                label=named(context, "skill", skill),
            )
            for own_kind, skill, own_language in groups
            if (own_kind, own_language) == (kind, language)
        ]
        title = f"{named(context, 'language', language)}, {named(context, 'kind', kind)}"
        axes = _axes(context, logs, y_title=str(context.say("sft.loss_axis")))
        charts.append(small_curves(lines, axes, title=title, text=title))
    return charts


def _heldout_rows(context: Context, logs: Sequence[Log]) -> list[HeldoutLoss]:
    groups = [("all", "all", "all"), *_groups(logs)]
    rows = [_heldout_row(context, logs, group) for group in groups]
    return [row for row in rows if any(row.after)]


def _heldout_row(context: Context, logs: Sequence[Log], group: tuple[str, str, str]) -> HeldoutLoss:
    name = "all" if group[0] == "all" else "/".join(group)
    found = [_measured(log, name) for log in logs]
    first = found[0][0] if found[0] else None
    return HeldoutLoss(
        kind=group[0],
        skill=group[1],
        language=group[2],
        first=None if first is None else context.cite(first, Form.DECIMAL),
        after=[context.cite(nodes[-1], Form.DECIMAL) if nodes else None for nodes in found],
    )


def _measured(log: Log, name: str) -> list[Node]:
    nodes = [node.maybe("heldout", name) for node in log.heldout]
    return [node for node in nodes if node is not None]


def _worse(context: Context, rows: Sequence[HeldoutLoss]) -> Markup | None:
    """In which groups the last stage left the loss higher than the one before."""
    known = [
        (group_name(context, row.kind, row.skill, row.language), row.after[-2], row.after[-1])
        for row in rows
        if row.kind != "all" and len(row.after) > 1
    ]
    both = [(name, before, last) for name, before, last in known if before and last]
    if not both:
        return None
    higher = [(name, last) for name, before, last in both if last.number() > before.number()]
    return context.say(
        "sft.some_worse" if higher else "sft.none_worse",
        higher=context.ledger.count([last for _, last in higher]),
        groups=context.ledger.count([last for _, _, last in both]),
        names=listed([name for name, _ in higher]),
    )
