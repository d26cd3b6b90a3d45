"""A crawl's recipe: seeds, who asks, what may be fetched, how much, and how politely."""

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mapneo.core.config import Config


def _is_web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError("not a URL") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address that starts with http:// or https://")
    return url


def _is_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def _is_network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError("expected an IP address or a network such as 10.0.0.0/8") from error
    return text


def _is_endpoint(text: str) -> str:
    address, colon, port = text.rpartition(":")
    try:
        ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        colon = ""
    if not colon or not port.isdigit():
        raise ValueError("expected ADDRESS:PORT, such as 127.0.0.1:8000")
    return text


WebAddress = Annotated[str, AfterValidator(_is_web_address)]
Pattern = Annotated[str, AfterValidator(_is_pattern)]
Network = Annotated[str, AfterValidator(_is_network)]
Endpoint = Annotated[str, AfterValidator(_is_endpoint)]


class CrawlConfig(Config):
    """What the crawl is called and where it begins."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Name of the crawl's folder and of its WARC files."""
    seeds: tuple[WebAddress, ...] = Field(min_length=1)
    """Addresses to begin with; their hosts are in scope."""


class AgentConfig(Config):
    """Who asks. Sites must be able to name the crawler in robots.txt, and to reach its owner."""

    product: str = Field(pattern=r"^[A-Za-z_-]+$")
    """Product token that robots.txt names (RFC 9309: letters, `_` and `-`)."""
    version: str = Field(default="1.0", pattern=r"^[0-9A-Za-z.+-]+$")
    """Version in the User-Agent header."""
    contact: str = Field(pattern=r"^(https?://\S+\.\S+|mailto:\S+@\S+|[^\s@()]+@[^\s@()]+)$")
    """A page about the crawler, or an e-mail address; sent with every request."""

    @property
    def header(self) -> str:
        """The User-Agent header."""
        contact = f"+{self.contact}" if self.contact.startswith("http") else self.contact
        return f"{self.product}/{self.version} ({contact})"


class ScopeConfig(Config):
    """Which addresses may be fetched. All conditions must hold."""

    hosts: tuple[str, ...] = ()
    """Hosts beside those of the seeds; `*.example.org` is the host with all below it."""
    paths: tuple[str, ...] = ()
    """Beginnings that a path must have one of, such as `/docs/`; empty: any path."""
    allow: tuple[Pattern, ...] = ()
    """Regular expressions, one of which an address must match somewhere; empty: any address."""
    deny: tuple[Pattern, ...] = ()
    """Regular expressions, none of which an address may match."""
    ignore_parameters: tuple[str, ...] = (
        "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "fbclid", "gclid",
        "PHPSESSID", "jsessionid",
    )  # fmt: skip
    """Parameters of a query that do not change the page; addresses are compared without them."""
    opt_out: tuple[str, ...] = ()
    """Files of domains and addresses that are never fetched (docs/formats.md)."""


class BudgetConfig(Config):
    """When to stop. What is left stays queued: a larger budget goes on from there."""

    pages: int = Field(default=10_000, ge=1)
    """Pages stored."""
    pages_per_host: int | None = Field(default=None, ge=1)
    """Pages stored of one host."""
    megabytes: float | None = Field(default=None, gt=0)
    """10^6 bytes received of pages, as sent."""
    depth: int = Field(default=30, ge=0)
    """Links from a seed; seeds have depth 0."""
    hours: float | None = Field(default=None, gt=0)
    """Time at work, over all starts of the crawl."""


class PolitenessConfig(Config):
    """How hard a host may be asked; robots.txt can only slow this down."""

    delay_seconds: float = Field(default=1.0, ge=0)
    """Between two requests to a host; its Crawl-delay counts if it is longer."""
    per_host: int = Field(default=1, ge=1, le=16)
    """Requests at once to a host."""
    concurrency: int = Field(default=16, ge=1, le=256)
    """Requests at once in all."""
    max_crawl_delay_seconds: float = Field(default=60, ge=0)
    """A host that asks for a longer Crawl-delay is not crawled."""
    patience_seconds: float = Field(default=900, ge=0)
    """If every host left asks to wait longer (Retry-After), the crawl ends; it can go on later."""
    attempts: int = Field(default=3, ge=1, le=10)
    """Requests for a page before its error is final."""


class LimitsConfig(Config):
    """Limits on one answer."""

    page_megabytes: float = Field(default=10, gt=0)
    """10^6 bytes, as sent."""
    unpacked_megabytes: float = Field(default=20, gt=0)
    """10^6 bytes, after Content-Encoding is undone."""
    seconds: float = Field(default=60, gt=0)
    """From the request to the last byte."""
    redirects: int = Field(default=5, ge=0)
    """Redirects that follow each other."""
    content_types: tuple[str, ...] = ("text/html", "application/xhtml+xml", "text/plain")
    """Media types that are stored; of others only the header is read."""
    links_per_page: int = Field(default=10_000, ge=0)
    """Links taken of one page, in its order."""


class TrapsConfig(Config):
    """Signs of a site that makes addresses without end, such as a calendar."""

    url_chars: int = Field(default=2000, ge=20)
    """Longest address."""
    segment_repeats: int = Field(default=3, ge=1)
    """How often a path may hold the same part (`/a/b/a/b/a/b`: 3 times)."""
    parameters: int = Field(default=8, ge=0)
    """Parameters of a query."""
    queries_per_path: int = Field(default=200, ge=0)
    """Different queries to one path."""
    pages_per_directory: int = Field(default=10_000, ge=1)
    """Addresses of one directory; digits count as equal, so `/2026/07/` and `/2025/06/` are one."""


class ReservationsConfig(Config):
    """What to do with pages that ask something of readers; recorded for each page in any case.

    robots.txt and reservations of text and data mining (TDMRep) are always obeyed.
    """

    noai: Literal["skip", "keep"] = "skip"
    """Pages marked `noai` or `noimageai`."""
    noindex: Literal["skip", "keep"] = "keep"
    """Pages marked `noindex`, which is meant for search."""


class NetworkConfig(Config):
    """Exceptions for crawls of one's own network; the public internet needs none."""

    allow_addresses: tuple[Network, ...] = ()
    """Addresses or networks, otherwise refused as not public, that may be connected to."""
    hosts: dict[str, Endpoint] = {}
    """Host → ADDRESS:PORT to connect to, in place of a look-up."""


class OutputConfig(Config):
    """What is written."""

    warc_megabytes: float = Field(default=1000, gt=0)
    """A WARC file that has reached this size (10^6 bytes) is followed by another."""


class CrawlRecipe(Config):
    """All tables of a crawl's recipe."""

    crawl: CrawlConfig
    agent: AgentConfig
    scope: ScopeConfig = ScopeConfig()
    budget: BudgetConfig = BudgetConfig()
    politeness: PolitenessConfig = PolitenessConfig()
    limits: LimitsConfig = LimitsConfig()
    traps: TrapsConfig = TrapsConfig()
    reservations: ReservationsConfig = ReservationsConfig()
    network: NetworkConfig = NetworkConfig()
    output: OutputConfig = OutputConfig()
