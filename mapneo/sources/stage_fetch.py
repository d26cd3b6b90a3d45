"""Stage `fetch`: make sure the sources' files are on disk, choose them, spread them over shards."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from mapneo.core.cache import cache_directory
from mapneo.core.canonical import Json, digest
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.errors import ConfigError
from mapneo.core.files import write_json
from mapneo.core.stage import Config, Outcome, Reach, Work
from mapneo.sources.catalogue import LicenceClass, Source, choose_sources, load_catalogue
from mapneo.sources.clients import NotOfferedError, missing_client
from mapneo.sources.fetch import fetch_source
from mapneo.sources.file_lists import (
    USER_LICENCE,
    known_hashes,
    package_row,
    user_row,
    within_caps,
    write_shards,
)
from mapneo.sources.folder import folder_digest, hash_files, list_folder
from mapneo.sources.packs import choose_packs, fetch_packs

SOURCES = "sources.json"
PACKS = "packs.json"


class FetchConfig(Config):
    """Where text comes from."""

    sources: tuple[str, ...] = ()
    """Names in the source catalogue."""
    packs: tuple[str, ...] = ()
    """Names in the catalogue of packs: questions for `evaluate`, never part of the text."""
    data: Path | None = None
    """A folder of the user's own HTML, PDF, JSONL, TXT, Markdown or code files."""
    data_shards: int = Field(default=8, ge=1, le=1024)
    """Over how many shards the user's files are spread."""
    allow: tuple[LicenceClass, ...] = ("permissive",)
    """Licence classes that may be used."""
    use_apt: bool = True
    """False: leave out Debian packages even where apt-get is there."""
    cache: Path | None = None
    """Folder for downloads; by default $MAPNEO_CACHE, else ~/.cache/mapneo."""

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if not self.sources and self.data is None:
            raise ValueError("neither sources nor data is given: there is nothing to read")
        return self


@dataclass(frozen=True)
class Fetch:
    """Raw material by name, or from the user's folder."""

    config: FetchConfig
    name: ClassVar[str] = "fetch"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()
    reach: ClassVar[Reach] = "storage"

    def outside(self) -> Json:
        """What no manifest tells: the catalogue's entries and the user's folder, as digests."""
        return outside_world(self.config)

    def run(self, work: Work) -> Outcome:
        """Fetch every source, write its file list by shard, `sources.json` and `packs.json`.

        Packs are no documents and are not counted; one that can't be had does not stop the run.

        Raises:
            ConfigError: an unknown source, or one whose licence class is not allowed.
            FetchError: a package can't be had or is not safe.
            InputError: the user's folder is missing, empty or unreadable.
        """
        records = work.engine.map_shards(
            _tasks(self.config), fetch_shards, config=self.config, pool="threads"
        )
        sources = {record.shard: record.facts for record in records}
        for name, facts in sources.items():
            if facts["skipped"]:
                work.progress.note(f"{name} is left out: {facts['skipped']}")
        # Not a task of the engine: a pack that was left out is to be tried again by the next run.
        packs = fetch_packs(
            choose_packs(self.config.packs), cache_directory(self.config.cache), work.progress.note
        )
        write_json(work.output / SOURCES, sources)
        write_json(work.output / PACKS, packs)
        return Outcome(
            counts=Counts.total(record.counts for record in records),
            facts={"sources": sources, "packs": packs},
            files=(SOURCES, PACKS),
        )


def listing_digest(config: FetchConfig) -> str:
    """Digest of `outside_world`, as 32 hex digits."""
    return digest(outside_world(config))


def outside_world(config: FetchConfig) -> dict[str, Json]:
    """Per source and pack, a digest of what decides its files, without network or hashing.

    It changes with a catalogue entry, with apt coming or going, and with any name, size or time
    stamp in the user's folder.

    Raises:
        ConfigError: see `Fetch.run`.
        InputError: see `Fetch.run`.
    """
    packs = choose_packs(config.packs)
    return {
        **{task.shard: digest(dict(task.payload)) for task in _tasks(config)},
        **{f"pack {pack.name}": digest(pack.model_dump(mode="json")) for pack in packs},
    }


