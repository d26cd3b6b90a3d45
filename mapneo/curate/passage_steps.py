"""The tasks of passage deduplication: what each reads, asks, and writes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.core.engine import WORK_FOLDER, ShardOutcome, Task
from mapneo.core.errors import DataError
from mapneo.core.tables import read_table, write_table
from mapneo.curate.cut_passages import SPAN_SCHEMA
from mapneo.curate.document_order import ORDER_FILE, RANKS_FILE, doc_ids_of
from mapneo.curate.exchange import Records, gather, read_part, write_parts
from mapneo.curate.passage_drafts import KINDS, drafts_of, one_source_each, snap
from mapneo.curate.passage_settle import (
    cuts_of,
    rested_on,
    short_documents,
    soft_spans,
    without_rested,
)
from mapneo.curate.passages_config import (
    SIMILAR_LINE,
    SUBSTRING,
    TOO_LITTLE_LEFT,
    PassagesConfig,
)
from mapneo.curate.repeated_units import decide_units, unit_keys, unit_kinds
from mapneo.curate.similar_lines import similar_marks
from mapneo.curate.substrings import (
    EXPAND,
    SHARED,
    WINDOW_MARK,
    anchor_parts,
    around_parts,
    decide_anchors,
    decide_around,
    decide_windows,
    window_parts,
)
from mapneo.text.buffers import string_view
from mapneo.text.unicode import char_tables

FOLDER = f"{WORK_FOLDER}/passages"
SPANS_FOLDER = "spans"

_DRAFTS, _SHORT, _REMAINS, _SOFT = "drafts", "short", "remains", "soft"
_ALL = "all"


def map_keys(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """Keys of units and anchors by partition, and marks of similar sentences."""
    partitions = task.payload["partitions"]
    texts, ranks = _texts(task), _ranks(task)
    parts = unit_keys(texts, ranks, config, partitions)
    if config.substrings:
        parts |= anchor_parts(texts, config, partitions)
    if config.similar_lines:
        parts[f"{SIMILAR_LINE}-{task.payload['number']}"], _ = similar_marks(texts, ranks, config)
    return _written(task, output, parts)


def decide_repeats(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """Which units repeat, and which anchors are not alone."""
    partition = task.payload["partition"]
    parts = decide_units(task.inputs, partition, config)
    if config.substrings:
        parts |= decide_anchors(task.inputs, partition)
    return _written(task, output, parts)


def map_around(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """Stretches around the anchors that are not alone."""
    bits = _parts(task, "repeats", SHARED)
    return _written(task, output, around_parts(_texts(task), _ranks(task), bits, config))


def decide_stretches(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """Which stretches repeat, and whose windows are asked for."""
    return _written(task, output, decide_around(task.inputs, task.payload["partition"], config))


def map_windows(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """The windows that are asked for."""
    asked = _parts(task, "stretches", EXPAND)
    return _written(task, output, window_parts(_texts(task), _ranks(task), asked, config))


def decide_ends(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """Which windows repeat."""
    return _written(task, output, decide_windows(task.inputs, task.payload["partition"], config))


def map_drafts(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """The spans of a shard, and which of its documents they leave too little of."""
    view, flags, ranks = string_view(_texts(task)), char_tables().flags, _ranks(task)
    marks = {kind: np.concatenate(_parts(task, "repeats", kind)) for kind in unit_kinds(config)}
    if config.similar_lines:
        own = next(file for file in _files(task, "keys") if _name(file) == task.payload["shard"])
        marks[SIMILAR_LINE] = read_part(own.path, f"{SIMILAR_LINE}-{task.payload['number']}")
    if config.substrings:
        found = [*_parts(task, "stretches", SUBSTRING), *_parts(task, "ends", WINDOW_MARK)]
        sourced = one_source_each(np.concatenate(found))
        marks[SUBSTRING] = snap(sourced, view, flags, config.substring_cut_at)
    drafts = drafts_of(marks)
    cuts = cuts_of(view, flags, drafts)
    short, remains = short_documents(view, flags, cuts, ranks, config.min_left_chars)
    parts = {f"{_REMAINS}-{_ALL}": remains, f"{_SOFT}-{_ALL}": soft_spans(view, drafts, ranks)}
    number = task.payload["number"]
    parts |= {f"{_DRAFTS}-{number}": drafts, f"{_SHORT}-{number}": short}
    return _written(task, output, parts)


def map_rested(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """What is left of short documents, and like sentences, that this shard's copies rest on."""
    drafts, ranks = _own(task, _DRAFTS), _ranks(task)
    parts = {}
    for kind in (_REMAINS, _SOFT):
        stretches, _ = gather(_files(task, "drafts"), f"{kind}-{_ALL}")
        parts[f"{kind}-{_ALL}"] = rested_on(drafts, ranks, stretches, own=kind == _SOFT)
    return _written(task, output, parts)


