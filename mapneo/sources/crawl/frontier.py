"""The frontier: every address a crawl has met, and where it stands, in SQLite.

An address is queued → in_flight → done, failed or skipped; kill -9 at any moment leaves the state
of the last commit, and what was in flight then is queued again. SQLite's write-ahead log gives
that without a flush to disk per page. A failing machine, which can lose what was not flushed,
costs at most the last moments: the log stays whole, and `archive.py` checks what it speaks of.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from mapneo.core.errors import ManifestError
from mapneo.sources.crawl.scope import Link

Kind = Literal["page", "robots", "tdm"]
State = Literal["queued", "in_flight", "done", "failed", "skipped"]

FINAL = ("done", "failed", "skipped")
_LATER = 100_000  # rank of a page that failed is behind that of all that did not
_MAX_INTERRUPTED_STARTS = 10
_RANKS: Mapping[str, int] = {"robots": -2, "tdm": -1}


@dataclass(frozen=True, kw_only=True)
class Task:
    """An address taken from the queue.

    Attributes:
        page_id: its row.
        link: the address.
        kind: a page, or one of the two files that speak for a site.
        host_id: whose turn it was.
        origin_id: the site.
        depth: links from a seed.
        hops: redirects that led here.
        attempts: how often it failed before.
    """

    page_id: int
    link: Link
    kind: Kind
    host_id: int
    origin_id: int
    depth: int
    hops: int
    attempts: int


@dataclass(frozen=True, kw_only=True)
class NewPage:
    """An address that was found: where, how deep, and why it is refused, if it is."""

    link: Link
    host_id: int
    origin_id: int
    depth: int
    hops: int = 0
    kind: Kind = "page"
    referrer: int | None = None
    refusal: str | None = None


class Frontier:
    """The tables of a crawl; nothing is kept before `commit`."""

    def __init__(self, path: Path) -> None:
        """Open or begin a frontier.

        Raises:
            ManifestError: the file is no frontier, or is damaged.
        """
        self._db = sqlite3.connect(path)
        self._db.row_factory = sqlite3.Row
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            sql = resources.files(__package__).joinpath("frontier.sql").read_text(encoding="utf-8")
            self._db.executescript(sql)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise ManifestError(
                f"{path} can't be read as a crawl's frontier ({error}): choose another --output, "
                "or move the folder away to begin again"
            ) from error

    def close(self) -> None:
        """Drop what is not committed and close the file."""
        self._db.close()

    def commit(self) -> None:
        """Keep all changes since the last commit."""
        self._db.commit()

    def rollback(self) -> None:
        """Drop all changes since the last commit."""
        self._db.rollback()

    def resume(self) -> int:
        """Queue again what was in flight when the crawl ended; returns how many.

        A page that was in flight at many ends is likely their cause, and is given up.
        """
        self._db.execute(
            "UPDATE pages SET state = 'failed', reason = 'interrupted' "
            "WHERE state = 'in_flight' AND starts - attempts > ?",
            (_MAX_INTERRUPTED_STARTS,),
        )
        count = self._db.execute(
            "UPDATE pages SET state = 'queued' WHERE state = 'in_flight'"
        ).rowcount
        self.commit()
        return count

    def fact(self, name: str, default: Any = None) -> Any:
        """A fact about the whole crawl."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return default if row is None else row[0]

    def set_fact(self, name: str, value: Any) -> None:
        """Set a fact about the whole crawl."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def add(self, page: NewPage) -> bool:
        """Note an address; False if it is known."""
        link, depth = page.link, page.depth
        rank = _RANKS.get(page.kind, depth)
        state, reason = ("skipped", page.refusal) if page.refusal else ("queued", "")
        key = link.key if page.kind == "page" else f"{page.kind} {page.origin_id}"
        added = self._db.execute(
            "INSERT OR IGNORE INTO pages (key, url, kind, host, origin, depth, hops, referrer, "
            "state, reason, rank) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, link.url, page.kind, page.host_id, page.origin_id, depth, page.hops,
             page.referrer, state, reason, rank),
        )  # fmt: skip
        return added.rowcount == 1

    def move_up(self, link: Link, depth: int) -> None:
        """A queued address was met nearer to a seed than before, if it was."""
        self._db.execute(
            "UPDATE pages SET depth = ?, rank = ? "
            "WHERE key = ? AND state = 'queued' AND attempts = 0 AND depth > ?",
            (depth, depth, link.key, depth),
        )

    def revive(self, link: Link, depth: int) -> int | None:
        """Queue an address that was too deep and is met less deep; gives its host."""
        row = self._db.execute(
            "UPDATE pages SET state = 'queued', reason = '', depth = ?, rank = ? "
            "WHERE key = ? AND reason = 'too_deep' RETURNING host",
            (depth, depth, link.key),
        ).fetchone()
        return None if row is None else int(row[0])

    def count_up(self, kind: str, name: str, limit: int) -> bool:
        """Add one to a counter; False, and no change, if it has reached its limit."""
        row = self._db.execute(
            "INSERT INTO traps VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1 "
            "WHERE count < ? RETURNING count",
            (kind, name, limit),
        ).fetchone()
        return row is not None

    def is_known(self, key: str) -> bool:
        """Whether an address has been met."""
        return self._db.execute("SELECT 1 FROM pages WHERE key = ?", (key,)).fetchone() is not None

    def take(self, host_id: int) -> Task | None:
        """The host's next address, now in flight; None if it has none."""
        row = self._db.execute(
            "UPDATE pages SET state = 'in_flight', starts = starts + 1 WHERE id = ("
            "SELECT id FROM pages WHERE state = 'queued' AND host = ? ORDER BY rank, id LIMIT 1"
            ") RETURNING *, (SELECT name FROM hosts WHERE id = host) AS host_name, "
            "(SELECT name FROM origins WHERE id = origin) AS origin_name",
            (host_id,),
        ).fetchone()
        return None if row is None else _task(row)

    def settle(self, page_id: int, state: State, reason: str, **columns: Any) -> None:
        """Write where an address stands and what is known of it."""
        values = {"state": state, "reason": reason, **columns}
        names = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(f"UPDATE pages SET {names} WHERE id = ?", (*values.values(), page_id))  # noqa: S608

    def retry(self, task: Task, reason: str, **columns: Any) -> None:
        """Queue an address again, behind those that did not fail."""
        attempts = task.attempts + 1
        rank = _RANKS.get(task.kind, task.depth + _LATER * attempts)
        self.settle(task.page_id, "queued", reason, attempts=attempts, rank=rank, **columns)

    def first_with(self, sha256: str) -> sqlite3.Row | None:
        """The stored page with these contents, if there is one."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT id, url, fetched FROM pages WHERE sha256 = ? AND reason = 'stored'", (sha256,)
        ).fetchone()
        return row

    def referrer_url(self, page_id: int) -> str | None:
        """The page that an address was first met on; None for a seed."""
        row = self._db.execute(
            "SELECT url FROM pages WHERE id = (SELECT referrer FROM pages WHERE id = ?)",
            (page_id,),
        ).fetchone()
        return None if row is None else str(row[0])

    def host_id(self, name: str, delay_seconds: float) -> tuple[int, bool]:
        """A host's row, and whether it is new."""
        return self._named("hosts", name, delay=delay_seconds)

    def origin_id(self, name: str, host_id: int) -> tuple[int, bool]:
        """A site's row, and whether it is new."""
        return self._named("origins", name, host=host_id)

    def _named(self, table: str, name: str, **columns: Any) -> tuple[int, bool]:
        row = self._db.execute(f"SELECT id FROM {table} WHERE name = ?", (name,)).fetchone()  # noqa: S608
        if row is not None:
            return row[0], False
        names = ", ".join(["name", *columns])
        marks = ", ".join("?" for _ in range(len(columns) + 1))
        cursor = self._db.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            (name, *columns.values()),
        )
        return int(cursor.lastrowid or 0), True

    def update(self, table: Literal["hosts", "origins"], row_id: int, **columns: Any) -> None:
        """Change columns of a host or site."""
        names = ", ".join(f"{name} = ?" for name in columns)
        self._db.execute(f"UPDATE {table} SET {names} WHERE id = ?", (*columns.values(), row_id))  # noqa: S608

    def select(self, sql: str, *values: Any) -> Iterator[sqlite3.Row]:
        """Rows of a query that changes nothing."""
        return iter(self._db.execute(sql, values))

    def warcs(self) -> dict[str, tuple[int, int]]:
        """WARC files by name: bytes that count, and how many of them are surely on disk."""
        rows = self._db.execute("SELECT name, bytes, safe_bytes FROM warcs ORDER BY name")
        return {row[0]: (row[1], row[2]) for row in rows}

    def set_warc(self, name: str, size_bytes: int, safe_bytes: int) -> None:
        """Write how much of a WARC file counts."""
        self._db.execute(
            "INSERT OR REPLACE INTO warcs VALUES (?, ?, ?)", (name, size_bytes, safe_bytes)
        )

    def forget_records(self, name: str, from_bytes: int) -> int:
        """Queue again the pages whose records end behind a place in a WARC file."""
        return self._db.execute(
            "UPDATE pages SET state = 'queued', reason = '', sha256 = NULL, warc_file = NULL "
            "WHERE warc_file = ? AND warc_offset + warc_bytes > ?",
            (name, from_bytes),
        ).rowcount


def _task(row: sqlite3.Row) -> Task:
    link = Link(url=row["url"], key=row["key"], host=row["host_name"], origin=row["origin_name"])
    return Task(
        page_id=row["id"],
        link=link,
        kind=row["kind"],
        host_id=row["host"],
        origin_id=row["origin"],
        depth=row["depth"],
        hops=row["hops"],
        attempts=row["attempts"],
    )
