"""Open sets as data: where their files lie, which field of a row means what, on what terms.

The entries are `open_sets.toml`; each cites the schema that upstream publishes and says whether a
real file of the set was ever read by mapneo. What the fields give, `rows_of_form.py` builds.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from mapneo.core.errors import ConfigError
from mapneo.core.stage import Config
from mapneo.core.tables import CATEGORIES
from mapneo.sources.catalogue import LicenceClass
from mapneo.sources.package import nearest


class Companion(Config):
    """Files that stand row by row beside the documents, such as quality signals."""

    replace: Mapping[str, str] = Field(min_length=1)
    """Parts of the document file's address → what stands there in the companion's."""
    keep: tuple[str, ...]
    """Fields of the companion's row that are kept as signals."""


class RowForm(Config):
    """Which field of a row means what; a dot leads into a field of a field."""

    text: tuple[str, ...] = ("text", "content", "raw_content")
    """Fields that may hold the text; the first that the row has as a string is taken."""
    template: str | None = None
    """Instead of `text`: a text with `{field}` in it; lines whose fields are all empty go."""
    id: str | None = None
    """Upstream's id, kept in `meta.id`."""
    url: tuple[str, ...] = ("url", "source_url")
    """Fields that may hold the page's address."""
    fetched: str | None = None
    """When upstream fetched the page."""
    licence: str | None = None
    """Licence of this row, a string or a list; where it is absent, the set's licence holds."""
    signals: tuple[str, ...] = ()
    """Numbers and labels that upstream measured, kept in `meta.signals`."""
    keep: tuple[str, ...] | None = None
    """Other fields kept in `meta`; left out, all of them."""
    json_fields: tuple[str, ...] = ()
    """Fields that hold JSON as a string; they are read before anything else is looked up."""
    companion: Companion | None = None
    """Files beside the documents that hold more signals."""


class OpenSet(Config):
    """One entry: an open set of documents, as upstream lays it out."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    """Name in a recipe (`form = "fineweb"`)."""
    title: str
    """Name as people write it."""
    files: tuple[str, ...] = ()
    """Addresses of upstream's files with wildcards; a mirror may be named in the recipe instead."""
    reader: Literal["jsonl", "parquet"]
    """Format of upstream's files."""
    category: str
    """Kind of text."""
    language: str
    """What to expect; the code never looks at it."""
    licence: str
    """Terms as upstream states them."""
    licence_class: LicenceClass
    """Whether it is used by default."""
    publish: Literal["text", "ids", "never"]
    """What a release may hold of it."""
    schema_source: str
    """Where upstream describes the fields."""
    verified_on_real_file: bool
    """Whether mapneo has read a real file of the set; if not, only files of the same form."""
    contents: Literal["here", "elsewhere"] = "here"
    """Whether the rows hold the text; see `note` where they do not."""
    note: str = ""
    """What one must know to use it."""
    row: RowForm
    """What its fields mean."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.category not in CATEGORIES:
            raise ValueError(f"category {self.category!r} is not one of {', '.join(CATEGORIES)}")
        if self.contents == "elsewhere" and not self.note:
            raise ValueError("contents elsewhere need a note that says where")
        return self


@cache
def load_open_sets() -> Mapping[str, OpenSet]:
    """All open sets that mapneo knows, by name.

    Raises:
        ConfigError: an entry is wrong.
    """
    text = files("mapneo.sources").joinpath("open_sets.toml").read_text(encoding="utf-8")
    found: dict[str, OpenSet] = {}
    for entry in tomllib.loads(text)["set"]:
        try:
            known = OpenSet.model_validate(entry)
        except ValidationError as error:
            raise ConfigError(f"open set {entry.get('name')}: {error.errors()[0]}") from error
        if known.name in found:
            raise ConfigError(f"two open sets are both named {known.name}")
        found[known.name] = known
    return found


def open_set(name: str) -> OpenSet:
    """The open set of this name.

    Raises:
        ConfigError: there is none (the nearest is suggested), or its rows hold no text.
    """
    known = load_open_sets()
    if name not in known:
        raise ConfigError(
            f"fetch.sets: there is no open set named {name!r}; {nearest(name, known)}"
        )
    if known[name].contents == "elsewhere":
        raise ConfigError(f"fetch.sets: {known[name].title} has no text in it: {known[name].note}")
    return known[name]
