"""`crawl.parquet`: one row per address; and the sums that the page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mapneo.core.tables import table_writer
from mapneo.sources.crawl.frontier import Frontier

_BATCH_ROWS = 4096

OUTCOME_SCHEMA = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("status", pa.int32()),
        pa.field("content_type", pa.string()),
        pa.field("charset", pa.string()),
        pa.field("wire_bytes", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("depth", pa.int32(), nullable=False),
        pa.field("redirects", pa.int32(), nullable=False),
        pa.field("attempts", pa.int32(), nullable=False),
        pa.field("referrer", pa.string()),
        pa.field("fetched", pa.string()),
        pa.field("seconds", pa.float64()),
        pa.field("robots", pa.string()),
        pa.field("noai", pa.bool_()),
        pa.field("noindex", pa.bool_()),
        pa.field("tdm_reserved", pa.bool_()),
        pa.field("tdm_policy", pa.string()),
        pa.field("tdm_where", pa.string()),
        pa.field("canonical", pa.string()),
        pa.field("target", pa.string()),
        pa.field("links", pa.int32()),
        pa.field("links_left_out", pa.int32()),
        pa.field("warc_file", pa.string()),
        pa.field("warc_offset", pa.int64()),
        pa.field("warc_bytes", pa.int64()),
    ]
)
"""Columns of `crawl.parquet`; see docs/formats.md."""

_SELECT = """
SELECT pages.*, referrers.url AS referrer_url, hosts.name AS host_name
FROM pages LEFT JOIN pages AS referrers ON referrers.id = pages.referrer
LEFT JOIN hosts ON hosts.id = pages.host
ORDER BY pages.url, pages.kind, pages.id
"""


@dataclass(frozen=True, kw_only=True)
class HostTotals:
    """Counts of one host."""

    name: str
    stored: int
    skipped: int
    failed: int
    queued: int
    wire_bytes: int


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What a crawl came to.

    Attributes:
        states: addresses by state.
        reasons: addresses by (state, reason), as `state.reason`.
        types: stored pages by content type.
        by_host: hosts, most pages first.
        samples: some addresses of each reason.
        hosts: hosts that were asked.
        wire_bytes: bytes of pages, as sent.
        seconds: time at work.
    """

    states: Mapping[str, int]
    reasons: Mapping[str, int]
    types: Mapping[str, int]
    by_host: Sequence[HostTotals]
    samples: Mapping[str, Sequence[str]]
    hosts: int
    wire_bytes: int
    seconds: float


def write_outcomes(frontier: Frontier, path: Path) -> Totals:
    """Write a row per address, sorted by address; gives the sums."""
    batch: list[dict[str, Any]] = []
    with table_writer(path, OUTCOME_SCHEMA) as add:
        for row in frontier.select(_SELECT):
            batch.append(_outcome(dict(row)))
            if len(batch) == _BATCH_ROWS:
                add(pa.Table.from_pylist(batch, OUTCOME_SCHEMA))
                batch.clear()
        add(pa.Table.from_pylist(batch, OUTCOME_SCHEMA))
    return _totals(frontier)


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    robots = row["robots"]
    directives = None if robots is None else robots.split()
    is_queued = row["state"] in ("queued", "in_flight")
    return {
        **{name: row[name] for name in OUTCOME_SCHEMA.names if name in row},
        "host": row["host_name"] or _host(row["url"]),
        "state": "queued" if is_queued else row["state"],
        "reason": "budget" if is_queued else row["reason"],
        "redirects": row["hops"],
        "referrer": row["referrer_url"],
        "noai": None if directives is None else bool({"noai", "noimageai"} & {*directives}),
        "noindex": None if directives is None else "noindex" in directives,
        "tdm_reserved": None if row["tdm"] is None else bool(row["tdm"]),
        "links_left_out": row["more_links"],
    }


def _host(url: str) -> str:
    """Host of an address that was never located, because it is out of bounds."""
    return url.partition("://")[2].partition("/")[0]


_SHOWN_HOSTS = 200
_SAMPLES = 20


def _totals(frontier: Frontier) -> Totals:
    states: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for row in frontier.select(
        "SELECT state, reason, COUNT(*) AS n FROM pages WHERE kind = 'page' "
        "GROUP BY state, reason ORDER BY state, n DESC, reason"
    ):
        is_queued = row["state"] in ("queued", "in_flight")
        state, reason = ("queued", "budget") if is_queued else (row["state"], row["reason"])
        states[state] = states.get(state, 0) + row["n"]
        name = f"{state}.{reason}"
        reasons[name] = reasons.get(name, 0) + row["n"]
    types = {
        row["content_type"]: row["n"]
        for row in frontier.select(
            "SELECT content_type, COUNT(*) AS n FROM pages WHERE warc_file IS NOT NULL "
            "GROUP BY content_type ORDER BY n DESC, content_type"
        )
    }
    hosts = _host_totals(frontier)
    return Totals(
        states=states,
        reasons=reasons,
        types=types,
        by_host=hosts[:_SHOWN_HOSTS],
        samples={name: _samples(frontier, name) for name in reasons},
        hosts=len(hosts),
        wire_bytes=int(frontier.fact("bytes", 0)),
        seconds=float(frontier.fact("seconds", 0.0)),
    )


def _host_totals(frontier: Frontier) -> list[HostTotals]:
    return [
        HostTotals(**dict(row))
        for row in frontier.select(
            "SELECT hosts.name AS name, SUM(warc_file IS NOT NULL) AS stored, "
            "SUM(state = 'skipped') AS skipped, SUM(state = 'failed') AS failed, "
            "SUM(state IN ('queued', 'in_flight')) AS queued, "
            "COALESCE(SUM(wire_bytes), 0) AS wire_bytes "
            "FROM pages JOIN hosts ON hosts.id = pages.host WHERE kind = 'page' "
            "GROUP BY hosts.id ORDER BY stored DESC, name"
        )
    ]


def _samples(frontier: Frontier, name: str) -> list[str]:
    state, _, reason = name.partition(".")
    if state == "queued":
        rows = frontier.select(
            "SELECT url FROM pages WHERE kind = 'page' AND state = 'queued' "
            "ORDER BY rank, id LIMIT ?",
            _SAMPLES,
        )
    else:
        rows = frontier.select(
            "SELECT url FROM pages WHERE kind = 'page' AND state = ? AND reason = ? "
            "ORDER BY id LIMIT ?",
            state,
            reason,
            _SAMPLES,
        )
    return [row["url"] for row in rows]
