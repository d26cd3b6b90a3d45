"""Lists that the released code reads and that mapneo does not carry: bad words and URLs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mapneo.core.errors import InputError

_SCHEMES = ("http://", "https://")


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Lists that the user brings; a rule whose list is missing is not measured."""

    bad_words: frozenset[str] | None = None
    """The released STRICT and HARD words, compared with tokens case by case."""
    url_prefixes: frozenset[str] | None = None
    """Entries of the UT1 `urls` files, without `http://`."""

    def has_url(self, url: str) -> bool:
        """Whether an address starts with an entry, at no boundary, as released."""
        for scheme in _SCHEMES:
            url = url.removeprefix(scheme)
        prefixes = self.url_prefixes or frozenset()
        return any(url[:size] in prefixes for size in sorted({len(entry) for entry in prefixes}))


NO_LISTS = Lists()
"""What mapneo carries of them: the bad-word lists have no licence, UT1's is CC BY-SA."""


def read_lists(bad_words: Sequence[Path] = (), urls: Sequence[Path] = ()) -> Lists:
    """Read lists from text files, one entry a line; blank lines and `#` comments are skipped.

    Raises:
        InputError: a file is missing or is not UTF-8 text.
    """
    return Lists(
        bad_words=_entries(bad_words) if bad_words else None,
        url_prefixes=_entries(urls) if urls else None,
    )


def _entries(paths: Sequence[Path]) -> frozenset[str]:
    entries: set[str] = set()
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise InputError(f"can't read the list {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"the list {path} is not UTF-8 text (byte {error.start})") from error
        entries.update(line.strip() for line in lines if line.strip() and line[0] != "#")
    return frozenset(entries)
