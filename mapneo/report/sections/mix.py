"""The mix: what each phase asked for, what it was given, and how often the data is read."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.draw import Chart
from mapneo.report.charts.mixing import MixShare, mix_shares
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Cell, Context, Gap, attempt, by_language


@dataclass(frozen=True, kw_only=True)
class PhasePart:
    """A bucket's part in one phase."""

    asked: Figure
    given: Cell
    tokens: Figure
    epochs: Figure


@dataclass(frozen=True, kw_only=True)
class BucketRow:
    """A source's documents of one language and category, phase by phase (None: not used)."""

    source: str
    language: str
    category: str
    parts: Sequence[PhasePart | None]


@dataclass(frozen=True, kw_only=True)
class MixView:
    """The mix plan of all phases."""

    phases: Sequence[int]
    tokens: Sequence[Figure]
    seq_len: Figure
    rows: Sequence[BucketRow]
    warnings: Sequence[str]
    chart: Chart


def mix(context: Context) -> MixView | Gap:
    """Read the mix plan."""
    return attempt(_mix, context)


def _mix(context: Context) -> MixView:
    plan = context.run.json("mix", "plan.json")
    rows = plan.at("rows").rows()
    phases = sorted({int(row.at("phase").number()) for row in rows})
    buckets = _by_bucket(rows)
    largest = max((row.at("given_frac").number() for row in rows), default=1.0)
    return MixView(
        phases=phases,
        tokens=[
            context.total([r.at("tokens") for r in rows if r.at("phase").value == phase])
            for phase in phases
        ],
        seq_len=context.cite(context.run.json("mix", "quotas.json").at("seq_len")),
        rows=[
            BucketRow(
                source=source,
                language=language,
                category=category,
                parts=[_part(context, parts.get(phase), language, largest) for phase in phases],
            )
            for (language, category, source), parts in buckets.items()
        ],
        warnings=[node.text() for node in plan.at("warnings").rows()],
        chart=_chart(context, rows, phases),
    )


def _by_bucket(rows: Sequence[Node]) -> dict[tuple[str, str, str], dict[int, Node]]:
    """Rows by (language, category, source), in reading order, then by phase."""
    found: dict[tuple[str, str, str], dict[int, Node]] = {}
    for row in rows:
        name = (row.at("language").text(), row.at("category").text(), row.at("source").text())
        found.setdefault(name, {})[int(row.at("phase").number())] = row
    order = by_language([language for language, _, _ in found])
    return {key: found[key] for key in sorted(found, key=lambda k: (order.index(k[0]), k[1], k[2]))}


def _part(context: Context, row: Node | None, language: str, largest: float) -> PhasePart | None:
    if row is None:
        return None
    given = context.cite(row.at("given_frac"), Form.SHARE)
    bar = given.number() / largest if largest else 0.0
    return PhasePart(
        asked=context.cite(row.at("asked_frac"), Form.SHARE),
        given=Cell(figure=given, bar_frac=bar, language=language),
        tokens=context.cite(row.at("tokens"), Form.COMPACT),
        epochs=context.cite(row.at("epochs"), Form.DIGITS),
    )


def _chart(context: Context, rows: Sequence[Node], phases: Sequence[int]) -> Chart:
    """Shares by language and category, added up over sources."""
    parts: dict[tuple[str, str, int], list[Node]] = {}
    for (language, category, _), by_phase in _by_bucket(rows).items():
        for phase in phases:
            group = parts.setdefault((language, category, phase), [])
            if phase in by_phase:
                group.append(by_phase[phase].at("given_frac"))
    names = {phase: str(context.say("phase", number=phase)) for phase in phases}
    shares = [
        MixShare(
            label=f"{language} · {category}",
            language=language,
            phase=names[phase],
            share_frac=sum(context.ledger.series(group)),
        )
        for (language, category, phase), group in parts.items()
    ]
    title = str(context.say("mix.chart"))
    return mix_shares(shares, last_phase=names[phases[-1]], title=title)
