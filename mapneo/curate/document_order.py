"""The one order of all documents that says which copy of a passage is the first."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.artifact import InputFile
from mapneo.core.engine import WORK_FOLDER, ShardOutcome, Task
from mapneo.core.errors import DataError
from mapneo.core.tables import read_table, write_table
from mapneo.curate.exchange import write_parts
from mapneo.curate.passages_config import PassagesConfig

RANKS_FILE = f"{WORK_FOLDER}/passages/order/ranks.npz"
ORDER_FILE = f"{WORK_FOLDER}/passages/order/order.parquet"


def order_documents(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """Rank all documents by (priority, doc_id), smaller first.

    Reads `doc_id` and `priority` of every shard in `task.inputs`. Writes the ranks of each shard's
    rows, and the doc_ids by rank.

    Raises:
        DataError: two documents have one doc_id, or one has no priority.
    """
    tables = [_identities(file) for file in task.inputs]
    table = pa.concat_tables(tables)
    order = pc.sort_indices(table, [("priority", "ascending"), ("doc_id", "ascending")]).to_numpy()
    ordered = table["doc_id"].take(pa.array(order))
    _refuse_doubles(table["doc_id"])
    ranks = np.empty(order.size, dtype=np.int64)
    ranks[order] = np.arange(order.size)
    ends = np.cumsum([table.num_rows for table in tables])
    parts = {str(n): part for n, part in enumerate(np.split(ranks, ends[:-1]))}
    write_parts(output / RANKS_FILE, parts)
    write_table(output / ORDER_FILE, pa.table({"doc_id": ordered}))
    return ShardOutcome(files=(RANKS_FILE, ORDER_FILE), facts={"documents": table.num_rows})


def _identities(file: InputFile) -> pa.Table:
    table = read_table(file.path, ["doc_id", "priority"])
    schema = pa.schema([("doc_id", pa.string()), ("priority", pa.int64())])
    if table["doc_id"].null_count or table["priority"].null_count:
        raise DataError(
            f"{file.path}: a document has no doc_id or no priority: run the stage before again"
        )
    return table.select(schema.names).cast(schema)


def _refuse_doubles(doc_ids: pa.ChunkedArray) -> None:
    if pc.count_distinct(doc_ids).as_py() == len(doc_ids):
        return
    counts = pc.value_counts(doc_ids)
    double = counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"].as_py()
    raise DataError(f"two documents are both called {double}: doc_ids must differ over all shards")


def doc_ids_of(order_file: Path, ranks: npt.NDArray[np.int64]) -> pa.Array:
    """The doc_ids of ranks, -1 giving null."""
    wanted, place = np.unique(ranks[ranks >= 0], return_inverse=True)
    ids = read_table(order_file)["doc_id"].take(pa.array(wanted)).combine_chunks()
    index = np.full(ranks.size, 0, dtype=np.int64)
    index[ranks >= 0] = place
    return ids.take(pa.array(index, mask=ranks < 0))
