"""Stage `extract`: raw files to documents, shard by shard; what is broken becomes a row too."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from mapneo.core.canonical import Json, canonical, digest
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.errors import DataError
from mapneo.core.files import read_json
from mapneo.core.stage import Artifact, InputFile, Outcome, Reach, Work
from mapneo.core.tables import read_table
from mapneo.sources.addresses import is_remote
from mapneo.sources.catalogue import JsonRows, SqliteRows
from mapneo.sources.documents import (
    Broken,
    BrokenFileError,
    Extracted,
    RawFile,
    ReadOptions,
    RowCut,
)
from mapneo.sources.file_types import UNKNOWN
from mapneo.sources.folder import NOT_READ
from mapneo.sources.forms import RowForm
from mapneo.sources.parts import Parts
from mapneo.sources.raw_files import ONE_DOCUMENT, check_unchanged, local_copy
from mapneo.sources.readers import READERS
from mapneo.sources.stage_fetch import SOURCES

_CONTENT_COLUMNS = ["path", "sha256", "version", "reader", "category", "licence", "publish"]


class ExtractConfig(ReadOptions):
    """How raw files are read."""

    part_bytes: int = Field(default=128 << 20, ge=1 << 16)
    """A shard's documents are cut into files of about so many bytes of text. This is what bounds
    memory: a file is read once, from front to end, and never held."""


@dataclass(frozen=True)
class Extract:
    """Text out of HTML, PDF, row files, plain text and code."""

    config: ExtractConfig
    name: ClassVar[str] = "extract"
    version: ClassVar[int] = 2
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
        facts = sources[source]
        payload = {
            "source": source,
            "rows": facts["rows"],
            "form": facts["form"],
            "storage": facts["storage"],
        }
        tasks.append(Task(shard=shard, inputs=(stable,), payload=payload))
    return tasks


def extract_shard(task: Task, config: ExtractConfig, output: Path) -> ShardOutcome:
    """The documents and errors of one shard, in parts; each part sorted by doc_id."""
    parts = Parts(task.shard, output, config.part_bytes)
    cut = _row_cut(task.payload)
    for listed in read_table(task.inputs[0].path).to_pylist():
        for item in _read(listed, cut, task.payload["storage"], config):
            if isinstance(item, Extracted):
                parts.add_document(_document(listed, item))
            else:
                doc_id = _doc_id(listed, item.row)
                parts.add_error({"doc_id": doc_id, "kind": item.kind, "message": item.message})
    parts.close()
    return ShardOutcome(
        files=tuple(parts.files),
        counts=Counts(
            documents_in=parts.documents + sum(parts.errors.values()),
            kept=parts.documents,
            errors=parts.errors,
        ),
        facts={"source": task.payload["source"], "text_bytes": parts.text_bytes},
    )


def _row_cut(payload: Mapping[str, Json]) -> RowCut | None:
    rows, form = payload["rows"], payload["form"]
    if form is not None:
        return RowForm(**form)
    if rows is None:
        return None
    return SqliteRows(**rows) if "query" in rows else JsonRows(**rows)


def _read(
    listed: Mapping[str, Json],
    cut: RowCut | None,
    storage: Mapping[str, Json],
    config: ExtractConfig,
) -> Iterator[Extracted | Broken]:
    if listed["reader"] == UNKNOWN:
        suffix = Path(listed["path"]).suffix or "no suffix"
        yield Broken(kind="unknown_file_type", message=f"no reader for {suffix} files")
        return
    if listed["reader"] in NOT_READ:
        yield Broken(kind=listed["reader"], message=NOT_READ[listed["reader"]])
        return
    address = listed["absolute"]
    file = RawFile(
        path=address if is_remote(address) else Path(address),
        relative=listed["path"],
        rows=cut,
        storage=storage,
    )
    check_unchanged(file, listed)
    read = READERS[listed["reader"]]
    try:
        if is_remote(address) and listed["reader"] in ONE_DOCUMENT:
            with local_copy(file, config.max_document_bytes) as (copy, sha256):
                for item in read(copy, config):
                    if isinstance(item, Extracted):
                        yield replace(item, raw_sha256=sha256)
                    else:
                        yield item
        else:
            yield from read(file, config)
    except BrokenFileError as error:
        yield Broken(kind=error.kind, message=str(error))


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
        "licence": item.licence or listed["licence"],
        "publish": listed["publish"],
        "raw_sha256": item.raw_sha256 or listed["sha256"],
        "fetched": item.fetched,
        "origins": [asdict(origin) for origin in item.origins],
        "edits": [],
        "meta": canonical(item.meta).encode("utf-8", "replace").decode(),
    }
