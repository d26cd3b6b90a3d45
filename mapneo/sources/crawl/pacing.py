"""Whose turn it is: one queue per host, each with a moment before which it is left alone."""

import heapq
from collections import Counter
from dataclasses import dataclass

from mapneo.sources.crawl.frontier import Frontier

_LONGEST_BACKOFF_SECONDS = 300.0
_SHORTEST_BACKOFF_SECONDS = 0.5


@dataclass(kw_only=True)
class Host:
    """What is known of a host in memory.

    Attributes:
        host_id: its row.
        name: its name.
        delay: seconds between requests.
        next_at: wall clock (seconds) before which it must not be asked.
        queued: addresses that wait.
        site_files: robots.txt and the like, queued or in flight; pages wait for them.
        active: requests that run.
        stored: pages stored.
        failures: failures to connect or answer, one after another.
    """

    host_id: int
    name: str
    delay: float
    next_at: float = 0.0
    queued: int = 0
    site_files: int = 0
    active: int = 0
    stored: int = 0
    failures: int = 0
    is_over: bool = False

    def started(self, now: float) -> None:
        """A request goes out."""
        self.queued -= 1
        self.active += 1
        self.next_at = max(self.next_at, now + self.delay)

    def succeeded(self) -> None:
        """The host answered."""
        self.failures = 0

    def failed(self, now: float) -> None:
        """The host did not answer, or said that it can't: wait twice as long each time."""
        self.failures += 1
        base = max(self.delay, _SHORTEST_BACKOFF_SECONDS)
        wait = min(base * 2 ** (self.failures - 1), _LONGEST_BACKOFF_SECONDS)
        self.next_at = max(self.next_at, now + wait)


class Turns:
    """Hosts by the moment of their next turn."""

    def __init__(self, per_host: int) -> None:
        """`per_host`: requests at once to a host."""
        self.hosts: dict[int, Host] = {}
        self._per_host = per_host
        self._heap: list[tuple[float, int]] = []
        self._listed: set[int] = set()

    def add(self, host: Host) -> None:
        """A host becomes known."""
        self.hosts[host.host_id] = host
        self.offer(host)

    def offer(self, host: Host) -> None:
        """Something about the host has changed: it may have a turn."""
        if self._can_run(host) and host.host_id not in self._listed:
            self._listed.add(host.host_id)
            heapq.heappush(self._heap, (host.next_at, host.host_id))

    def next(self, now: float) -> Host | None:
        """The host whose turn it is; the caller offers it again."""
        while self._heap and self._heap[0][0] <= now:
            _, host_id = heapq.heappop(self._heap)
            self._listed.discard(host_id)
            host = self.hosts[host_id]
            if not self._can_run(host):
                continue
            if host.next_at > now:
                self.offer(host)
                continue
            return host
        return None

    def next_moment(self) -> float | None:
        """When the next turn is; None if no host waits for the clock alone."""
        return self._heap[0][0] if self._heap else None

    @property
    def queued(self) -> int:
        """Addresses that wait at hosts that are not over."""
        return sum(host.queued for host in self.hosts.values() if not host.is_over)

    @property
    def active(self) -> int:
        """Requests that run."""
        return sum(host.active for host in self.hosts.values())

    def _can_run(self, host: Host) -> bool:
        """Site files are asked for one at a time, and nothing else meanwhile."""
        limit = 1 if host.site_files else self._per_host
        return host.queued > 0 and not host.is_over and host.active < limit


def known_hosts(frontier: Frontier) -> list[Host]:
    """The hosts that earlier runs met, with their queues."""
    queued: Counter[int] = Counter()
    site_files: Counter[int] = Counter()
    for row in frontier.select(
        "SELECT host, kind, COUNT(*) AS n FROM pages WHERE state = 'queued' GROUP BY host, kind"
    ):
        queued[row["host"]] += row["n"]
        site_files[row["host"]] += row["n"] if row["kind"] != "page" else 0
    stored = {
        row["host"]: row["n"]
        for row in frontier.select(
            "SELECT host, COUNT(*) AS n FROM pages WHERE warc_file IS NOT NULL GROUP BY host"
        )
    }
    return [
        Host(
            host_id=row["id"],
            name=row["name"],
            delay=row["delay"],
            next_at=row["next_at"],
            queued=queued[row["id"]],
            site_files=site_files[row["id"]],
            stored=stored.get(row["id"], 0),
        )
        for row in frontier.select("SELECT * FROM hosts ORDER BY id")
    ]
