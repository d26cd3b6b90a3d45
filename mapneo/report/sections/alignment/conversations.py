"""The conversations that were made from the documents: how many, of what, for which use."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt, by_language

USES = ("sft_1", "sft_2", "reward", "dpo", "heldout")
KINDS = ("foundation", "chat")


@dataclass(frozen=True, kw_only=True)
class ConversationRow:
    """Conversations of one kind, skill and language, by use (None: none)."""

    kind: str
    skill: str
    language: str
    by_use: Sequence[Figure | None]


@dataclass(frozen=True, kw_only=True)
class ConversationsView:
    """The table with its sums."""

    skills: Sequence[str]
    uses: Sequence[str]
    rows: Sequence[ConversationRow]
    totals: Sequence[Figure]
    sums: Markup | None
    training: Figure
    heldout: Figure


def conversations(context: Context) -> ConversationsView | Gap:
    """Read the counts of the stage `conversations`."""
    return attempt(_view, context)


def _view(context: Context) -> ConversationsView:
    nodes = context.run.facts("conversations").at("conversations").rows()
    table: dict[tuple[str, str, str], dict[str, Node]] = {}
    for node in nodes:
        use, kind, skill, language = (
            node.at(name).text() for name in ("use", "kind", "skill", "language")
        )
        table.setdefault((kind, skill, language), {})[use] = node.at("conversations")
    found = {use for row in table.values() for use in row}
    uses = [*(use for use in USES if use in found), *sorted(found - set(USES))]
    languages = by_language([language for _, _, language in table])
    order = sorted(table, key=lambda key: (_place(key[0], KINDS), key[1], languages.index(key[2])))
    columns = {use: [row[use] for row in table.values() if use in row] for use in uses}
    return ConversationsView(
        skills=sorted({skill for _, skill, _ in table}),
        uses=uses,
        rows=[_row(context, key, table[key], uses) for key in order],
        totals=[context.total(columns[use]) for use in uses],
        sums=_sums(context, {skill for _, skill, _ in table}),
        training=context.total([n for use in uses if use != "heldout" for n in columns[use]]),
        heldout=context.total(columns.get("heldout", [])),
    )


def _sums(context: Context, skills: set[str]) -> Markup | None:
    """What a held-out sum is, by the setting that the stage ran with."""
    setting = context.run.manifest("conversations").maybe("config", "arithmetic_heldout")
    if "arithmetic" not in skills or setting is None:
        return None
    is_new = setting.value == "operands"
    return context.say("alignment.sums_apart" if is_new else "alignment.sums_known")


def _row(
    context: Context, key: tuple[str, str, str], numbers: dict[str, Node], uses: Sequence[str]
) -> ConversationRow:
    kind, skill, language = key
    return ConversationRow(
        kind=kind,
        skill=skill,
        language=language,
        by_use=[context.cite(numbers[use]) if use in numbers else None for use in uses],
    )


def _place(name: str, order: Sequence[str]) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)
