"""Training: loss, held-out bits per byte, learning rate, speed and gradient, by tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.draw import FAINT, INK, Chart, language_colour
from mapneo.report.charts.learning import Axes, curves, small_curves
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import PRETRAIN_STAGES, Context, Gap, attempt, by_language
from mapneo.report.sections.metrics import Log, heldout_curve, read_logs, step_curve


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase of training in figures."""

    number: int
    steps: Figure
    tokens: Figure
    first_loss: Figure
    last_loss: Figure
    is_finished: bool


@dataclass(frozen=True, kw_only=True)
class HeldoutRow:
    """Bits per byte of one kind of held-out text, at the last measurement of each phase."""

    language: str
    category: str
    after: Sequence[Figure | None]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the model wrote after a prompt."""

    phase: int
    language: str
    prompt: str
    continuation: str


@dataclass(frozen=True, kw_only=True)
class TrainingView:
    """Training's section."""

    phases: Sequence[Phase] | Gap
    loss: Chart | Gap
    heldout_charts: Sequence[Chart] | Gap
    heldout_rows: Sequence[HeldoutRow] | Gap
    side_charts: Sequence[Chart] | Gap
    samples: Sequence[Sample] | Gap


def training(context: Context) -> TrainingView:
    """Read the metrics of the phases that have begun."""
    logs = read_logs(context, PRETRAIN_STAGES)
    if not logs:
        gap = Gap(sentence=str(context.say("training.nothing")))
        return TrainingView(
            phases=gap, loss=gap, heldout_charts=gap, heldout_rows=gap, side_charts=gap, samples=gap
        )
    return TrainingView(
        phases=attempt(lambda: [_phase(context, log) for log in logs]),
        loss=attempt(_loss, context, logs),
        heldout_charts=attempt(_heldout_charts, context, logs),
        heldout_rows=attempt(_heldout_rows, context, logs),
        side_charts=attempt(_side_charts, context, logs),
        samples=attempt(_samples, context),
    )


def _phase(context: Context, log: Log) -> Phase:
    finished = attempt(context.run.manifest, log.stage)
    return Phase(
        number=log.number,
        steps=context.cite(log.steps[-1].at("step")),
        tokens=context.cite(log.steps[-1].at("tokens"), Form.COMPACT),
        first_loss=context.cite(log.steps[0].at("loss"), Form.DECIMAL),
        last_loss=context.cite(log.steps[-1].at("loss"), Form.DECIMAL),
        is_finished=not isinstance(finished, Gap),
    )


def _loss(context: Context, logs: Sequence[Log]) -> Chart:
    axes = _axes(context, logs, y_title=str(context.say("training.loss_axis")))
    return curves(
        [step_curve(context, log, "loss", INK) for log in logs],
        axes,
        title=str(context.say("training.loss_chart")),
        text=str(context.say("training.loss_text")),
    )


def _side_charts(context: Context, logs: Sequence[Log]) -> list[Chart]:
    charts = []
    for field in ("learning_rate", "tokens_per_s", "grad_norm"):
        title = str(context.say(f"training.{field}"))
        axes = _axes(context, logs, y_title="", zero=True)
        lines = [step_curve(context, log, field, FAINT) for log in logs]
        charts.append(small_curves(lines, axes, title=title, text=title))
    return charts


def _axes(
    context: Context,
    logs: Sequence[Log],
    *,
    y_title: str,
    zero: bool = False,
) -> Axes:
    return Axes(
        x_title=str(context.say("training.tokens_axis")),
        y_title=y_title,
        phase_changes=[log.offset_tokens for log in logs[1:]],
        zero=zero,
    )


def _kinds(logs: Sequence[Log]) -> list[tuple[str, str]]:
    """(language, category) of all held-out measurements, in reading order."""
    names = {name for log in logs for node in log.heldout for name in node.at("heldout").fields()}
    kinds = {(name.partition("/")[0], name.partition("/")[2]) for name in names}
    order = by_language([language for language, _ in kinds])
    return sorted(kinds, key=lambda kind: (order.index(kind[0]), kind[1]))


def _heldout_charts(context: Context, logs: Sequence[Log]) -> list[Chart]:
    kinds = _kinds(logs)
    charts = []
    for language in by_language([language for language, _ in kinds]):
        lines = [
            heldout_curve(
                context,
                logs,
                f"{language}/{category}",
                language_colour(language),
                label=category,
            )
            for name, category in kinds
            if name == language
        ]
        title = str(context.say("training.heldout_chart", language=_name(context, language)))
        axes = _axes(context, logs, y_title=str(context.say("bits_per_byte")))
        charts.append(small_curves(lines, axes, title=title, text=title))
    return charts


def _heldout_rows(context: Context, logs: Sequence[Log]) -> list[HeldoutRow]:
    return [
        HeldoutRow(
            language=language,
            category=category,
            after=[_last(context, log, f"{language}/{category}") for log in logs],
        )
        for language, category in _kinds(logs)
    ]


def _last(context: Context, log: Log, kind: str) -> Figure | None:
    values = [node.maybe("heldout", kind) for node in log.heldout]
    known = [value for value in values if value is not None]
    return context.cite(known[-1], Form.DECIMAL) if known else None


def _samples(context: Context) -> list[Sample]:
    samples = []
    for number, stage in enumerate(PRETRAIN_STAGES, start=1):
        rows = attempt(_sample_rows, context, stage)
        if isinstance(rows, Gap):
            continue
        samples += [
            Sample(
                phase=number,
                language=row.at("language").text(),
                prompt=row.at("prompt").text(),
                continuation=row.at("continuation").text(),
            )
            for row in rows
        ]
    return samples


def _sample_rows(context: Context, stage: str) -> list[Node]:
    return context.run.json(stage, "samples.json").rows()


def _name(context: Context, language: str) -> str:
    return context.say.maybe(f"language.{language}", language)
