"""The second half of dedup, if the recipe asks for it: passages are cut out of what stays.

Survivors wait in `work/survivors/` with their priority; spans are found over all of them, and each
shard is written once its spans are known.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.engine import Engine, ShardOutcome, ShardRecord, Task
from mapneo.core.tables import read_table, write_table
from mapneo.curate.cut_passages import cut_spans
from mapneo.curate.passages_config import TOO_LITTLE_LEFT, PassagesConfig
from mapneo.curate.passages_dedup import find_passages
from mapneo.curate.survivors import COPIES_FOLDER, DROPPED_SCHEMA, SURVIVORS_FOLDER, whole_spans
from mapneo.curate.tally import ORIGIN, tally, with_bytes

REASON = ("language", "rule")
PASSAGE = ("language", "kind")

_CUT = "cut-"


def cut_shards(
    engine: Engine, applied: Sequence[ShardRecord], config: PassagesConfig, partitions: int
) -> list[ShardRecord]:
    """Find passages in the survivors of all shards and write `documents/` and `dropped/`.

    Args:
        engine: of the stage.
        applied: the records of the shards, with survivors and copies below `work/`.
        config: which passages.
        partitions: how many parts their keys are split into.
    """
    tasks = []
    for record in applied:
        survivors = record.as_inputs(engine.output, f"{SURVIVORS_FOLDER}/")
        tasks.append(Task(shard=record.facts["shard"], inputs=tuple(survivors)))
    spans = find_passages(engine, tasks, config, partitions)
    return engine.map_shards(
        [
            Task(
                shard=_CUT + task.shard,
                inputs=(
                    *task.inputs,
                    *record.as_inputs(engine.output, f"{COPIES_FOLDER}/"),
                    *found.as_inputs(engine.output, "spans/"),
                ),
                payload={"shard": task.shard},
            )
            for task, record, found in zip(tasks, applied, spans, strict=True)
        ],
        cut_shard,
        config=config,
        pool="threads",
    )


def cut_shard(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """One shard without its passages; the ledger of copies, and of what became too short."""
    survivors, copies, spans = (read_table(file.path) for file in task.inputs)
    shard = task.payload["shard"]
    cut = cut_spans(survivors.drop_columns(["priority"]), spans, config)
    files = (f"documents/{shard}.parquet", f"dropped/{shard}.parquet")
    write_table(output / files[0], cut.documents)
    write_table(output / files[1], pa.concat_tables([copies, _too_short(cut.dropped, cut.ledger)]))
    gone = with_bytes(cut.dropped)
    reasons = gone.append_column("rule", cut.ledger["rule"])
    return ShardOutcome(
        files=files,
        counts=Counts(
            documents_in=survivors.num_rows,
            kept=cut.documents.num_rows,
            dropped=Counter(cut.ledger["rule"].to_pylist()),
        ),
        facts={
            "kept": tally(with_bytes(cut.documents), ORIGIN),
            "reasons": tally(reasons, REASON),
            "passages": _passages(survivors, spans),
        },
    )


def _too_short(dropped: pa.Table, ledger: pa.Table) -> pa.Table:
    """Rows of the ledger of dedup; such a document has no survivor but itself."""
    own = dropped["doc_id"]
    columns = [*(ledger[name] for name in ledger.schema.names), own, own, whole_spans(dropped)]
    return pa.table(columns, schema=DROPPED_SCHEMA)


def _passages(survivors: pa.Table, spans: pa.Table) -> list[dict[str, Json]]:
    """What was found, by language and kind: documents, spans, bytes."""
    spans = spans.filter(pc.not_equal(spans["kind"], TOO_LITTLE_LEFT))
    rows = pc.index_in(spans["doc_id"], survivors["doc_id"].combine_chunks())
    table = pa.table(
        {
            "language": survivors["language"].take(rows),
            "kind": spans["kind"],
            "doc_id": spans["doc_id"],
            "bytes": pc.subtract(spans["end_byte"], spans["start_byte"]),
        }
    )
    grouped = table.group_by(list(PASSAGE), use_threads=False).aggregate(
        [("doc_id", "count_distinct"), ("doc_id", "count"), ("bytes", "sum")]
    )
    names = {"doc_id_count_distinct": "documents", "doc_id_count": "spans", "bytes_sum": "bytes"}
    return [
        {names.get(name, name): value for name, value in row.items()}
        for row in grouped.sort_by([(name, "ascending") for name in PASSAGE]).to_pylist()
    ]
