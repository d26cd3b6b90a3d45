"""Small documents in two languages and code, as `split` leaves them, and a stage that does so."""

import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.core.stage import Config, Outcome, Work
from mapneo.core.tables import DOCUMENT_SCHEMA, write_table
from tests.golden.pages import article

SCHEMA = pa.schema(
    [*DOCUMENT_SCHEMA, pa.field("cluster_id", pa.string()), pa.field("cluster_size", pa.int32())]
)
MODULES = ("textwrap", "bisect", "heapq", "shlex", "fractions", "queue", "sched", "glob", "string")


def row(doc_id, language, category, text):
    return {
        "doc_id": doc_id,
        "source": doc_id.split("/")[0],
        "category": category,
        "text": text,
        "language": language,
        "licence": "MIT",
        "publish": "text",
        "raw_sha256": "",
        "origins": [],
        "edits": [],
        "meta": "{}",
        "cluster_id": doc_id,
        "cluster_size": 1,
    }


def documents():
    """(shard → rows) for training; code is Python's own library."""
    library = Path(sysconfig.get_path("stdlib"))
    code = [
        row(f"lib/{name}.py", "code", "code", (library / f"{name}.py").read_text())
        for name in MODULES
    ]
    news = [row(f"pages/en-{n}", "en", "news", "\n\n".join(article("en", n))) for n in range(40)]
    law = [row(f"pages/zh-{n}", "zh", "law", "\n\n".join(article("zh", n))) for n in range(30)]
    return {"lib-00": code, "pages-00": news[:25] + law[:10], "pages-01": news[25:] + law[10:]}


class SplitConfig(Config):
    """Which rows are held out: every n-th of each shard; their text may be exchanged."""

    every: int = 6
    heldout_text: str | None = None


def write_split(task: Task, config: SplitConfig, output: Path) -> ShardOutcome:
    rows = sorted(documents()[task.shard], key=lambda item: item["doc_id"])
    files = (f"documents/{task.shard}.parquet", f"heldout/{task.shard}.parquet")
    heldout = rows[:: config.every]
    train = [item for item in rows if item not in heldout]
    if config.heldout_text is not None:
        heldout = [item | {"text": config.heldout_text} for item in heldout]
    for file, part in zip(files, (train, heldout), strict=True):
        write_table(output / file, pa.Table.from_pylist(part, schema=SCHEMA))
    return ShardOutcome(files=files)


@dataclass(frozen=True)
class FakeSplit:
    """Stands where `split` stands."""

    config: SplitConfig = SplitConfig()
    name: ClassVar[str] = "split"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, work: Work) -> Outcome:
        tasks = [Task(shard=shard) for shard in sorted(documents())]
        work.engine.map_shards(tasks, write_split, config=self.config, pool="threads")
        return Outcome()


def run_stages(directory: Path, stages, workers: int = 1) -> Run:
    run = Run(directory=directory, seed=7, workers=workers)
    list(run.execute(stages, progress=lambda step: QuietProgress()))
    return run