def write_spans(task: Task, config: PassagesConfig, output: Path) -> ShardOutcome:
    """The spans of a shard as they stay on disk."""
    drafts, short, ranks = _own(task, _DRAFTS), _own(task, _SHORT), _ranks(task)
    remains, soft = (gather(_files(task, "rested"), f"{k}-{_ALL}")[0] for k in (_REMAINS, _SOFT))
    stays = np.union1d(remains["rank"], soft["rank"])
    drafts = without_rested(drafts, ranks, soft)
    goes = short[~np.isin(short["rank"], stays)]
    doc_ids = read_table(task.inputs[0].path, ["doc_id"])["doc_id"].cast(pa.string())
    order_file = next(file for file in task.inputs if file.relative == ORDER_FILE)
    table = pa.concat_tables(
        [_found(drafts, doc_ids, order_file.path), _too_little_left(goes, doc_ids)]
    )
    keys = ("doc_id", "start_byte", "kind", "end_byte")
    table = table.sort_by([(name, "ascending") for name in keys])
    name = f"{SPANS_FOLDER}/{task.payload['shard']}.parquet"
    write_table(output / name, table)
    counted = {kind: drafts["kind"] == number for number, kind in enumerate(KINDS)}
    sizes = (drafts["end"] - drafts["start"]).astype(np.int64)
    return ShardOutcome(
        files=(name,),
        facts={
            "spans": {kind: int(mask.sum()) for kind, mask in counted.items()},
            "bytes": {kind: int(sizes[mask].sum()) for kind, mask in counted.items()},
            TOO_LITTLE_LEFT: int(goes.size),
        },
    )


def _found(drafts: Records, doc_ids: pa.ChunkedArray, order_file: Path) -> pa.Table:
    columns = [
        doc_ids.take(pa.array(drafts["row"])),
        pa.array(KINDS, pa.string()).take(pa.array(drafts["kind"])),
        drafts["start"].astype(np.int64),
        drafts["end"].astype(np.int64),
        doc_ids_of(order_file, drafts["source_rank"]),
        drafts["source_start"].astype(np.int64),
        drafts["source_end"].astype(np.int64),
    ]
    return pa.table(columns, schema=SPAN_SCHEMA)


def _too_little_left(goes: Records, doc_ids: pa.ChunkedArray) -> pa.Table:
    table = {
        "doc_id": doc_ids.take(pa.array(goes["row"])),
        "kind": pa.repeat(TOO_LITTLE_LEFT, goes.size),
        "start_byte": np.zeros(goes.size, dtype=np.int64),
        "end_byte": goes["bytes"].astype(np.int64),
        "survivor_doc_id": pa.nulls(goes.size, pa.string()),
        "survivor_start_byte": pa.nulls(goes.size, pa.int64()),
        "survivor_end_byte": pa.nulls(goes.size, pa.int64()),
    }
    return pa.table(table, schema=SPAN_SCHEMA)


def _texts(task: Task) -> pa.ChunkedArray:
    path = task.inputs[0].path
    column = read_table(path, ["text"])["text"]
    if column.null_count:
        raise DataError(f"{path}: a document has no text: run the stage before again")
    return column


def _ranks(task: Task) -> npt.NDArray[np.int64]:
    file = next(file for file in task.inputs if file.relative == RANKS_FILE)
    return read_part(file.path, str(task.payload["number"]))


def _files(task: Task, step: str) -> list[InputFile]:
    return [file for file in task.inputs if file.relative.startswith(f"{FOLDER}/{step}/")]


def _name(file: InputFile) -> str:
    """The shard or partition that a work file is of."""
    return file.relative.split("/", 3)[3].removesuffix(".npz")


def _parts(task: Task, step: str, kind: str) -> list[Records]:
    """This shard's part of each file of a step."""
    return [read_part(file.path, f"{kind}-{task.payload['number']}") for file in _files(task, step)]


def _own(task: Task, kind: str) -> Records:
    """A part of the file of drafts that this shard wrote."""
    files = _files(task, "drafts")
    own = next(file for file in files if _name(file) == task.payload["shard"])
    return read_part(own.path, f"{kind}-{task.payload['number']}")


def _written(task: Task, output: Path, parts: dict[str, Records]) -> ShardOutcome:
    name = f"{task.shard}.npz"
    write_parts(output / name, parts)
    return ShardOutcome(files=(name,), facts={"records": sum(part.size for part in parts.values())})
