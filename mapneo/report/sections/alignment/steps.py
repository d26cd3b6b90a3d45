"""What the intervals say about each step from one policy to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.report.ledger import Figure
from mapneo.report.sections.alignment.estimates import Side, listed, named
from mapneo.report.sections.alignment.solved import PolicySuccess, SuccessGroup
from mapneo.report.sections.common import Context


def step_words(context: Context, groups: Sequence[SuccessGroup]) -> list[Markup]:
    """For each step from a policy to the next: over all tasks, and in which skills."""
    whole = [group for group in groups if group.is_whole]
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
