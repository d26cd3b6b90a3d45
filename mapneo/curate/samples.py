"""A few dropped documents per rule and language, shown only where their licence allows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from mapneo.core.canonical import Json
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.files import write_json
from mapneo.core.stage import Config, InputFile
from mapneo.core.tables import read_table
from mapneo.curate.rules import LANGUAGE_NOT_WANTED

SAMPLES_FILE = "samples.json"
PER_RULE = 3
EXCERPT_CHARS = 300

_IDENTITY = ("doc_id", "source", "category", "language", "publish")
_DROP = ("doc_id", "rule", "signal", "side", "value", "bound", "survivor")


def sample_task(dropped: Iterable[InputFile], documents: Iterable[InputFile]) -> Task:
    """The one task that writes `samples.json`.

    Args:
        dropped: tables with `doc_id` and `rule` (null: kept), one per shard.
        documents: the shards in which those documents' texts are; paired by file name.
    """
    return Task(
        shard="samples",
        inputs=(*documents, *dropped),
        payload={"per_rule": PER_RULE, "excerpt_chars": EXCERPT_CHARS},
    )


def write_samples(task: Task, config: Config, output: Path) -> ShardOutcome:
    """Pick samples and read their excerpts; documents that may not be shown are passed over."""
    documents = {
        Path(file.relative).name: file.path
        for file in task.inputs
        if file.relative.startswith("documents/")
    }
    chosen: list[dict[str, Json]] = []
    for file in task.inputs:
        if not file.relative.startswith("documents/"):
            chosen = _few_per_rule(chosen + _showable(file.path, documents))
    excerpts = _excerpts(documents.values(), [row["doc_id"] for row in chosen])
    for row in chosen:
        row["excerpt"] = excerpts[row["doc_id"]]
    chosen.sort(key=lambda row: (row["language"], row["rule"], row["doc_id"]))
    write_json(output / SAMPLES_FILE, {"rows": chosen})
    return ShardOutcome(files=(SAMPLES_FILE,))


def _showable(path: Path, documents: dict[str, Path]) -> list[dict[str, Json]]:
    """The dropped documents of one shard that may be shown, at most a few per rule."""
    table = read_table(path)
    table = table.filter(pc.is_valid(table["rule"]))
    if table.num_rows == 0:
        return []
    identity = read_table(documents[path.name], _IDENTITY)
    identity = identity.filter(pc.equal(identity["publish"], "text"))
    shown = table.select([name for name in _DROP if name in table.schema.names])
    joined = shown.join(identity, "doc_id", join_type="inner")
    return _few_per_rule(joined.to_pylist())


def chance(doc_id: str) -> int:
    """A number by which documents are chosen: the smallest ones first, the same in each run."""
    return xxhash.xxh3_64_intdigest(doc_id.encode())


def excerpts(texts: pa.ChunkedArray) -> list[str]:
    """The beginning of each text."""
    heads: list[str] = pc.utf8_slice_codeunits(texts, 0, EXCERPT_CHARS).to_pylist()
    return heads


def _few_per_rule(rows: Sequence[dict[str, Json]]) -> list[dict[str, Json]]:
    taken: Counter[tuple[str, str]] = Counter()
    few = []
    for row in sorted(rows, key=lambda row: chance(row["doc_id"])):
        # A crawl holds dozens of languages that nobody asked for; three samples of all are enough.
        language = "" if row["rule"] == LANGUAGE_NOT_WANTED else row["language"]
        group = (language, row["rule"])
        taken[group] += 1
        if taken[group] <= PER_RULE:
            few.append({name: row.get(name) for name in (*_DROP, *_IDENTITY[1:-1])})
    return few


def _excerpts(paths: Iterable[Path], names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = pc.field("doc_id").isin(names)
    for path in paths if names else ():
        table = read_table(path, ["doc_id", "text"], where=wanted)
        found.update(zip(table["doc_id"].to_pylist(), excerpts(table["text"]), strict=True))
    return found
