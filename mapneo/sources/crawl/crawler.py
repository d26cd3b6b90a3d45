"""The crawl itself, without a network: what to ask next, and what an answer means.

`engine.py` asks (`next_task`) and tells (`answered`, `failed`); everything that must survive a
kill happens here, and is committed before the call returns.
"""

import hashlib
import time
from typing import Any

from mapneo.core.progress import Progress
from mapneo.sources.crawl.answers import Answer, moment, page_records
from mapneo.sources.crawl.archive import Archive
from mapneo.sources.crawl.config import CrawlRecipe
from mapneo.sources.crawl.directives import Wishes, robots_directives
from mapneo.sources.crawl.discovery import Discovery
from mapneo.sources.crawl.frontier import Frontier, Task
from mapneo.sources.crawl.ledger import Ledger
from mapneo.sources.crawl.outcomes import state_of
from mapneo.sources.crawl.pacing import Host, Turns, known_hosts
from mapneo.sources.crawl.page import PageFacts, read_page
from mapneo.sources.crawl.scope import Scope, resolve_link
from mapneo.sources.crawl.sites import Sites

_HTML = ("text/html", "application/xhtml+xml")
_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (429, 503)
_NETWORK_FAILURES = ("dns", "refused", "tls", "timeout", "lost")
_PASSING = (*_NETWORK_FAILURES, "truncated", "bad_answer")
_MAX_HOST_FAILURES = 10


