"""A few dropped documents of each rule and language, as the stages chose and cleared them."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.report.forms import Form
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, by_language

OPEN_LANGUAGES = ("en", "zh")
SIDES = ("min", "max")


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """One dropped document: its name, why it went, and how its text begins."""

    doc_id: str
    language: str
    why: Markup | None
    excerpt: str


@dataclass(frozen=True, kw_only=True)
class RuleSamples:
    """Samples of one rule, language by language; the first of each language stands open."""

    rule: str
    languages: Sequence[str]
    documents: Sequence[Dropped]
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class StageSamples:
    """Samples of one stage's rules."""

    stage: str
    rules: Sequence[RuleSamples]


def samples(context: Context, stage: str) -> StageSamples:
    """Read a stage's samples of dropped documents.

    Raises:
        ManifestError: the stage has not finished, or kept no samples.
    """
    rows = context.run.json(stage, "samples.json").at("rows").rows()
    by_rule: dict[str, list[Dropped]] = {}
    for row in rows:
        by_rule.setdefault(row.at("rule").text(), []).append(_dropped(context, row))
    rules = []
    shown: set[str] = set()
    for rule, documents in sorted(by_rule.items()):
        order = by_language([document.language for document in documents])
        documents.sort(key=lambda document: (order.index(document.language), document.doc_id))
        rules.append(
            RuleSamples(
                rule=rule,
                languages=order,
                documents=documents,
                is_open=bool({*OPEN_LANGUAGES}.intersection(order) - shown),
            )
        )
        shown.update(order)
    return StageSamples(stage=stage, rules=rules)


def _dropped(context: Context, row: Node) -> Dropped:
    return Dropped(
        doc_id=row.at("doc_id").text(),
        language=row.at("language").text(),
        why=_why(context, row),
        excerpt=row.at("excerpt").text(),
    )


def _why(context: Context, row: Node) -> Markup | None:
    value, survivor = row.maybe("value"), row.maybe("survivor")
    if value is None:
        return None
    if survivor is not None:
        return context.say(
            "funnel.sample_similar",
            value=context.cite(value, Form.SHARE),
            survivor=Markup("<bdi>{}</bdi>").format(survivor.text()),
        )
    bound, side = row.maybe("bound"), row.maybe("side")
    if bound is None or side is None or side.value not in SIDES:
        return None
    return context.say(
        "funnel.sample_why",
        signal=Markup("<code>{}</code>").format(row.at("signal").text()),
        value=context.cite(value, Form.DIGITS),
        side=context.say(f"funnel.side_{side.text()}"),
        bound=context.cite(bound, Form.DIGITS),
    )
