"""The words on the page, by key, from one file per language."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from markupsafe import Markup


class Strings:
    """Looks words up; figures and other HTML put into a sentence keep their markup."""

    def __init__(self, locale: str = "en") -> None:
        """Read `strings.<locale>.toml`."""
        source = resources.files("mapneo.report").joinpath(f"strings.{locale}.toml")
        self._words = dict(_flat(tomllib.loads(source.read_text(encoding="utf-8"))))
        self.locale = locale

    def __call__(self, key: str, **parts: object) -> Markup:
        """The sentence under `key` with `parts` put in; what is not HTML in them is escaped."""
        return Markup(self._words[key]).format(**parts)  # noqa: S704

    def maybe(self, key: str, fallback: str) -> str:
        """The words under `key`, or `fallback`: for names that a stage or a user chose."""
        return self._words.get(key, fallback)

    def keys(self) -> list[str]:
        """All keys, sorted."""
        return sorted(self._words)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
