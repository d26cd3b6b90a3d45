"""What each site says for all its pages: robots.txt and tdmrep.json, asked before any page.

Rules of RFC 9309: no robots.txt (4xx) allows all; one that can't be had (5xx, no answer) forbids
all; a redirect is followed, five times.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass

from mapneo.sources.crawl.answers import Answer
from mapneo.sources.crawl.config import CrawlRecipe
from mapneo.sources.crawl.directives import TDM_PATH, TdmRule, Wishes, parse_tdm_file, tdm_rule
from mapneo.sources.crawl.frontier import Frontier, NewPage, Task
from mapneo.sources.crawl.pacing import Host, Turns
from mapneo.sources.crawl.robots import MAX_BYTES, MAX_REDIRECTS, VALID_SECONDS, Robots
from mapneo.sources.crawl.scope import Link, resolve_link

_KEPT_SITES = 2000
_MAX_TDM_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site's rules, read.

    Attributes:
        robots: what may be fetched.
        tdm: reservations by path.
        trouble: why nothing may be fetched; empty if all is well.
        asked_at: when robots.txt was had (wall clock, seconds).
    """

    robots: Robots
    tdm: tuple[TdmRule, ...]
    trouble: str
    asked_at: float


class Sites:
    """The sites of a crawl; what they say is kept in the frontier and asked once a day."""

    def __init__(self, recipe: CrawlRecipe, frontier: Frontier, turns: Turns) -> None:
        """Nothing is asked yet."""
        self._recipe, self._frontier, self._turns = recipe, frontier, turns
        self._sites: OrderedDict[int, Site] = OrderedDict()
        self._ids: dict[str, tuple[int, int]] = {}

    def locate(self, link: Link) -> tuple[int, int]:
        """Rows of the link's host and site; a new site's files are queued."""
        known = self._ids.get(link.origin)
        if known is not None:
            return known
        delay = self._recipe.politeness.delay_seconds
        host_id, is_new = self._frontier.host_id(link.host, delay)
        if is_new:
            self._turns.add(Host(host_id=host_id, name=link.host, delay=delay))
        origin_id, is_new = self._frontier.origin_id(link.origin, host_id)
        if is_new:
            self._queue_file(link, host_id, origin_id, "robots", "/robots.txt")
            self._queue_file(link, host_id, origin_id, "tdm", TDM_PATH)
        self._ids[link.origin] = host_id, origin_id
        return host_id, origin_id

    def _queue_file(self, link: Link, host_id: int, origin_id: int, kind: str, path: str) -> None:
        url = f"{link.origin}{path}"
        target = Link(url=url, key=url, host=link.host, origin=link.origin)
        page = NewPage(
            link=target,
            host_id=host_id,
            origin_id=origin_id,
            depth=0,
            kind="robots" if kind == "robots" else "tdm",
        )
        if self._frontier.add(page):
            host = self._turns.hosts[host_id]
            host.queued += 1
            host.site_files += 1
            self._turns.offer(host)

    def refusal(self, task: Task) -> str | None:
        """Why the site's files forbid the page; None if they allow it."""
        site = self._site(task.origin_id)
        if site.trouble or not site.asked_at:
            return site.trouble or "robots_unreachable"
        if not site.robots.allows(task.link.url):
            return "robots"
        delay = site.robots.delay_seconds
        if delay is not None and delay > self._recipe.politeness.max_crawl_delay_seconds:
            return "crawl_delay"
        return None

    def wishes(self, task: Task) -> Wishes:
        """What the site's files say about mining the page."""
        rule = tdm_rule(self._site(task.origin_id).tdm, task.link.url)
        if rule is None:
            return Wishes()
        return Wishes().with_tdm("1" if rule.reserved else "0", rule.policy, "file")

    def ask_again(self, task: Task, now: float) -> bool:
        """Queue the site's robots.txt again if it is a day old; whether it was."""
        site = self._site(task.origin_id)
        if site.trouble or now - site.asked_at < VALID_SECONDS:
            return False
        rows = self._frontier.select(
            "SELECT id FROM pages WHERE origin = ? AND kind = 'robots'", task.origin_id
        )
        for row in list(rows):
            url = f"{task.link.origin}/robots.txt"
            self._frontier.settle(row["id"], "queued", "", url=url, hops=0, attempts=0)
        host = self._turns.hosts[task.host_id]
        host.queued += 1
        host.site_files += 1
        return True

    def answered(self, task: Task, answer: Answer) -> None:
        """A site's file has come, or its absence."""
        now = time.time()
        if task.kind == "tdm":
            rules = (
                answer.body if answer.status == 200 and len(answer.body) <= _MAX_TDM_BYTES else b""
            )
            self._frontier.update("origins", task.origin_id, tdm=rules)
            self._settle(task, answer)
            return
        if 300 <= answer.status < 400 and self._follow(task, answer):
            return
        body = answer.body[:MAX_BYTES] if 200 <= answer.status < 300 else b""
        self._frontier.update("origins", task.origin_id, robots=body, robots_at=now, trouble=None)
        self._set_delay(task.host_id, Robots(body, self._recipe.agent.product))
        self._settle(task, answer)

    def _set_delay(self, host_id: int, robots: Robots) -> None:
        longest = self._recipe.politeness.max_crawl_delay_seconds
        asked = robots.delay_seconds or 0.0
        host = self._turns.hosts[host_id]
        if asked <= longest:  # else its pages are refused, and there is nothing to wait for
            host.delay = max(host.delay, asked)
        host.next_at = max(host.next_at, time.time() + host.delay)
        self._frontier.update("hosts", host_id, delay=host.delay)

    def _follow(self, task: Task, answer: Answer) -> bool:
        target = resolve_link(task.link.url, answer.value("Location"))
        if target is None or task.hops >= MAX_REDIRECTS:
            return False
        self._frontier.settle(
            task.page_id, "queued", "redirect", url=target.url, hops=task.hops + 1
        )
        self._turns.hosts[task.host_id].queued += 1
        return True

    def given_up(self, task: Task, reason: str) -> None:
        """A site's file can't be had: without robots.txt nothing may be fetched."""
        if task.kind == "robots":
            trouble = reason if reason in ("private_address", "dns") else "robots_unreachable"
            self._frontier.update("origins", task.origin_id, trouble=trouble, robots_at=time.time())
        self._frontier.settle(task.page_id, "failed", reason, attempts=task.attempts + 1)
        self._forget(task)

    def _settle(self, task: Task, answer: Answer) -> None:
        is_found = 200 <= answer.status < 300
        self._frontier.settle(
            task.page_id,
            "done",
            "site_file" if is_found else "no_site_file",
            status=answer.status,
            wire_bytes=answer.wire_bytes,
            bytes=len(answer.body),
        )
        self._forget(task)

    def _forget(self, task: Task) -> None:
        self._turns.hosts[task.host_id].site_files -= 1
        self._sites.pop(task.origin_id, None)

    def _site(self, origin_id: int) -> Site:
        site = self._sites.get(origin_id)
        if site is None:
            row = next(self._frontier.select("SELECT * FROM origins WHERE id = ?", origin_id))
            site = Site(
                robots=Robots(row["robots"] or b"", self._recipe.agent.product),
                tdm=parse_tdm_file(row["tdm"] or b""),
                trouble=row["trouble"] or "",
                asked_at=row["robots_at"] or 0.0,
            )
            self._sites[origin_id] = site
            if len(self._sites) > _KEPT_SITES:
                self._sites.popitem(last=False)
        return site
