"""Lists that the released code reads and that mapneo does not carry: bad words and URLs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mapneo.curate.bad_words import BadWordList, entries_of, read_entries
from mapneo.curate.url_sources import UrlListSource, list_files

_SCHEMES = ("http://", "https://")
_LANGUAGE = "en"


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
        return any(url[:size] in prefixes for size in self._sizes)

    @cached_property
    def _sizes(self) -> list[int]:
        return sorted({len(entry) for entry in self.url_prefixes or ()})


NO_LISTS = Lists()
"""What mapneo carries of them: the bad-word lists have no licence, UT1's is CC BY-SA."""


def read_lists(
    bad_words: Sequence[BadWordList] = (), url_lists: Sequence[UrlListSource] = ()
) -> Lists:
    """The lists of a `mapneo.curate.scores.ScoresConfig`, as the released code reads them.

    Bad words are those for English, as they are written. Of URL lists the `urls` files count, in
    all categories, and the far larger `domains` files do not.

    Raises:
        InputError: a file is missing or can't be read, or is not UTF-8 text.
        ConfigError: a URL list has no category.
    """
    words = [
        word
        for listed in bad_words
        if listed.language == _LANGUAGE
        for _, word in read_entries(listed.path)
    ]
    pages = [
        url
        for source in url_lists
        for file in list_files(source)
        if file.is_page_list
        for _, url in entries_of(file.read(), file.name)
    ]
    return Lists(
        bad_words=frozenset(words) if words else None,
        url_prefixes=frozenset(pages) if pages else None,
    )
