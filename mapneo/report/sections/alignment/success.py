"""Tasks solved and loss by policy, from base model to last round, and which steps helped."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.report.charts.draw import INK, Chart, language_colour
from mapneo.report.charts.estimates import Dot, shares
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.alignment.estimates import (
    Estimate,
    Side,
    group_name,
    listed,
    maybe_estimate,
    named,
)
from mapneo.report.sections.common import Context, Gap, attempt, by_language

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
    def is_single(self) -> bool:
        """Whether it is one skill in one language rather than a sum of several."""
        return "all" not in (self.skill, self.language)


@dataclass(frozen=True, kw_only=True)
class SuccessView:
    """The part on tasks solved."""

    groups: Sequence[SuccessGroup]
    charts: Sequence[Chart] | Gap
    words: Sequence[Markup]


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


def policy_names(context: Context) -> list[str]:
    """The policies that answered, in the order of training.

    Raises:
        ManifestError: they have not answered yet.
    """
    table = context.run.json("answers", "answers.json")
    return [policy.text() for policy in table.at("policies").rows()]


def success(context: Context) -> SuccessView | Gap:
    """Read the success of every policy."""
    return attempt(_view, context)


def overall(context: Context) -> SuccessGroup | None:
    """All verified tasks together.

    Raises:
        ManifestError: the policies have not answered yet.
    """
    found = [g for g in success_groups(context) if (g.kind, g.skill, g.language) == ALL]
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


def _view(context: Context) -> SuccessView:
    groups = success_groups(context)
    return SuccessView(
        groups=groups,
        charts=attempt(lambda: [_chart(context, g) for g in groups]),
        words=_words(context, groups),
    )


def _is_all(group: SuccessGroup) -> bool:
    return (group.kind, group.skill, group.language) == ALL


def _chart(context: Context, group: SuccessGroup) -> Chart:
    colour = language_colour(group.language) if group.is_single else INK
    rows = [
        Dot(
            label=named(context, "policy", each.policy),
            value=each.success.value.number(),
            low=each.success.low.number(),
            high=each.success.high.number(),
            colour=colour,
            is_filled=place > 0,
        )
        for place, each in enumerate(group.policies)
        if each.success is not None
    ]
    said = ", ".join(f"{row.label} {row.value:.3f}" for row in rows)
    text = str(context.say("success.chart_text", group=group.name, policies=said))
    return shares(rows, line=None, title=group.name, text=text)


def _words(context: Context, groups: Sequence[SuccessGroup]) -> list[Markup]:
    """For each step from a policy to the next: over all tasks, and in which skills."""
    whole = [group for group in groups if _is_all(group)]
    single = [group for group in groups if group.is_single]
    words = []
    for group in whole:
        for earlier, later in zip(group.policies, group.policies[1:], strict=False):
            words += _step_words(context, earlier, later, single)
        words += _best_words(context, group)
    return words


def _step_words(
    context: Context,
    earlier: PolicySuccess,
    later: PolicySuccess,
    single: Sequence[SuccessGroup],
) -> list[Markup]:
    if earlier.success is None or later.success is None:
        return []
    names = {
        "later": named(context, "policy", later.policy),
        "earlier": named(context, "policy", earlier.policy),
    }
    key = f"success.step_{later.success.after(earlier.success)}"
    words = context.say(key, value=later.success.value, before=earlier.success.value, **names)
    sides = _sides(single, earlier.policy, later.policy)
    if sides:
        words += " " + context.say(
            "success.single",
            groups=_number_of(context, sides),
            better=_number_of(context, [each for each in sides if each.side == "above"]),
            open=_number_of(context, [each for each in sides if each.side == "open"]),
        )
    worse = [each.name for each in sides if each.side == "below"]
    if worse:
        words += " " + context.say("success.worse_in", groups=listed(worse))
    return [words]


@dataclass(frozen=True, kw_only=True)
class _Side:
    """On which side of the earlier policy's interval the later one's lies in a group."""

    name: str
    side: Side
    after: Figure


def _sides(groups: Sequence[SuccessGroup], earlier: str, later: str) -> list[_Side]:
    found = []
    for group in groups:
        by_policy = {each.policy: each.success for each in group.policies}
        before, after = by_policy.get(earlier), by_policy.get(later)
        if before is not None and after is not None:
            found.append(_Side(name=group.name, side=after.after(before), after=after.value))
    return found


def _number_of(context: Context, sides: Sequence[_Side]) -> Figure:
    return context.ledger.count([each.after for each in sides])


def _best_words(context: Context, group: SuccessGroup) -> list[Markup]:
    """Say so if the last policy is not the best one."""
    known = [(each.policy, each.success) for each in group.policies if each.success is not None]
    if len(known) < 2:
        return []
    best, most = max(known, key=lambda pair: pair[1].value.number())
    last, end = known[-1]
    if most.value.number() <= end.value.number():
        return []
    names = {"best": named(context, "policy", best), "last": named(context, "policy", last)}
    return [context.say("success.best_is_earlier", most=most.value, value=end.value, **names)]


def losses(context: Context) -> LossesView | Gap:
    """Read the loss of the reference answers under every policy."""
    return attempt(_losses, context)


def _losses(context: Context) -> LossesView:
    policies = policy_names(context)
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
