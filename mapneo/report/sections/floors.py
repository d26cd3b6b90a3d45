"""Floors and aims as a stage wrote them: what was asked, and whether it was met."""

from dataclasses import dataclass

from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context

FLOOR_STAGES = ("answers", "evaluate")
"""The stages that measure floors, in the order of the page."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """A comparison: what was asked, and whether it was met; an aim is hoped for, not asked."""

    name: str
    sentence: str
    is_aim: bool
    passed: bool
    node: Node
    value: Figure
    bound: Figure


def floors(context: Context, stage: str) -> list[Floor]:
    """The floors and aims that `stage` measured, with their sentences.

    Raises:
        ManifestError: the stage has not measured them yet.
    """
    rows = context.run.json(stage, "floors.json").at("floors").rows()
    return [
        Floor(
            name=row.at("name").text(),
            sentence=row.at("sentence").text(),
            is_aim=row.at("kind").value == "aim",
            passed=row.at("passed").value is True,
            node=row.at("passed"),
            value=context.cite(row.at("value"), Form.DECIMAL),
            bound=context.cite(row.at("bound"), Form.DECIMAL),
        )
        for row in rows
    ]
