"""Documents tables and a run of the curating stages over them, for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from mapneo.core.counts import Counts
from mapneo.core.manifest import Manifest
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.core.stage import Config, Outcome, Stage, Work
from mapneo.core.tables import DOCUMENT_SCHEMA, read_table, write_table
from mapneo.curate import as_documents
from mapneo.curate.stage_dedup import Dedup, DedupConfig
from mapneo.curate.stage_judge import Judge, JudgeConfig
from mapneo.curate.stage_measure import Measure, MeasureConfig
from mapneo.curate.stage_split import Split, SplitConfig


def documents(rows: Sequence[dict]) -> pa.Table:
    """Documents from rows with some of the columns; what is missing gets a default."""
    names = [name for name in DOCUMENT_SCHEMA.names if name in rows[0]]
    fields = [DOCUMENT_SCHEMA.field(name).with_nullable(True) for name in names]
    return as_documents(pa.Table.from_pylist(list(rows), schema=pa.schema(fields)))


@dataclass(frozen=True)
class FakeExtract:
    """Stands where extract stands: writes the given shards."""

    config: Config
    shards: dict[str, pa.Table]
    name: ClassVar[str] = "extract"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, work: Work) -> Outcome:
        rows = 0
        for shard, table in self.shards.items():
            write_table(work.output / f"documents/{shard}.parquet", table.sort_by("doc_id"))
            rows += table.num_rows
        files = tuple(f"documents/{shard}.parquet" for shard in self.shards)
        return Outcome(counts=Counts(documents_in=rows, kept=rows), files=files)


@dataclass(frozen=True)
class Curated:
    """A finished run."""

    directory: Path
    manifests: dict[str, Manifest]

    def table(self, stage: str, folder: str) -> pa.Table:
        """All shards of a folder as one table sorted by doc_id."""
        files = sorted((self.directory / stage / folder).glob("*.parquet"))
        return pa.concat_tables([read_table(file) for file in files]).sort_by("doc_id")

    def hashes(self, stage: str) -> dict[str, str]:
        return {name: file.sha256 for name, file in self.manifests[stage].outputs.items()}


def curate(
    directory: Path,
    shards: dict[str, pa.Table],
    *,
    workers: int = 1,
    measure: MeasureConfig | None = None,
    judge: JudgeConfig | None = None,
    dedup: DedupConfig | None = None,
    split: SplitConfig | None = None,
) -> Curated:
    stages: list[Stage] = [
        FakeExtract(Config(), shards),
        Measure(measure or MeasureConfig()),
        Judge(judge or JudgeConfig()),
        Dedup(dedup or DedupConfig()),
        Split(split or SplitConfig()),
    ]
    run = Run(directory=directory, seed=5, workers=workers)
    steps = run.execute(stages, progress=lambda step: QuietProgress())
    return Curated(directory, {step.stage.name: step.manifest for step in steps})
