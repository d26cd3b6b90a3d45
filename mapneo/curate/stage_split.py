"""Stage `split`: set documents apart that no later stage may train on."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.stage import Config, Outcome, Reach, Work
from mapneo.core.tables import read_table, write_table
from mapneo.curate.split import Quota, choose_heldout
from mapneo.curate.tally import ORIGIN, add_up, tally, with_bytes

HELDOUT_CLUSTERS = "heldout_clusters.parquet"

_WEIGH, _APPLY = "weigh-", "apply-"
_COLUMNS = ["cluster_id", "language", "category", "text"]


class SplitConfig(Config):
    """How much is held out of each language and category."""

    heldout_frac: float = Field(default=0.02, ge=0, le=0.5)
    """Share of the clusters."""
    min_documents: int = Field(default=8, ge=0)
    """Documents at least, but never more than half of what there is."""
    max_bytes: int = Field(default=1_000_000, ge=0)
    """UTF-8 bytes of text at most; a document that does not fit is passed over."""


@dataclass(frozen=True)
class Split:
    """Parts documents into training and held-out text, by clusters."""

    config: SplitConfig
    name: ClassVar[str] = "split"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("dedup",)
    reach: ClassVar[Reach] = "anywhere"

    def run(self, work: Work) -> Outcome:
        """Choose clusters over all shards, then part each shard."""
        shards = work.inputs["dedup"].files("documents/*.parquet")
        weighed = work.engine.map_shards(
            [Task(shard=_WEIGH + Path(file.relative).stem, inputs=(file,)) for file in shards],
            weigh_shard,
            config=self.config,
            pool="threads",
        )
        weights = tuple(f for record in weighed for f in record.as_inputs(work.output, "weights/"))
        choose = Task(shard="choose", inputs=weights, payload={"seed": work.seed})
        [chosen] = work.engine.map_shards(
            [choose], choose_clusters, config=self.config, pool="threads"
        )
        clusters = tuple(chosen.as_inputs(work.output, HELDOUT_CLUSTERS))
        tasks = [
            Task(shard=_APPLY + Path(file.relative).stem, inputs=(file, *clusters))
            for file in shards
        ]
        records = work.engine.map_shards(tasks, split_shard, config=self.config, pool="threads")
        return Outcome(
            counts=Counts.total(record.counts for record in records),
            facts={
                name: add_up((record.facts[name] for record in records), ORIGIN)
                for name in ("arrived", "kept", "heldout")
            },
        )


def weigh_shard(task: Task, config: SplitConfig, output: Path) -> ShardOutcome:
    """Cluster, language, category and bytes of one shard's documents, without their text."""
    name = f"weights/{task.shard.removeprefix(_WEIGH)}.parquet"
    write_table(output / name, with_bytes(read_table(task.inputs[0].path, _COLUMNS)))
    return ShardOutcome(files=(name,))


def choose_clusters(task: Task, config: SplitConfig, output: Path) -> ShardOutcome:
    """Write the ids of the clusters that are held out."""
    tables = [read_table(file.path) for file in task.inputs]
    quota = Quota(
        frac=config.heldout_frac, min_documents=config.min_documents, max_bytes=config.max_bytes
    )
    names = choose_heldout(pa.concat_tables(tables), quota, task.payload["seed"]) if tables else []
    write_table(output / HELDOUT_CLUSTERS, pa.table({"cluster_id": pa.array(names, pa.string())}))
    return ShardOutcome(files=(HELDOUT_CLUSTERS,))


def split_shard(task: Task, config: SplitConfig, output: Path) -> ShardOutcome:
    """Training and held-out documents of one shard."""
    shard = task.shard.removeprefix(_APPLY)
    documents = read_table(task.inputs[0].path)
    clusters = read_table(task.inputs[1].path)["cluster_id"]
    is_heldout = pc.is_in(documents["cluster_id"], clusters.combine_chunks())
    parts = {
        "documents": documents.filter(pc.invert(is_heldout)),
        "heldout": documents.filter(is_heldout),
    }
    for folder, table in parts.items():
        write_table(output / folder / f"{shard}.parquet", table)
    return ShardOutcome(
        files=tuple(f"{folder}/{shard}.parquet" for folder in parts),
        counts=Counts(documents_in=documents.num_rows, kept=documents.num_rows),
        facts={
            "arrived": tally(with_bytes(documents), ORIGIN),
            "kept": tally(with_bytes(parts["documents"]), ORIGIN),
            "heldout": tally(with_bytes(parts["heldout"]), ORIGIN),
        },
    )
