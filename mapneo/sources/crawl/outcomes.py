"""Every way in which an address can end, in words; the state each belongs to."""

from collections.abc import Mapping
from types import MappingProxyType

from mapneo.sources.crawl.frontier import State

DONE: Mapping[str, str] = MappingProxyType(
    {
        "stored": "fetched and stored",
        "copy": "fetched; same bytes as a stored page, so only noted (WARC revisit)",
        "redirect": "leads to another address, which is queued",
        "site_file": "robots.txt or tdmrep.json, read",
        "no_site_file": "the site has no such file",
    }
)
SKIPPED: Mapping[str, str] = MappingProxyType(
    {
        "other_host": "host is not in scope",
        "other_path": "path is not in scope",
        "not_allowed": "matches none of scope.allow",
        "denied": "matches one of scope.deny",
        "opted_out": "on an opt-out list",
        "private_address": "the address is not public",
        "too_deep": "more links from a seed than budget.depth",
        "too_many_redirects": "more redirects in a row than limits.redirects",
        "trap_long_url": "trap: longer than traps.url_chars",
        "trap_repeated_path": "trap: a part of the path repeats more than traps.segment_repeats",
        "trap_parameters": "trap: more parameters than traps.parameters",
        "trap_queries": "trap: more queries to one path than traps.queries_per_path",
        "trap_directory": "trap: more addresses in one directory than traps.pages_per_directory",
        "robots": "robots.txt forbids it",
        "robots_unreachable": "robots.txt can't be had, which forbids all (RFC 9309)",
        "crawl_delay": "robots.txt asks for a longer delay than politeness.max_crawl_delay_seconds",
        "tdm_reserved": "text and data mining is reserved",
        "noai": "asks not to be used for AI",
        "noindex": "asks not to be indexed",
        "content_type": "not one of limits.content_types",
        "empty": "the body is empty",
    }
)
FAILED: Mapping[str, str] = MappingProxyType(
    {
        "dns": "the host's name has no address",
        "refused": "no connection",
        "tls": "no secure connection, or a wrong certificate",
        "timeout": "took longer than limits.seconds",
        "lost": "the connection broke",
        "truncated": "fewer bytes than Content-Length says",
        "too_large": "more bytes than limits.page_megabytes",
        "unpacked_too_large": "unpacks to more than limits.unpacked_megabytes",
        "undecodable": "Content-Encoding can't be undone",
        "bad_answer": "not an answer over HTTP",
        "bad_redirect": "redirects to what is no address",
        "host_down": "the host did not answer many times in a row",
        "interrupted": "was in flight whenever the crawl ended",
        "internal": "an error of the crawler itself",
    }
)
QUEUED: Mapping[str, str] = MappingProxyType(
    {
        "budget": "left in the queue when the crawl ended",
        "host_budget": "left in the queue: budget.pages_per_host",
    }
)
ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "finished": "every address in scope was fetched or refused",
        "pages": "budget.pages is reached",
        "megabytes": "budget.megabytes is reached",
        "hours": "budget.hours is reached",
        "waiting": "the hosts that are left ask to wait longer than politeness.patience_seconds",
    }
)


def state_of(reason: str) -> State:
    """Done, skipped or failed, by reason; `http_404` and the like failed."""
    if reason in DONE:
        return "done"
    return "skipped" if reason in SKIPPED else "failed"


def in_words(reason: str) -> str:
    """A reason for people."""
    if reason.startswith("http_"):
        return f"the server answers {reason.removeprefix('http_')}"
    for table in (DONE, SKIPPED, FAILED, QUEUED, ENDINGS):
        if reason in table:
            return table[reason]
    return reason
