"""Loss of the reference answers under every policy, from base model to last round."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.alignment.estimates import Estimate, maybe_estimate
from mapneo.report.sections.common import Context, Gap, attempt


@dataclass(frozen=True, kw_only=True)
class LossRow:
    """Nats per token of the reference answers of one group, by policy."""

    kind: str
    skill: str
    language: str
    tokens: Figure
    by_policy: Sequence[Estimate | None]


@dataclass(frozen=True, kw_only=True)
class LossesView:
    """The folded table of losses."""

    policies: Sequence[str]
    rows: Sequence[LossRow]


def losses(context: Context) -> LossesView | Gap:
    """Read the loss of the reference answers under every policy."""
    return attempt(_losses, context)


def _losses(context: Context) -> LossesView:
    policies = _policy_names(context)
    table: dict[tuple[str, str, str], dict[str, Node]] = {}
    for row in context.run.json("answers", "answers.json").at("losses").rows():
        key = (row.at("kind").text(), row.at("skill").text(), row.at("language").text())
        table.setdefault(key, {})[row.at("policy").text()] = row
    return LossesView(
        policies=policies,
        rows=[
            LossRow(
                kind=key[0],
                skill=key[1],
                language=key[2],
                tokens=context.cite(next(iter(rows.values())).at("tokens")),
                by_policy=[
                    maybe_estimate(context, rows[name], "nats_per_token", Form.DECIMAL)
                    if name in rows
                    else None
                    for name in policies
                ],
            )
            for key, rows in table.items()
        ],
    )


def _policy_names(context: Context) -> list[str]:
    """The policies that answered, in the order of training."""
    table = context.run.json("answers", "answers.json")
    return [policy.text() for policy in table.at("policies").rows()]
