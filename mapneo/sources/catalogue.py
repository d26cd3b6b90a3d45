"""The catalogue of sources: which package holds which text, how to read it, on what terms.

The entries are data (`catalogue.toml`); this module gives them types and finds them by name.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from mapneo.core.errors import ConfigError
from mapneo.core.stage import Config
from mapneo.core.tables import CATEGORIES
from mapneo.sources.package import Package, nearest, parse_entries

LicenceClass: TypeAlias = Literal["permissive", "share-alike", "noncommercial"]
ReaderName: TypeAlias = Literal[
    "html", "text", "code", "pdf", "jsonl", "json", "sqlite", "parquet", "arrow", "warc"
]


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


class Source(Package):
    """One entry: a part of one package that is read in one way."""

    reader: ReaderName
    """How the files are read."""
    rows: JsonRows | SqliteRows | None = None
    """How a `json` or `sqlite` file is cut into documents."""
    category: str
    """Kind of text; one of the categories of docs/formats.md."""
    licence_class: LicenceClass
    """Whether it is used by default."""
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
        expected = {"json": JsonRows, "sqlite": SqliteRows}.get(self.reader)
        if not (self.rows is None if expected is None else isinstance(self.rows, expected)):
            raise ValueError(f"the table `rows` does not fit the reader {self.reader}")
        return self


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
    return parse_entries(text, "source", Source)


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
            raise ConfigError(
                f"fetch.sources: there is no source named {name!r}; {nearest(name, known)}"
            )
        source = known[name]
        if source.licence_class not in allowed:
            raise ConfigError(
                f"fetch.sources: {name} is {source.licence_class} ({source.licence}) and "
                f"only {', '.join(sorted(allowed))} material is allowed; take it off the list, or "
                f"add {source.licence_class!r} to fetch.allow (--allow-noncommercial allows all)"
            )
        chosen.append(source)
    return chosen
