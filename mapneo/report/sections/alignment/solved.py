"""The share of held-out tasks that every policy solves, group by group."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.alignment.estimates import (
    Estimate,
    group_name,
    maybe_estimate,
)
from mapneo.report.sections.common import Context, by_language

ALL = ("all", "all", "all")
SHARES = ("success", "content", "form")


@dataclass(frozen=True, kw_only=True)
class PolicySuccess:
    """One policy on one group of held-out prompts."""

    policy: str
    prompts: Figure
    success: Estimate | None
    content: Estimate | None
    form: Estimate | None
    sampled_reward: Estimate | None


@dataclass(frozen=True, kw_only=True)
class SuccessGroup:
    """All policies on one group, in the order of training."""

    kind: str
    skill: str
    language: str
    name: str
    policies: Sequence[PolicySuccess]

    @property
    def is_whole(self) -> bool:
        """Whether it is all verified tasks together."""
        return (self.kind, self.skill, self.language) == ALL

    @property
    def is_single(self) -> bool:
        """Whether it is one skill in one language rather than a sum of several."""
        return "all" not in (self.skill, self.language)


def overall(context: Context) -> SuccessGroup | None:
    """All verified tasks together.

    Raises:
        ManifestError: the policies have not answered yet.
    """
    found = [group for group in success_groups(context) if group.is_whole]
    return found[0] if found else None


def success_groups(context: Context) -> list[SuccessGroup]:
    """All groups; sums of several first, then by kind, language and skill.

    Raises:
        ManifestError: the policies have not answered yet.
    """
    table: dict[tuple[str, str, str], list[Node]] = {}
    for row in context.run.json("answers", "answers.json").at("success").rows():
        key = (row.at("kind").text(), row.at("skill").text(), row.at("language").text())
        table.setdefault(key, []).append(row)
    order = by_language([language for _, _, language in table])
    keys = sorted(
        table,
        key=lambda k: ("all" not in k[1:], k[0] != "all", k[0] == "chat", order.index(k[2]), k[1]),
    )
    return [
        SuccessGroup(
            kind=key[0],
            skill=key[1],
            language=key[2],
            name=group_name(context, *key),
            policies=[_policy(context, row) for row in table[key]],
        )
        for key in keys
    ]


def _policy(context: Context, row: Node) -> PolicySuccess:
    success, content, form = (maybe_estimate(context, row, n, Form.SHARE) for n in SHARES)
    return PolicySuccess(
        policy=row.at("policy").text(),
        prompts=context.cite(row.at("prompts")),
        success=success,
        content=content,
        form=form,
        sampled_reward=maybe_estimate(context, row, "sampled_reward", Form.DECIMAL),
    )
