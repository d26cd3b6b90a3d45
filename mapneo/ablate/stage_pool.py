"""Stage `pool`: what every arm judges. Measured documents in the wanted languages, none reserved.

Its files have the form of `measure`, so the arms' stages read them as they would in any run.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow.compute as pc

from mapneo.ablate.config import PoolConfig
from mapneo.ablate.stage_reserve import RESERVED_FILE, is_among
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.stage import Outcome, Reach, Work
from mapneo.core.tables import read_table, write_table
from mapneo.curate.tally import ORIGIN, add_up, tally, with_bytes


@dataclass(frozen=True)
class Pool:
    """Documents and signals without those that are held out or in other languages.

    Copies stay in: an arm removes them after its rules, as a run does.
    """

    config: PoolConfig
    name: ClassVar[str] = "pool"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("measure", "judge", "split")
    reach: ClassVar[Reach] = "anywhere"

    def run(self, work: Work) -> Outcome:
        """Filter every shard of `measure`."""
        measured, judged = work.inputs["measure"], work.inputs["judge"]
        reserved = work.inputs["split"].file(RESERVED_FILE)
        tasks = []
        for documents in measured.files("documents/*.parquet"):
            shard = Path(documents.relative).stem
            signals = measured.file(f"signals/{shard}.parquet")
            verdicts = judged.file(f"verdicts/{shard}.parquet")
            tasks.append(Task(shard=shard, inputs=(documents, signals, verdicts, reserved)))
        records = work.engine.map_shards(tasks, pool_shard, config=self.config, pool="threads")
        return Outcome(
            counts=Counts.total(record.counts for record in records),
            facts={"kept": add_up((record.facts["kept"] for record in records), ORIGIN)},
        )


def pool_shard(task: Task, config: PoolConfig, output: Path) -> ShardOutcome:
    """The pool's part of one shard."""
    documents, signals, verdicts = [read_table(file.path) for file in task.inputs[:3]]
    wanted = pc.equal(verdicts["verdict"], "keep")
    reserved = is_among(documents, task.inputs[3].path)
    stays = pc.and_not(wanted, reserved)
    files = (f"documents/{task.shard}.parquet", f"signals/{task.shard}.parquet")
    kept = documents.filter(stays)
    write_table(output / files[0], kept)
    write_table(output / files[1], signals.filter(stays))
    unwanted = documents.num_rows - pc.sum(wanted).as_py() if documents.num_rows else 0
    dropped = Counter(
        language_not_wanted=unwanted, reserved=documents.num_rows - unwanted - kept.num_rows
    )
    return ShardOutcome(
        files=files,
        counts=Counts(documents_in=documents.num_rows, kept=kept.num_rows, dropped=+dropped),
        facts={"kept": tally(with_bytes(kept), ORIGIN)},
    )
