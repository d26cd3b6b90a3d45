"""A package and what is taken out of it: what sources of text and packs of questions share.

Both are tables of a TOML file that comes with mapneo; `parse_entries` gives them types.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from typing import Literal, Self, TypeAlias, TypeVar

from pydantic import Field, ValidationError, model_validator

from mapneo.core.errors import ConfigError
from mapneo.core.stage import Config

Ecosystem: TypeAlias = Literal["pypi", "npm", "apt"]
Publish: TypeAlias = Literal["text", "ids", "never"]


class Package(Config):
    """A pinned package, the members that are wanted of it, and its terms."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    """Unique among its kind; the first part of every id of what is read from it."""
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
    """Folder inside the archive; paths in ids start below it."""
    include: tuple[str, ...]
    """Shell patterns on the path below `root`; `*` also crosses `/`."""
    exclude: tuple[str, ...] = ()
    """Shell patterns of what to leave out again."""
    licence: str
    """SPDX expression, or a short name."""
    publish: Publish
    """What pages and releases may show of it."""
    language: str
    """What to expect. For sources of text it is for people, never used by the code."""

    @model_validator(mode="after")
    def _is_pinned(self) -> Self:
        if self.ecosystem != "apt" and not (self.version and self.sha256):
            raise ValueError(f"{self.ecosystem} packages need a version and a sha256")
        if (self.ecosystem == "pypi") != (self.distribution is not None):
            raise ValueError(
                "distribution (wheel or sdist) belongs to pypi packages, and only there"
            )
        return self

    @property
    def label(self) -> str:
        """Ecosystem, package and version, as a person would write them."""
        return f"{self.ecosystem} package {self.package}" + (
            f" {self.version}" if self.version else ""
        )


P = TypeVar("P", bound=Package)


def parse_entries(text: str, table: Literal["source", "pack"], kind: type[P]) -> Mapping[str, P]:
    """The `[[table]]` entries of a catalogue in TOML, by name.

    Raises:
        ConfigError: not TOML, an unknown or wrong field, or two entries of one name.
    """
    try:
        entries = tomllib.loads(text).get(table, [])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the {table} catalogue is not valid TOML: {error}") from error
    found: dict[str, P] = {}
    for number, entry in enumerate(entries, start=1):
        name = entry.get("name", f"number {number}")
        try:
            package = kind.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "entry"
            raise ConfigError(
                f"{table} {name} in the catalogue: {where}: {first['msg']}; correct the entry"
            ) from error
        if package.name in found:
            raise ConfigError(f"two {table}s of the catalogue are both named {package.name}")
        found[package.name] = package
    return found


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that nothing has: the most similar one, or all there are."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(names)}"
