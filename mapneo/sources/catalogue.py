"""The catalogue of sources: which package holds which text, how to read it, on what terms.

The entries are data (`catalogue.toml`); this module gives them types and finds them by name.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, Self, TypeAlias

from pydantic import Field, ValidationError, model_validator

from mapneo.core.errors import ConfigError
from mapneo.core.stage import Config
from mapneo.core.tables import CATEGORIES

Ecosystem: TypeAlias = Literal["pypi", "npm", "apt"]
LicenceClass: TypeAlias = Literal["permissive", "share-alike", "noncommercial"]
Publish: TypeAlias = Literal["text", "ids", "never"]
ReaderName: TypeAlias = Literal["html", "text", "code", "pdf", "jsonl", "json", "sqlite"]


class JsonRows(Config):
    """How documents are cut from a JSON file (`.json`, `.json.gz`)."""

    path: str = ""
    """Keys from the top to a row, joined by dots; `*` walks a list. Empty: the whole file."""
    template: str
    """Text of a row: `{field}` is replaced by that field; a list becomes lines."""
    rows_per_document: int = Field(default=1, ge=1)
    """How many neighbouring rows make one document."""


class SqliteRows(Config):
    """How documents are cut from an SQLite database; rows come in the query's order."""

    query: str
    """A SELECT with an ORDER BY; its columns are the fields of the templates."""
    group_by: str
    """A document never holds rows with two values of this column."""
    break_at: str
    """A long enough document ends where this column changes."""
    min_document_bytes: int = Field(ge=0)
    """Bytes of row text (UTF-8) from which a document is long enough to end."""
    heading: str
    """Text at a document's start, filled from its first row."""
    break_heading: str
    """Text at each change of `break_at`, filled from the row that follows."""
    template: str
    """Text of a row."""


class Source(Config):
    """One entry: a part of one package that is read in one way."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    """Unique; the first part of every doc_id."""
    ecosystem: Ecosystem
    """Whose client fetches the package."""
    package: str
    """Name in that ecosystem."""
    version: str | None = None
    """Pinned for pypi and npm; for apt whatever the system offers, and recorded."""
    distribution: Literal["wheel", "sdist"] | None = None
    """Which file of a pypi release."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the archive; required for pypi and npm."""
    root: str
    """Folder inside the archive; paths in doc_ids start below it."""
    include: tuple[str, ...]
    """Shell patterns on the path below `root`; `*` also crosses `/`."""
    exclude: tuple[str, ...] = ()
    """Shell patterns of what to leave out again."""
    reader: ReaderName
    """How the files are read."""
    rows: JsonRows | SqliteRows | None = None
    """How a `json` or `sqlite` file is cut into documents."""
    category: str
    """Kind of text; one of the categories of docs/formats.md."""
    licence: str
    """SPDX expression, or a short name."""
    licence_class: LicenceClass
    """Whether it is used by default."""
    publish: Publish
    """What pages and releases may show of it."""
    language: str
    """What to expect; for people, never used by the code."""
    max_documents: int | None = Field(default=None, ge=1)
    """At most so many files, in the order of a hash of their paths."""
    max_bytes: int | None = Field(default=None, ge=1)
    """At most so many bytes of raw files, in the same order."""
    shards: int = Field(default=1, ge=1, le=1024)
    """Over how many shards the files are spread."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.category not in CATEGORIES:
            raise ValueError(f"category {self.category!r} is not one of {', '.join(CATEGORIES)}")
        if self.ecosystem != "apt" and not (self.version and self.sha256):
            raise ValueError(f"{self.ecosystem} sources need a version and a sha256")
        if (self.ecosystem == "pypi") != (self.distribution is not None):
            raise ValueError(
                "distribution (wheel or sdist) belongs to pypi sources, and only there"
            )
        expected = {"json": JsonRows, "sqlite": SqliteRows}.get(self.reader)
        if not (self.rows is None if expected is None else isinstance(self.rows, expected)):
            raise ValueError(f"the table `rows` does not fit the reader {self.reader}")
        return self

    @property
    def label(self) -> str:
        """Ecosystem, package and version, as a person would write them."""
        return f"{self.ecosystem} package {self.package}" + (
            f" {self.version}" if self.version else ""
        )


@cache
def load_catalogue() -> Mapping[str, Source]:
    """All sources that come with mapneo, by name."""
    text = files("mapneo.sources").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return parse_catalogue(text)


def parse_catalogue(text: str) -> Mapping[str, Source]:
    """Sources of a catalogue in TOML, by name.

    Raises:
        ConfigError: not TOML, an unknown or wrong field, or two entries of one name.
    """
    try:
        entries = tomllib.loads(text).get("source", [])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the source catalogue is not valid TOML: {error}") from error
    sources: dict[str, Source] = {}
    for number, entry in enumerate(entries, start=1):
        name = entry.get("name", f"number {number}")
        try:
            source = Source.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "entry"
            raise ConfigError(
                f"source {name} in the catalogue: {where}: {first['msg']}; correct the entry"
            ) from error
        if source.name in sources:
            raise ConfigError(f"two sources of the catalogue are both named {source.name}")
        sources[source.name] = source
    return sources


def choose_sources(
    names: Iterable[str],
    allowed: Iterable[LicenceClass],
    catalogue: Mapping[str, Source] | None = None,
) -> list[Source]:
    """The named sources, in the order of their names.

    Raises:
        ConfigError: a name is unknown (the nearest is suggested) or its licence is not allowed.
    """
    known = load_catalogue() if catalogue is None else catalogue
    allowed = frozenset(allowed)
    chosen = []
    for name in sorted(set(names)):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(sorted(known))}"
            )
            raise ConfigError(f"fetch.sources: there is no source named {name!r}; {hint}")
        source = known[name]
        if source.licence_class not in allowed:
            raise ConfigError(
                f"fetch.sources: {name} is {source.licence_class} ({source.licence}) and "
                f"only {', '.join(sorted(allowed))} material is allowed; take it off the list, or "
                f"add {source.licence_class!r} to fetch.allow (--allow-noncommercial allows all)"
            )
        chosen.append(source)
    return chosen
