"""Where everything came from: stages with what they read and gave, and the sources' licences."""

from collections.abc import Sequence
from dataclasses import dataclass

from mapneo.report.charts.draw import Chart
from mapneo.report.charts.lineage import Link, Stage, arcs
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure
from mapneo.report.nodes import Node
from mapneo.report.sections.common import Context, Gap, attempt

DIGEST_CHARS = 12


@dataclass(frozen=True, kw_only=True)
class InputRead:
    """An upstream artifact as a stage read it; stale if the artifact has changed since."""

    stage: str
    digest: str
    is_stale: bool


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """What a finished stage was made of and what it gave."""

    name: str
    version: Figure
    fingerprint: str
    outputs_digest: str
    files: Figure
    size_bytes: Figure
    inputs: Sequence[InputRead]


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A stage without a manifest."""

    name: str


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """A source with its terms, or why it was left out."""

    name: str
    package: str
    ecosystem: str
    version: str
    archive_sha256: str
    licence: str
    licence_class: str
    publish: str
    files: Figure
    size_bytes: Figure
    skipped: str


@dataclass(frozen=True, kw_only=True)
class LineageView:
    """Stages, the picture of who reads whom, and sources."""

    stages: Sequence[StageRecord | Unfinished]
    chart: Chart | Gap
    sources: Sequence[SourceRow] | Gap


def lineage(context: Context) -> LineageView:
    """Read all manifests and the list of sources."""
    names = [name for name in context.run.stages if name != "report"]
    stages = [_stage(context, name) for name in names]
    return LineageView(
        stages=stages,
        chart=attempt(_chart, context, stages),
        sources=attempt(_sources, context),
    )


def _stage(context: Context, name: str) -> StageRecord | Unfinished:
    record = attempt(_record, context, name)
    return Unfinished(name=name) if isinstance(record, Gap) else record


def _record(context: Context, name: str) -> StageRecord:
    manifest = context.run.manifest(name)
    outputs = list(manifest.at("outputs").fields().values())
    return StageRecord(
        name=name,
        version=context.cite(manifest.at("version")),
        fingerprint=manifest.at("fingerprint").text()[:DIGEST_CHARS],
        outputs_digest=manifest.at("outputs_digest").text()[:DIGEST_CHARS],
        files=context.ledger.tally(manifest.at("outputs")),
        size_bytes=context.total([file.at("size_bytes") for file in outputs], Form.BYTES),
        inputs=[
            _input(context, stage, digest.text())
            for stage, digest in manifest.at("inputs").fields().items()
        ],
    )


def _input(context: Context, stage: str, digest: str) -> InputRead:
    now = attempt(lambda: context.run.manifest(stage).at("outputs_digest").text())
    return InputRead(stage=stage, digest=digest[:DIGEST_CHARS], is_stale=now != digest)


def _chart(context: Context, stages: Sequence[StageRecord | Unfinished]) -> Chart:
    links = [
        Link(source=read.stage, target=stage.name)
        for stage in stages
        if isinstance(stage, StageRecord)
        for read in stage.inputs
    ]
    return arcs(
        [
            Stage(
                name=stage.name,
                digest=stage.outputs_digest if isinstance(stage, StageRecord) else "",
            )
            for stage in stages
        ],
        links,
        title=str(context.say("lineage.chart")),
    )


def _sources(context: Context) -> list[SourceRow]:
    table = context.run.json("fetch", "sources.json").fields()
    return [_source(context, name, row) for name, row in table.items()]


def _source(context: Context, name: str, row: Node) -> SourceRow:
    def text(field: str) -> str:
        node = row.maybe(field)
        return "" if node is None else node.text()

    return SourceRow(
        name=name,
        package=text("package"),
        ecosystem=text("ecosystem"),
        version=text("version"),
        archive_sha256=text("archive_sha256")[:DIGEST_CHARS],
        licence=text("licence"),
        licence_class=text("licence_class"),
        publish=text("publish"),
        files=context.cite(row.at("files")),
        size_bytes=context.cite(row.at("bytes"), Form.BYTES),
        skipped=text("skipped"),
    )