class Crawler:
    """State of a crawl at work."""

    def __init__(
        self,
        recipe: CrawlRecipe,
        frontier: Frontier,
        archive: Archive,
        scope: Scope,
        progress: Progress,
    ) -> None:
        """Go on from what the frontier holds; seeds are added if they are new."""
        self._recipe, self._frontier, self._archive = recipe, frontier, archive
        self._scope = scope
        self._turns = Turns(recipe.politeness.per_host)
        self._sites = Sites(recipe, frontier, self._turns)
        self._discovery = Discovery(recipe, frontier, self._sites, self._turns, scope)
        for host in known_hosts(frontier):
            self._turns.add(host)
        self.ledger = Ledger(recipe.budget, frontier, self._turns, progress)
        for seed in recipe.crawl.seeds:
            link = resolve_link(seed, "", ignore=recipe.scope.ignore_parameters)
            if link is not None:
                self._discovery.found(link, depth=0)
        frontier.commit()

    def next_task(self, now: float) -> Task | None:
        """The next address to ask for, marked as in flight; None if there is none just now."""
        try:
            while self.ledger.has_room(now):
                host = self._turns.next(now)
                if host is None:
                    return None
                if self._is_full(host):
                    continue  # offered again when one of its requests ends
                task = self._take(host, now)
                if task is not None:
                    host.started(now)
                    self._frontier.update("hosts", host.host_id, next_at=host.next_at)
                self._turns.offer(host)
                if task is not None:
                    return task
            return None
        finally:
            self._frontier.commit()

    def _is_full(self, host: Host) -> bool:
        limit = self._recipe.budget.pages_per_host
        if limit is None or host.site_files:
            return False
        host.is_over = host.stored >= limit
        return host.stored + host.active >= limit

    def _take(self, host: Host, now: float) -> Task | None:
        """A task of the host that may be asked for; None if the first in line may not."""
        task = self._frontier.take(host.host_id)
        if task is None:
            host.queued = 0
            return None
        if task.kind != "page":
            return task
        if self._sites.ask_again(task, now):
            self._frontier.settle(task.page_id, "queued", "")
            return None
        refusal = "host_down" if host.failures >= _MAX_HOST_FAILURES else None
        refusal = refusal or self._scope.refusal(task.link) or self._sites.refusal(task)
        if refusal is not None:
            self._settle_unasked(host, task, refusal)
            return None
        wishes = self._sites.wishes(task)
        if wishes.tdm:
            self._settle_unasked(host, task, "tdm_reserved", **_wish_columns(wishes))
            return None
        return task

    def _settle_unasked(self, host: Host, task: Task, reason: str, **columns: Any) -> None:
        host.queued -= 1
        self._frontier.settle(task.page_id, state_of(reason), reason, **columns)

    def wait_seconds(self, now: float) -> float | None:
        """How long until a host has a turn; None if the clock changes nothing."""
        turn = self._turns.next_moment()
        return None if turn is None else max(0.0, turn - now)

    def answered(self, task: Task, answer: Answer) -> None:
        """An answer over HTTP has come."""
        now = time.time()
        host = self._turns.hosts[task.host_id]
        host.active -= 1
        if answer.status in _BUSY:
            asked = answer.retry_after(now)
            if asked is None:
                host.failed(now)
            else:
                host.next_at = max(host.next_at, now + asked)
        else:
            host.succeeded()
        if answer.status in (408, *_BUSY) or answer.status >= 500:
            self._retry(task, f"http_{answer.status}", status=answer.status)
        elif task.kind != "page":
            self._sites.answered(task, answer)
        else:
            self._page(task, answer)
        self._close(host, now)

    def failed(self, task: Task, reason: str, **columns: Any) -> None:
        """No answer, or none that can be used."""
        now = time.time()
        host = self._turns.hosts[task.host_id]
        host.active -= 1
        if reason in _NETWORK_FAILURES:
            host.failed(now)
        if reason in _PASSING:
            self._retry(task, reason, **columns)
        elif task.kind == "page":
            attempts = task.attempts + 1
            self._frontier.settle(
                task.page_id, state_of(reason), reason, attempts=attempts, **columns
            )
        else:
            self._sites.given_up(task, reason)
        self._close(host, now)

    def broke(self, task: Task) -> None:
        """Something about the page is more than we can handle: it is given up."""
        self._frontier.rollback()
        self._archive.cut_back()
        if task.kind == "page":
            self._frontier.settle(task.page_id, "failed", "internal")
        else:
            self._sites.given_up(task, "internal")
        self._close(self._turns.hosts[task.host_id], time.time())

    def _close(self, host: Host, now: float) -> None:
        self._frontier.update("hosts", host.host_id, next_at=host.next_at)
        self._turns.offer(host)
        self.ledger.note_time(now)
        self._frontier.commit()

    def _retry(self, task: Task, reason: str, **columns: Any) -> None:
        if task.attempts + 1 < self._recipe.politeness.attempts:
            self._frontier.retry(task, reason, **columns)
            self._turns.hosts[task.host_id].queued += 1
        elif task.kind == "page":
            attempts = task.attempts + 1
            self._frontier.settle(
                task.page_id, state_of(reason), reason, attempts=attempts, **columns
            )
        else:
            self._sites.given_up(task, reason)

    def _page(self, task: Task, answer: Answer) -> None:
        self.ledger.received(answer.wire_bytes)
        columns = _answer_columns(answer)
        reason = None
        if answer.status in _REDIRECTS:
            reason, columns["target"] = self._redirect(task, answer)
        elif not 200 <= answer.status < 300:
            reason = f"http_{answer.status}"
        elif answer.media_type not in self._recipe.limits.content_types:
            reason = "content_type"
        elif not answer.body:
            reason = "empty"
        if reason is not None:
            self._frontier.settle(task.page_id, state_of(reason), reason, **columns)
            return
        facts = self._read(task, answer)
        columns |= _fact_columns(facts)
        reason = self._reservation(facts.wishes)
        if reason is None:
            reason = self._store(task, answer, facts, columns)
        self._frontier.settle(task.page_id, state_of(reason), reason, **columns)
        for target in facts.links:
            self._discovery.found(target, task.depth + 1, task.page_id)
        if facts.canonical is not None:
            self._discovery.found(facts.canonical, task.depth, task.page_id)

    def _redirect(self, task: Task, answer: Answer) -> tuple[str, str | None]:
        target = resolve_link(
            task.link.url,
            answer.value("Location"),
            ignore=self._recipe.scope.ignore_parameters,
        )
        if target is None:
            return "bad_redirect", None
        if task.hops >= self._recipe.limits.redirects:
            return "too_many_redirects", target.url
        self._discovery.found(target, task.depth, task.page_id, task.hops + 1)
        return "redirect", target.url

    def _read(self, task: Task, answer: Answer) -> PageFacts:
        product = self._recipe.agent.product
        directives = robots_directives(answer.values("X-Robots-Tag"), product)
        wishes = self._sites.wishes(task).with_robots(directives)
        policy = answer.value("tdm-policy")
        for value in answer.values("tdm-reservation"):
            wishes = wishes.with_tdm(value, policy, "header")
        if answer.media_type not in _HTML:
            return PageFacts(wishes=wishes)
        return read_page(
            task.link,
            answer.body,
            wishes=wishes,
            product=product,
            charset=answer.charset,
            max_links=self._recipe.limits.links_per_page,
            ignore=self._recipe.scope.ignore_parameters,
        )

    def _reservation(self, wishes: Wishes) -> str | None:
        """Why the page is read for its links only; None if it may be stored."""
        choice = self._recipe.reservations
        if wishes.tdm:
            return "tdm_reserved"
        if choice.noai == "skip" and wishes.robots & {"noai", "noimageai"}:
            return "noai"
        if choice.noindex == "skip" and "noindex" in wishes.robots:
            return "noindex"
        return None

    def _store(self, task: Task, answer: Answer, facts: PageFacts, columns: dict[str, Any]) -> str:
        digest = hashlib.sha256(answer.body).hexdigest()
        twin = self._frontier.first_with(digest)
        copy_of = None if twin is None else (twin["url"], twin["fetched"])
        records = page_records(task.link.url, answer, self._metadata(task, answer, facts), copy_of)
        place = self._archive.append(records)
        columns |= {
            "sha256": digest,
            "warc_file": place.file,
            "warc_offset": place.offset,
            "warc_bytes": place.length,
        }
        if twin is not None:
            columns["target"] = twin["url"]
        self._turns.hosts[task.host_id].stored += 1
        self.ledger.stored_one()
        return "stored" if twin is None else "copy"

    def _metadata(self, task: Task, answer: Answer, facts: PageFacts) -> dict[str, str]:
        found = {
            "via": self._frontier.referrer_url(task.page_id) or "",
            "depth": str(task.depth),
            "fetchTimeMs": str(round(1000 * answer.seconds)),
            "charset-detected": facts.encoding,
            "robots": ", ".join(sorted(facts.wishes.robots)),
            "tdm-reservation": "" if facts.wishes.tdm is None else str(int(facts.wishes.tdm)),
            "tdm-policy": facts.wishes.tdm_policy or "",
            "canonical": facts.canonical.url if facts.canonical else "",
        }
        return {name: value for name, value in found.items() if value}


def _answer_columns(answer: Answer) -> dict[str, Any]:
    return {
        "status": answer.status,
        "content_type": answer.media_type or None,
        "charset": answer.charset,
        "wire_bytes": answer.wire_bytes,
        "bytes": len(answer.body),
        "fetched": moment(answer.fetched),
        "seconds": answer.seconds,
    }


def _wish_columns(wishes: Wishes) -> dict[str, Any]:
    return {
        "robots": " ".join(sorted(wishes.robots)),
        "tdm": None if wishes.tdm is None else int(wishes.tdm),
        "tdm_policy": wishes.tdm_policy,
        "tdm_where": wishes.tdm_where,
    }


def _fact_columns(facts: PageFacts) -> dict[str, Any]:
    return {
        **_wish_columns(facts.wishes),
        "canonical": facts.canonical.url if facts.canonical else None,
        "links": len(facts.links),
        "more_links": facts.more_links,
    }
