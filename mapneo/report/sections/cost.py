"""What the run cost: wall time and peak memory per stage, on which machine, with which versions."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.core.errors import ManifestError
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Cell, Context, Gap, attempt


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """Seconds and bytes of one stage, as its last run measured them."""

    name: str
    started: str
    seconds: Cell
    peak_memory: Cell


@dataclass(frozen=True, kw_only=True)
class MachineFact:
    """A property of the machine or a version, by name."""

    name: str
    figure: Figure


@dataclass(frozen=True, kw_only=True)
class CostView:
    """Cost of the run's finished stages, with totals."""

    stages: Sequence[StageCost]
    seconds: Figure
    machine: Sequence[MachineFact]
    versions: Sequence[MachineFact]


def cost(context: Context) -> CostView | Gap:
    """Read times, memory, machine and versions from the manifests."""
    return attempt(_cost, context)


def _cost(context: Context) -> CostView:
    manifests = finished(context)
    if not manifests:
        raise ManifestError(str(context.say("nothing_finished")))
    longest = max(m.at("seconds").number() for m in manifests.values())
    largest = max(m.at("peak_memory_bytes").number() for m in manifests.values())
    last = list(manifests.values())[-1]
    return CostView(
        stages=[_stage(context, name, m, longest, largest) for name, m in manifests.items()],
        seconds=context.total([m.at("seconds") for m in manifests.values()], Form.SECONDS),
        machine=_facts(context, last.at("machine")),
        versions=_facts(context, last.at("versions")),
    )


def finished(context: Context) -> dict[str, Node]:
    """Manifests of the stages that have one, in the order of the pipeline."""
    found = {name: attempt(context.run.manifest, name) for name in context.run.stages}
    return {name: node for name, node in found.items() if not isinstance(node, Gap)}


def _stage(
    context: Context, name: str, manifest: Node, longest_s: float, largest_bytes: float
) -> StageCost:
    seconds = context.cite(manifest.at("seconds"), Form.SECONDS)
    memory = context.cite(manifest.at("peak_memory_bytes"), Form.BYTES)
    return StageCost(
        name=name,
        started=manifest.at("started").text(),
        seconds=Cell(figure=seconds, bar_frac=_part(seconds, longest_s)),
        peak_memory=Cell(figure=memory, bar_frac=_part(memory, largest_bytes)),
    )


def _part(figure: Figure, whole: float) -> float:
    return figure.number() / whole if whole else 0.0


def _facts(context: Context, table: Node) -> list[MachineFact]:
    return [
        MachineFact(
            name=name,
            figure=context.cite(node, Form.BYTES if name.endswith("_bytes") else Form.COUNT),
        )
        for name, node in table.fields().items()
    ]
