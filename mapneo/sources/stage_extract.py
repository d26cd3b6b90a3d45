"""Stage `extract`: raw files to documents, shard by shard; what is broken becomes a row too."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from mapneo.core.canonical import Json, canonical, digest
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.errors import DataError
from mapneo.core.files import read_json, sha256_file
from mapneo.core.stage import Artifact, InputFile, Outcome, Reach, Work
from mapneo.core.tables import DOCUMENT_SCHEMA, ERROR_SCHEMA, read_table, write_table
from mapneo.sources.catalogue import JsonRows, SqliteRows
from mapneo.sources.documents import Broken, BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.folder import NOT_READ
from mapneo.sources.readers import READERS, UNKNOWN
from mapneo.sources.stage_fetch import SOURCES

_CONTENT_COLUMNS = ["path", "sha256", "reader", "category", "licence", "publish"]


class ExtractConfig(ReadOptions):
    """How raw files are read."""


@dataclass(frozen=True)
class Extract:
    """Text out of HTML, PDF, row files, plain text and code."""

    config: ExtractConfig
    name: ClassVar[str] = "extract"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("fetch",)
    reach: ClassVar[Reach] = "anywhere"

    def run(self, work: Work) -> Outcome:
        """Read every file that fetch listed.

        Raises:
            DataError: a file is gone or has changed since fetch, or there is nothing to read.
        """
        tasks = _tasks(work.inputs["fetch"])
        if not tasks:
            raise DataError("fetch left no file to read: every source was left out; see its notes")
        # The HTML parser holds the GIL and PDFium is not thread-safe, so threads would not help.
        records = work.engine.map_shards(tasks, extract_shard, config=self.config, pool="processes")
        text_bytes: Counter[str] = Counter()
        for record in records:
            text_bytes.update({record.facts["source"]: record.facts["text_bytes"]})
        return Outcome(
            counts=Counts.total(record.counts for record in records),
            facts={"text_bytes": dict(sorted(text_bytes.items()))},
        )


def _tasks(fetched: Artifact) -> list[Task]:
    sources = read_json(fetched.file(SOURCES).path)
    tasks = []
    for file in fetched.files("files/*.parquet"):
        shard = Path(file.relative).stem
        content = read_table(file.path, _CONTENT_COLUMNS).to_pylist()
        # Where a file lies and when it was touched does not change what is extracted from it.
        stable = InputFile(path=file.path, relative=file.relative, sha256=digest(content))
        source = shard.rsplit("-", 1)[0]
        payload = {"source": source, "rows": sources[source]["rows"]}
        tasks.append(Task(shard=shard, inputs=(stable,), payload=payload))
    return tasks


def extract_shard(task: Task, config: ExtractConfig, output: Path) -> ShardOutcome:
    """The documents and errors of one shard, each sorted by doc_id."""
    rows = _row_options(task.payload["rows"])
    documents: list[dict[str, Json]] = []
    errors: list[dict[str, Json]] = []
    for listed in read_table(task.inputs[0].path).to_pylist():
        for item in _read(listed, rows, config):
            if isinstance(item, Extracted):
                documents.append(_document(listed, item))
            else:
                doc_id = _doc_id(listed, item.row)
                errors.append({"doc_id": doc_id, "kind": item.kind, "message": item.message})
    names = (f"documents/{task.shard}.parquet", f"errors/{task.shard}.parquet")
    for name, found, schema in (
        (names[0], documents, DOCUMENT_SCHEMA),
        (names[1], errors, ERROR_SCHEMA),
    ):
        found.sort(key=lambda row: row["doc_id"])
        write_table(output / name, pa.Table.from_pylist(found, schema=schema))
    return ShardOutcome(
        files=names,
        counts=Counts(
            documents_in=len(documents) + len(errors),
            kept=len(documents),
            errors=Counter(row["kind"] for row in errors),
        ),
        facts={
            "source": task.payload["source"],
            "text_bytes": sum(len(row["text"].encode()) for row in documents),
        },
    )


def _row_options(value: Mapping[str, Json] | None) -> JsonRows | SqliteRows | None:
    if value is None:
        return None
    return SqliteRows(**value) if "query" in value else JsonRows(**value)


def _read(
    listed: Mapping[str, Json], rows: JsonRows | SqliteRows | None, config: ExtractConfig
) -> Iterator[Extracted | Broken]:
    if listed["reader"] == UNKNOWN:
        suffix = Path(listed["path"]).suffix or "no suffix"
        yield Broken(kind="unknown_file_type", message=f"no reader for {suffix} files")
        return
    if listed["reader"] in NOT_READ:
        yield Broken(kind=listed["reader"], message=NOT_READ[listed["reader"]])
        return
    file = RawFile(path=Path(listed["absolute"]), relative=listed["path"], rows=rows)
    _check_unchanged(file.path, listed["sha256"])
    try:
        yield from READERS[listed["reader"]](file, config)
    except BrokenFileError as error:
        yield Broken(kind=error.kind, message=str(error))


def _check_unchanged(path: Path, sha256: str) -> None:
    try:
        found = sha256_file(path)
    except OSError as error:
        raise DataError(
            f"{path} was there at fetch and can't be read now ({error.strerror}): run "
            "`mapneo fetch` to fill the cache again, then the same command"
        ) from error
    if found != sha256:
        raise DataError(
            f"{path} has changed while the run was going on: run the same command again"
        )


def _doc_id(listed: Mapping[str, Json], row: int | None) -> str:
    name = f"{listed['source']}/{listed['path']}"
    return name if row is None else f"{name}:{row}"


def _document(listed: Mapping[str, Json], item: Extracted) -> dict[str, Json]:
    return {
        "doc_id": _doc_id(listed, item.row),
        "source": listed["source"],
        "category": listed["category"],
        "url": item.url,
        "text": item.text,
        "licence": listed["licence"],
        "publish": listed["publish"],
        "raw_sha256": item.raw_sha256 or listed["sha256"],
        "origins": [asdict(origin) for origin in item.origins],
        "edits": [],
        "meta": canonical(item.meta).encode("utf-8", "replace").decode(),
    }
