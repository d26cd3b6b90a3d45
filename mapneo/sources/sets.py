"""Sets of files at an address: what a recipe may say of them (`[[fetch.sets]]`)."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.core.stage import Config
from mapneo.core.tables import CATEGORIES
from mapneo.sources.addresses import is_remote
from mapneo.sources.catalogue import LicenceClass, ReaderName
from mapneo.sources.forms import OpenSet, RowForm, open_set

USER_LICENCE = "user"
_PATH_KEYS = ("files", "paths", "base", "huggingface")


class FileSet(Config):
    """Files that are read where they lie: on this machine, over HTTP, in an object store, on a hub.

    Files are named by `files`, by `paths`, or by `huggingface`; by nothing if the form of an open
    set names them.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    """First part of every id of what is read from it."""
    files: tuple[str, ...] = ()
    """Local paths or addresses (`https://`, `s3://`, `hf://`): files, folders, or wildcards."""
    paths: tuple[str, ...] = ()
    """Lists of paths, one a line, plain or packed, such as Common Crawl's `warc.paths.gz`."""
    base: str = ""
    """What is put before each path of the lists."""
    huggingface: str | None = None
    """Folder of a Hugging Face dataset: local, or `hf://datasets/<owner>/<name>`."""
    config: str = "default"
    """Which configuration of that dataset."""
    split: str = "train"
    """Which split of that dataset."""
    form: str | None = None
    """An open set whose form the rows have (`mapneo fetch --list` names them)."""
    row: RowForm | None = None
    """What the fields of a row mean, instead of `form`."""
    reader: ReaderName | None = None
    """How all files are read; left out, by the form or by each file's name."""
    category: str | None = None
    """Kind of text; left out, that of the form, else by reader."""
    licence: str | None = None
    """Terms; left out, the form's, then the dataset card's, then `user`."""
    licence_class: LicenceClass | None = None
    """Left out, the form's, else permissive: your files, your terms."""
    publish: Literal["text", "ids", "never"] | None = None
    """What a release may hold; left out, the form's, else text."""
    storage: Mapping[str, Json] = {}
    """Options of the file system, such as `{ anon = true }`; never credentials."""
    max_files: int | None = Field(default=None, ge=1)
    """At most so many files, in the order of a hash of their paths."""
    shards: int = Field(default=8, ge=1, le=65536)
    """Over how many shards the files are spread; a file is never cut over two."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        ways = [bool(self.files), bool(self.paths), self.huggingface is not None]
        known = None if self.form is None else open_set(self.form)
        if sum(ways) > 1 or (sum(ways) == 0 and not (known and known.files)):
            raise ValueError("name the files by one of files, paths or huggingface")
        if self.form is not None and self.row is not None:
            raise ValueError("give form or row, not both")
        if self.category is not None and self.category not in CATEGORIES:
            raise ValueError(f"category {self.category!r} is not one of {', '.join(CATEGORIES)}")
        if self.reader in ("json", "sqlite"):
            raise ValueError(f"the reader {self.reader} is for packages of the catalogue")
        return self

    @property
    def open_set(self) -> OpenSet | None:
        """The open set whose form it has."""
        return None if self.form is None else open_set(self.form)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Addresses of its files, the recipe's or upstream's."""
        known = self.open_set
        return self.files or (known.files if known else ())

    @property
    def row_form(self) -> RowForm | None:
        """What the fields of its rows mean; None for the usual names."""
        known = self.open_set
        return self.row or (known.row if known else None)

    @property
    def terms_class(self) -> LicenceClass:
        """Licence class of the set."""
        known = self.open_set
        return self.licence_class or (known.licence_class if known else "permissive")


def check_sets(
    sets: Iterable[FileSet], allowed: Iterable[LicenceClass], taken: Iterable[str]
) -> None:
    """Refuse sets that share a name with another source, or whose licence is not allowed.

    Raises:
        ConfigError: which, and what to do.
    """
    seen = set(taken)
    allowed = frozenset(allowed)
    for one in sets:
        if one.name in seen:
            raise ConfigError(f"fetch.sets: two sources are named {one.name}; rename one")
        seen.add(one.name)
        if one.terms_class not in allowed:
            raise ConfigError(
                f"fetch.sets: {one.name} is {one.terms_class} and only "
                f"{', '.join(sorted(allowed))} material is allowed; take it off, or add "
                f"{one.terms_class!r} to fetch.allow"
            )


def from_folder(folder: Path, table: Json) -> Json:
    """A set's table with its local paths made absolute, as seen from the recipe's folder."""
    if not isinstance(table, Mapping):
        return table  # the check of the recipe says what is wrong with it
    return {
        key: _absolute(folder, value) if key in _PATH_KEYS else value
        for key, value in table.items()
    }


def _absolute(folder: Path, value: Json) -> Json:
    if isinstance(value, list):
        return [_absolute(folder, each) for each in value]
    if not isinstance(value, str) or not value or is_remote(value):
        return value
    return str((folder / Path(value).expanduser()).resolve())
