"""Lists of domains and addresses that must not be fetched, nor kept.

One entry a line, UTF-8; `#` begins a comment. `example.org` is the domain with all below it;
`example.org/people/` or `https://example.org/people/` is that page and all below it, by either
scheme; a `www.` counts as absent.
"""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mapneo.core.errors import ConfigError, InputError

_BOUNDARIES = "/?#"


class OptOuts:
    """Answers whether an address is on a list."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """`entries`: lines without comments.

        Raises:
            ConfigError: an entry names no host.
        """
        self._domains: set[str] = set()
        self._pages: dict[str, set[str]] = {}
        for entry in entries:
            host, path = _key(entry)
            if not host or any(char.isspace() for char in entry):
                raise ConfigError(
                    f"{entry!r} in an opt-out list is no domain and no address: write "
                    "example.org, or https://example.org/path/"
                )
            if path:
                self._pages.setdefault(host, set()).add(path)
            else:
                self._domains.add(host)

    def __contains__(self, url: str) -> bool:
        """Whether the address, its domain, or something above it is listed."""
        host, path = _key(url)
        labels = host.split(".")
        if any(".".join(labels[start:]) in self._domains for start in range(len(labels))):
            return True
        return any(_is_below(path, page) for page in self._pages.get(host, ()))


def _is_below(path: str, page: str) -> bool:
    return path.startswith(page) and (len(path) == len(page) or path[len(page)] in _BOUNDARIES)


def _key(text: str) -> tuple[str, str]:
    """Host without `www.`, in lower case and punycode; path without its last slash, decoded."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host = (parts.hostname or "").removesuffix(".")
        host = host.encode("idna").decode("ascii") if host and not host.isascii() else host
    except (ValueError, UnicodeError):
        return "", ""
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return host.removeprefix("www.").removeprefix("*."), unquote(path.rstrip("/"))


def read_opt_outs(paths: Iterable[Path]) -> OptOuts:
    """The entries of some lists.

    Raises:
        InputError: a list is missing or is not UTF-8.
        ConfigError: an entry names no host.
    """
    entries: list[str] = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the opt-out list {path} can't be read: {error}") from error
        entries += [line.partition("#")[0].strip() for line in lines]
    return OptOuts(entry for entry in entries if entry)
