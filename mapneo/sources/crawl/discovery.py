"""Addresses that were found: into the queue, or noted with the reason why not."""

from mapneo.sources.crawl.config import CrawlRecipe
from mapneo.sources.crawl.frontier import Frontier, NewPage
from mapneo.sources.crawl.pacing import Turns
from mapneo.sources.crawl.scope import Link, Scope, trap_counters
from mapneo.sources.crawl.sites import Sites

_NOWHERE = 0


class Discovery:
    """Puts addresses into the frontier, each once."""

    def __init__(
        self, recipe: CrawlRecipe, frontier: Frontier, sites: Sites, turns: Turns, scope: Scope
    ) -> None:
        """Limits come from the recipe."""
        self._depth = recipe.budget.depth
        self._limits = {
            "query": recipe.traps.queries_per_path,
            "directory": recipe.traps.pages_per_directory,
        }
        self._frontier, self._sites, self._turns, self._scope = frontier, sites, turns, scope

    def found(self, link: Link, depth: int, referrer: int | None = None, hops: int = 0) -> None:
        """An address was met, at so many links from a seed."""
        refusal = self._scope.refusal(link)
        if self._frontier.is_known(link.key):
            if refusal is None and depth <= self._depth:
                self._meet_again(link, depth)
            return
        host_id = origin_id = _NOWHERE
        if refusal is None:
            host_id, origin_id = self._sites.locate(link)
            refusal = "too_deep" if depth > self._depth else self._trap(link)
        page = NewPage(
            link=link,
            host_id=host_id,
            origin_id=origin_id,
            depth=depth,
            hops=hops,
            referrer=referrer,
            refusal=refusal,
        )
        if self._frontier.add(page) and refusal is None:
            self._queued(host_id)

    def _meet_again(self, link: Link, depth: int) -> None:
        """A nearer way to a known address; one that was too deep may not be any more."""
        host_id = self._frontier.revive(link, depth)
        if host_id is not None:
            self._queued(host_id)
        else:
            self._frontier.move_up(link, depth)

    def _queued(self, host_id: int) -> None:
        host = self._turns.hosts[host_id]
        host.queued += 1
        self._turns.offer(host)

    def _trap(self, link: Link) -> str | None:
        for kind, name in trap_counters(link):
            if not self._frontier.count_up(kind, name, self._limits[kind]):
                return "trap_queries" if kind == "query" else "trap_directory"
        return None