def _tasks(config: FetchConfig) -> list[Task]:
    tasks = []
    for source in choose_sources(config.sources, config.allow):
        payload = {"entry": source.model_dump(mode="json"), "left_out": _left_out(source, config)}
        tasks.append(Task(shard=source.name, payload=payload))
    if config.data is not None:
        name = data_source_name(config.data)
        if name in config.sources:
            raise ConfigError(
                f"fetch.data: the folder {config.data} is named like the source {name}; rename it"
            )
        listing = folder_digest(config.data)
        tasks.append(Task(shard=name, payload={"entry": None, "listing": listing}))
    return tasks


def _left_out(source: Source, config: FetchConfig) -> str | None:
    """Why a source is not asked for here; such a source is recorded, and the run goes on."""
    if source.ecosystem == "apt" and not config.use_apt:
        return "apt packages are switched off"
    return missing_client(source.ecosystem)


def data_source_name(folder: Path) -> str:
    """Name of the user's folder as a source: lower case letters, digits, dots and hyphens."""
    return re.sub(r"[^a-z0-9.-]+", "-", folder.absolute().name.lower()).strip("-.") or "data"


def fetch_shards(task: Task, config: FetchConfig, output: Path) -> ShardOutcome:
    """One source: its files on disk, and their list as `files/<source>-<nn>.parquet`."""
    if task.payload["entry"] is None:
        assert config.data is not None
        return _list_user_files(task.shard, config.data, config.data_shards, output)
    source = load_catalogue()[task.shard]
    facts = source_facts(source)
    if task.payload["left_out"]:
        return ShardOutcome(files=(), facts={**facts, "skipped": task.payload["left_out"]})
    try:
        unpacked = fetch_source(source, cache_directory(config.cache))
    except NotOfferedError as error:
        return ShardOutcome(files=(), facts={**facts, "skipped": str(error)})
    chosen = within_caps(unpacked.files, source.max_documents, source.max_bytes)
    rows = [package_row(source, unpacked, file) for file in chosen]
    files = write_shards(source.name, rows, source.shards, output)
    return ShardOutcome(
        files=files,
        counts=Counts(
            documents_in=len(unpacked.files),
            kept=len(chosen),
            dropped={"over_cap": len(unpacked.files) - len(chosen)},
        ),
        facts={
            **facts,
            "version": unpacked.version,
            "archive_sha256": unpacked.archive_sha256,
            "files": len(chosen),
            "bytes": sum(file.size_bytes for file in chosen),
        },
    )


def source_facts(source: Source) -> dict[str, Json]:
    """The part of a source's `sources.json` row that the catalogue alone decides."""
    return {
        "ecosystem": source.ecosystem,
        "package": source.package,
        "version": source.version,
        "archive_sha256": source.sha256,
        "licence": source.licence,
        "licence_class": source.licence_class,
        "publish": source.publish,
        "category": source.category,
        "rows": source.rows.model_dump(mode="json") if source.rows else None,
        "files": 0,
        "bytes": 0,
        "skipped": None,
    }


def _list_user_files(name: str, folder: Path, shards: int, output: Path) -> ShardOutcome:
    found = list_folder(folder)
    hashes = hash_files(found, known_hashes(name, output))
    rows = [user_row(name, file, hashes.get(file.path)) for file in found]
    return ShardOutcome(
        files=write_shards(name, rows, shards, output),
        counts=Counts(documents_in=len(rows), kept=len(rows)),
        facts={
            "ecosystem": "folder",
            "package": folder.absolute().name,
            "version": None,
            "archive_sha256": None,
            "licence": USER_LICENCE,
            "licence_class": "permissive",
            "publish": "text",
            "category": None,
            "rows": None,
            "files": len(rows),
            "bytes": sum(file.size_bytes for file in found),
            "skipped": None,
        },
    )
