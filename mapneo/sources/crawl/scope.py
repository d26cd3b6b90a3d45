"""Addresses: the one spelling they are compared in, and whether a crawl may go there."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urljoin, urlsplit

from w3lib.url import canonicalize_url, safe_url_string, url_query_cleaner

from mapneo.sources.crawl.addresses import AddressPolicy, is_literal
from mapneo.sources.crawl.config import CrawlRecipe
from mapneo.sources.crawl.optout import OptOuts

_DIGITS = re.compile(r"\d+")
_SESSION = re.compile(r";jsessionid=[^?/;]*", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Link:
    """An address as it is asked for, and the key that equal addresses share.

    Attributes:
        url: percent-encoded, without fragment.
        key: canonical form: parameters sorted, those that change nothing left out.
        host: lower case, without port.
        origin: scheme, host and port: what a robots.txt speaks for.
    """

    url: str
    key: str
    host: str
    origin: str


def resolve_link(
    base: str, reference: str, encoding: str = "utf-8", ignore: tuple[str, ...] = ()
) -> Link | None:
    """What a reference on a page leads to; None if it is no address on the web.

    Args:
        base: address that references start from.
        reference: as it stands on the page.
        encoding: encoding of the page, in which browsers write the letters of a query.
        ignore: parameters that are left out of the key.
    """
    try:
        absolute = urljoin(base, reference.strip()).partition("#")[0]
    except ValueError:  # a bracket without its fellow
        return None
    return _normal(absolute, encoding, ignore)


@lru_cache(maxsize=1 << 15)
def _normal(address: str, encoding: str, ignore: tuple[str, ...]) -> Link | None:
    """Kept for the next page: those of a site lead to much the same addresses."""
    try:
        parts = urlsplit(safe_url_string(address, encoding=encoding))
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            return None
        url = _without_extras(parts)
        plain = _SESSION.sub("", url)
        cleaned = url_query_cleaner(plain, ignore, remove=True, unique=False) if ignore else plain
        key = canonicalize_url(cleaned, encoding=encoding)
        parts = urlsplit(url)
        host = parts.hostname or ""
    except (ValueError, UnicodeError):  # a port that is none
        return None
    return Link(url=url, key=key, host=host, origin=f"{parts.scheme}://{parts.netloc}")


def _without_extras(parts: SplitResult) -> str:
    """Without fragment, user name and default port; an empty path is `/`."""
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    netloc = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    return SplitResult(parts.scheme, netloc, parts.path or "/", parts.query, "").geturl()


class Scope:
    """Says of an address why it is not to be fetched, as far as the address alone tells."""

    def __init__(self, recipe: CrawlRecipe, opt_outs: OptOuts, policy: AddressPolicy) -> None:
        """Compile the recipe's patterns."""
        seeds = [resolve_link(seed, "") for seed in recipe.crawl.seeds]
        hosts = {seed.host for seed in seeds if seed} | {
            name.lower() for name in recipe.scope.hosts
        }
        self._hosts = frozenset(name for name in hosts if not name.startswith("*."))
        self._suffixes = tuple(name[1:] for name in hosts if name.startswith("*."))
        self._paths = recipe.scope.paths
        self._allow = [re.compile(pattern) for pattern in recipe.scope.allow]
        self._deny = [re.compile(pattern) for pattern in recipe.scope.deny]
        self._traps = recipe.traps
        self._opt_outs = opt_outs
        self._policy = policy

    def refusal(self, link: Link) -> str | None:
        """The reason why the address is out of bounds; None if it may be fetched."""
        if not self._is_known_host(link.host):
            return "other_host"
        if link.url in self._opt_outs:
            return "opted_out"
        if is_literal(link.host) and not self._policy.permits(link.host):
            return "private_address"
        parts = urlsplit(link.url)
        if self._paths and not parts.path.startswith(self._paths):
            return "other_path"
        if self._allow and not any(pattern.search(link.url) for pattern in self._allow):
            return "not_allowed"
        if any(pattern.search(link.url) for pattern in self._deny):
            return "denied"
        return self._trap(link.url, parts)

    def _is_known_host(self, host: str) -> bool:
        return host in self._hosts or any(
            host.endswith(suffix) or host == suffix[1:] for suffix in self._suffixes
        )

    def _trap(self, url: str, parts: SplitResult) -> str | None:
        if len(url) > self._traps.url_chars:
            return "trap_long_url"
        segments = [part for part in parts.path.split("/") if part]
        repeats = max((segments.count(part) for part in set(segments)), default=0)
        if repeats > self._traps.segment_repeats:
            return "trap_repeated_path"
        if parts.query and parts.query.count("&") + 1 > self._traps.parameters:
            return "trap_parameters"
        return None


def trap_counters(link: Link) -> list[tuple[str, str]]:
    """Counters that an address adds to: (kind, name), kind `query` or `directory`."""
    parts = urlsplit(link.key)
    directory = _DIGITS.sub("#", parts.path.rpartition("/")[0])
    counters = [("directory", f"{parts.netloc}{directory}/")]
    if parts.query:
        counters.append(("query", f"{parts.netloc}{parts.path}"))
    return counters
