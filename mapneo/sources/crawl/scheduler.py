"""Scrapy's scheduler, and filter of duplicates, over the frontier: it holds nothing itself."""

import time
from typing import TYPE_CHECKING, Any

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from scrapy.crawler import Crawler as ScrapyCrawler

    from mapneo.sources.crawl.engine import CrawlSpider

WAKE_URL = "data:,wake"
_LONGEST_NAP_SECONDS = 5.0


class FrontierScheduler(BaseScheduler):
    """Hands out what the crawler says is next, and wakes Scrapy when a host's turn comes."""

    def __init__(self, crawler: "ScrapyCrawler") -> None:
        """Made by Scrapy; the spider brings the crawl's state."""
        self._scrapy = crawler
        self._alarm: Any = None

    @classmethod
    def from_crawler(cls, crawler: "ScrapyCrawler") -> "FrontierScheduler":
        """Called by Scrapy."""
        return cls(crawler)

    def open(self, spider: Spider) -> Deferred[None] | None:
        """Called by Scrapy when the crawl begins."""
        self._spider: CrawlSpider = spider  # type: ignore[assignment]
        return None

    def close(self, reason: str) -> Deferred[None] | None:
        """Called by Scrapy when the crawl ends."""
        self._cancel_alarm()
        return None

    def has_pending_requests(self) -> bool:
        """Whether the crawl goes on though nothing may be asked just now."""
        crawler = self._spider.crawl
        wait = crawler.wait_seconds(time.time())
        if crawler.ledger.has_queue and wait is not None and wait > self._spider.patience_seconds:
            crawler.ledger.give_up("waiting")
        return self._spider.trouble is None and crawler.ledger.has_queue

    def enqueue_request(self, request: Request) -> bool:
        """Only the alarm enqueues: addresses go into the frontier, never through Scrapy."""
        return request.url == WAKE_URL

    def next_request(self) -> Request | None:
        """The next request; None until a host's turn comes."""
        if self._spider.trouble is not None:
            return None
        now = time.time()
        try:
            task = self._spider.crawl.next_task(now)
        except Exception as error:  # Scrapy would log it and go on for ever
            self._spider.stop(error)
            return None
        if task is None:
            self._set_alarm(now)
            return None
        return self._spider.request(task)

    def _set_alarm(self, now: float) -> None:
        from twisted.internet import reactor

        clock: Any = reactor
        self._cancel_alarm()
        wait = self._spider.crawl.wait_seconds(now)
        if wait is not None:
            self._alarm = clock.callLater(min(wait, _LONGEST_NAP_SECONDS), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._scrapy.engine is not None and self._scrapy.engine.spider is not None:
            # What enqueues a request also makes Scrapy ask for the next one.
            self._scrapy.engine.crawl(Request(WAKE_URL))

    def _cancel_alarm(self) -> None:
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._alarm = None
