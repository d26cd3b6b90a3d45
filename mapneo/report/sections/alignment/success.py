"""Tasks solved, policy by policy: charts, and in words which steps helped."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.report.charts.draw import INK, Chart, language_colour
from mapneo.report.charts.estimates import Dot, shares
from mapneo.report.sections.alignment.estimates import named
from mapneo.report.sections.alignment.solved import SuccessGroup, success_groups
from mapneo.report.sections.alignment.steps import step_words
from mapneo.report.sections.common import Context, Gap, attempt


@dataclass(frozen=True, kw_only=True)
class SuccessView:
    """The part on tasks solved."""

    groups: Sequence[SuccessGroup]
    charts: Sequence[Chart] | Gap
    words: Sequence[Markup]


def success(context: Context) -> SuccessView | Gap:
    """Read the success of every policy."""
    return attempt(_view, context)


def _view(context: Context) -> SuccessView:
    groups = success_groups(context)
    return SuccessView(
        groups=groups,
        charts=attempt(lambda: [_chart(context, g) for g in groups]),
        words=step_words(context, groups),
    )


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
