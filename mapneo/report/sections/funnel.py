"""The funnel: documents through the stages, reasons by language, and dropped documents."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapneo.core.errors import ManifestError
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import LANGUAGE_ORDER, Cell, Context, Gap, attempt
from mapneo.report.sections.measured import MeasuredView, measured
from mapneo.report.sections.retention import RetentionView, retention
from mapneo.report.sections.samples import StageSamples, samples

STAGES = ("fetch", "extract", "measure", "judge", "dedup", "split")
REASON_STAGES = ("judge", "dedup")
OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class FlowRow:
    """Documents in and out of one stage."""

    stage: str
    arrived: Figure
    kept: Figure
    kept_share: Cell
    dropped: Figure | None
    errors: Figure | None


@dataclass(frozen=True, kw_only=True)
class ReasonRow:
    """How many documents one rule dropped, by language (None: none), failed, and failed alone.

    Shares are of the documents in the rule's languages.
    """

    rule: str
    cells: Sequence[Cell | None]
    total: Figure
    fired: Figure | None
    fired_share: Figure | None
    alone: Figure | None
    alone_share: Figure | None
    only_reports: bool
    size_bytes: Figure


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """One stage's rules, most frequent first."""

    stage: str
    languages: Sequence[str]
    rows: Sequence[ReasonRow]


@dataclass(frozen=True, kw_only=True)
class ErrorRow:
    """How many documents met one kind of error in a stage."""

    stage: str
    kind: str
    documents: Figure


@dataclass(frozen=True, kw_only=True)
class FunnelView:
    """The funnel's section."""

    flow: Sequence[FlowRow] | Gap
    retention: RetentionView | Gap
    reasons: Sequence[Reasons | Gap]
    errors: Sequence[ErrorRow]
    measured: MeasuredView | Gap
    samples: Sequence[StageSamples | Gap]


def funnel(context: Context, paper: Node) -> FunnelView:
    """Read counts, reasons and samples of the data stages."""
    return FunnelView(
        flow=attempt(_flow, context),
        retention=attempt(retention, context, paper),
        reasons=[attempt(_reasons, context, stage) for stage in REASON_STAGES],
        errors=[row for stage in STAGES for row in _errors(context, stage)],
        measured=attempt(measured, context),
        samples=[attempt(samples, context, stage) for stage in REASON_STAGES],
    )


def _flow(context: Context) -> list[FlowRow]:
    found = [attempt(_flow_row, context, stage) for stage in STAGES]
    rows = [row for row in found if isinstance(row, FlowRow)]
    if not rows:
        raise ManifestError(str(context.say("nothing_finished")))
    return rows


def _flow_row(context: Context, stage: str) -> FlowRow:
    counts = context.run.manifest(stage).at("counts")
    arrived, kept = counts.at("documents_in"), counts.at("kept")
    share = context.share(kept, arrived)
    return FlowRow(
        stage=stage,
        arrived=context.cite(arrived),
        kept=context.cite(kept),
        kept_share=Cell(figure=share, bar_frac=share.number()),
        dropped=_sum(context, counts.at("dropped")),
        errors=_sum(context, counts.at("errors")),
    )


def _sum(context: Context, group: Node) -> Figure | None:
    parts = list(group.fields().values())
    return context.total(parts) if parts else None


def _errors(context: Context, stage: str) -> list[ErrorRow]:
    kinds = attempt(lambda: context.run.manifest(stage).at("counts", "errors").fields())
    if isinstance(kinds, Gap):
        return []
    return [
        ErrorRow(stage=stage, kind=kind, documents=context.cite(node))
        for kind, node in kinds.items()
    ]


def _reasons(context: Context, stage: str) -> Reasons:
    by_rule: dict[str, dict[str, list[Node]]] = {}
    facts = context.run.facts(stage)
    arrived = facts.at("arrived").rows()
    for row in facts.at("reasons").rows():
        language = row.at("language").text()
        column = language if language in LANGUAGE_ORDER else OTHER
        by_rule.setdefault(row.at("rule").text(), {}).setdefault(column, []).append(row)
    present = {column for parts in by_rule.values() for column in parts}
    columns = [column for column in (*LANGUAGE_ORDER, OTHER) if column in present]
    found = [_reason(context, rule, parts, columns, arrived) for rule, parts in by_rule.items()]
    found.sort(key=_by_size)
    return Reasons(stage=stage, languages=columns, rows=_scaled(found))


def _reason(
    context: Context,
    rule: str,
    parts: dict[str, list[Node]],
    columns: Sequence[str],
    arrived: Sequence[Node],
) -> ReasonRow:
    rows = [row for group in parts.values() for row in group]
    total = context.total([row.at("documents") for row in rows])
    cells: list[Cell | None] = []
    for column in columns:
        if column not in parts:
            cells.append(None)
            continue
        figure = context.total([row.at("documents") for row in parts[column]])
        cells.append(Cell(figure=figure, bar_frac=figure.number(), language=column))
    fired, alone = _optional(context, rows, "fired"), _optional(context, rows, "alone")
    reported = sum(node.number() for row in rows if (node := row.maybe("reported")) is not None)
    return ReasonRow(
        rule=rule,
        cells=cells,
        total=total,
        fired=fired,
        fired_share=_share_of_languages(context, fired, rows, arrived),
        alone=alone,
        alone_share=_share_of_languages(context, alone, rows, arrived),
        only_reports=fired is not None and 0 < reported == fired.number(),
        size_bytes=context.total([row.at("bytes") for row in rows], Form.BYTES),
    )


def _share_of_languages(
    context: Context, part: Figure | None, rows: Sequence[Node], arrived: Sequence[Node]
) -> Figure | None:
    """A part of all documents that arrived in the languages of a rule's rows."""
    languages = {row.at("language").text() for row in rows}
    mine = [row.at("documents") for row in arrived if row.at("language").text() in languages]
    return None if part is None or not mine else context.share(part, context.total(mine))


def _by_size(row: ReasonRow) -> tuple[float, float, str]:
    return -row.total.number(), -row.fired.number() if row.fired else 0.0, row.rule


def _scaled(rows: Sequence[ReasonRow]) -> list[ReasonRow]:
    """The same with bars in parts of the longest one."""
    bars = [cell.bar_frac for row in rows for cell in row.cells if cell]
    longest = max(bars, default=0.0) or 1.0
    return [
        replace(
            row,
            cells=[cell and replace(cell, bar_frac=cell.bar_frac / longest) for cell in row.cells],
        )
        for row in rows
    ]


def _optional(context: Context, rows: Sequence[Node], field: str) -> Figure | None:
    """The sum of a field that only judge has, as it alone tries every rule on every document."""
    parts = [node for row in rows if (node := row.maybe(field)) is not None]
    return context.total(parts) if parts else None
