"""The metrics that a training stage writes, line by line, and the curves drawn from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.learning import Curve
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt

METRICS = "metrics.jsonl"
MAX_POINTS = 240
"""Points of a curve drawn per stage: as many as a screen can tell apart."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """The lines of one stage; `offset_tokens` is what the stages drawn before it had read."""

    number: int
    stage: str
    offset_tokens: float
    steps: Sequence[Node]
    heldout: Sequence[Node]

    def tokens_at(self, step: float) -> float:
        """Tokens read in all stages up to `step` of this one."""
        past = [n for n in self.steps if n.at("step").number() <= step]
        return self.offset_tokens + (past[-1].at("tokens").number() if past else 0.0)


def read_logs(context: Context, stages: Sequence[str]) -> list[Log]:
    """Logs of those `stages` that have taken a step, laid end to end."""
    logs: list[Log] = []
    offset = 0.0
    for number, stage in enumerate(stages, start=1):
        found = attempt(_lines, context, stage)
        if isinstance(found, Gap):
            continue
        steps = [node for node in found if node.maybe("loss") is not None]
        heldout = [node for node in found if node.maybe("heldout") is not None]
        if not steps:
            continue
        logs.append(
            Log(number=number, stage=stage, offset_tokens=offset, steps=steps, heldout=heldout)
        )
        offset += steps[-1].at("tokens").number()
    return logs


def step_curve(context: Context, log: Log, field: str, colour: str, *, label: str = "") -> Curve:
    """The curve of a field that every step has, thinned to what can be seen."""
    stride = -(-len(log.steps) // MAX_POINTS)
    points = [*log.steps[::stride]]
    if points[-1] is not log.steps[-1]:
        points.append(log.steps[-1])
    tokens = context.ledger.series([point.at("tokens") for point in points])
    values = context.ledger.series([point.at(field) for point in points])
    return Curve(label=label, colour=colour, x=[log.offset_tokens + t for t in tokens], y=values)


def heldout_curve(
    context: Context, logs: Sequence[Log], name: str, colour: str, *, label: str
) -> Curve:
    """The curve of one held-out measurement over all `logs`."""
    x: list[float] = []
    y: list[float] = []
    for log in logs:
        found = [
            (node, value)
            for node in log.heldout
            if (value := node.maybe("heldout", name)) is not None
        ]
        x += [log.tokens_at(node.at("step").number()) for node, _ in found]
        y += context.ledger.series([value for _, value in found])
    return Curve(label=label, colour=colour, x=x, y=y)


def _lines(context: Context, stage: str) -> list[Node]:
    return context.run.lines(stage, METRICS).rows()
