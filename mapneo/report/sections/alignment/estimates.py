"""An estimate with its interval, and what the interval allows to be said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context

Side = Literal["above", "below", "open"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with the ends of its 95 % interval."""

    value: Figure
    low: Figure
    high: Figure

    def beside(self, line: float) -> Side:
        """Whether the whole interval lies above or below `line`; `open` if it contains it."""
        if self.low.number() > line:
            return "above"
        return "below" if self.high.number() < line else "open"

    def after(self, earlier: "Estimate") -> Side:
        """Whether the interval lies wholly above or below the earlier one's; `open`: they overlap.

        Cruder than an interval of the paired difference: that can be clear where these overlap.
        """
        if self.low.number() > earlier.high.number():
            return "above"
        return "below" if self.high.number() < earlier.low.number() else "open"


def estimate(context: Context, node: Node, form: Form, *, value: str = "value") -> Estimate:
    """Cite the object `node` with its fields `value`, `low` and `high`.

    Raises:
        ManifestError: it has other fields, or one of them is no number.
    """
    for name in (value, "low", "high"):
        node.at(name).number()
    return Estimate(
        value=context.cite(node.at(value), form),
        low=context.cite(node.at("low"), form),
        high=context.cite(node.at("high"), form),
    )


def maybe_estimate(context: Context, row: Node, name: str, form: Form) -> Estimate | None:
    """The estimate under `name`, None if it was not measured."""
    node = row.maybe(name)
    return None if node is None else estimate(context, node, form)


def named(context: Context, kind: str, name: str) -> str:
    """What the page calls a policy, skill, kind or use of conversations."""
    return context.say.maybe(f"{kind}.{name}", name)


def group_name(context: Context, kind: str, skill: str, language: str) -> str:
    """`skill, language, kind` in words; what is `all` is left out."""
    parts = [
        named(context, table, name)
        for table, name in (("skill", skill), ("language", language), ("kind", kind))
        if name != "all"
    ]
    return ", ".join(parts) or str(context.say("alignment.all"))


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return "; ".join(names)
