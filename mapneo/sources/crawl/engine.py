"""Scrapy at work: requests out, answers and failures back to the crawler."""

import datetime
import logging
import sqlite3
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import Headers, Response
from twisted.internet.error import ConnectError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed

from mapneo.core.errors import Interrupted, MapNeoError
from mapneo.sources.crawl.answers import Answer, media_type
from mapneo.sources.crawl.config import CrawlRecipe
from mapneo.sources.crawl.crawler import Crawler
from mapneo.sources.crawl.frontier import Task
from mapneo.sources.crawl.resolver import Guard

_log = logging.getLogger("mapneo")
_ROOM = "mapneo.sources.crawl"
_MIDDLEWARE = "scrapy.downloadermiddlewares"
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (DownloadTimeoutError, "timeout"),
    (CannotResolveHostError, "dns"),
    (DownloadConnectionRefusedError, "refused"),
    (ResponseDataLossError, "truncated"),
    (DownloadCancelledError, "too_large"),
    (ConnectError, "refused"),
    (zlib.error, "undecodable"),
    (EOFError, "undecodable"),
    (OSError, "undecodable"),
)


class CrawlSpider(Spider):
    """Turns tasks into requests, and what comes of them into answers."""

    name = "mapneo"

    def __init__(self, *, recipe: CrawlRecipe, crawl: Crawler, guard: Guard) -> None:
        """`crawl` holds the state; `guard` knows which hosts were refused."""
        super().__init__()
        self.crawl, self._guard, self._recipe = crawl, guard, recipe
        self.patience_seconds = recipe.politeness.patience_seconds
        self.trouble: Exception | None = None
        self.was_stopped = False

    @classmethod
    def from_crawler(cls, crawler: Any, *args: Any, **kwargs: Any) -> "CrawlSpider":
        """Called by Scrapy."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.headers_received, signals.headers_received)
        crawler.signals.connect(spider.closed_by, signals.spider_closed)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Nothing: seeds are in the frontier."""
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def request(self, task: Task) -> Request:
        """The request for a task."""
        return Request(
            task.link.url,
            callback=self.received,
            errback=self.lost,
            dont_filter=True,
            meta={"task": task, "asked": time.time()},
        )

    def headers_received(self, headers: Headers, body_length: int, request: Request) -> None:
        """Before the body: one of no use is not read."""
        task: Task = request.meta["task"]
        kind = (headers.get(b"Content-Type") or b"").decode("latin-1")
        if task.kind == "page" and media_type(kind) not in self._recipe.limits.content_types:
            raise StopDownload(fail=False)

    def received(self, response: Response) -> None:
        """An answer has come whole, or its headers if its kind is not wanted."""
        request = response.request
        assert request is not None
        task: Task = request.meta["task"]
        address = str(response.ip_address or "")
        if address and not self._guard.policy.permits(address):
            self._tell(task, self.crawl.failed, "private_address")
            return
        if 200 <= response.status < 300 and response.headers.get("Content-Encoding"):
            self._tell(task, self.crawl.failed, "undecodable")
            return
        headers, wire_bytes = request.meta.get("wire", (response.headers, len(response.body)))
        answer = Answer(
            status=response.status,
            headers=_pairs(headers),
            body=response.body,
            wire_bytes=wire_bytes,
            address=address,
            request_headers=_pairs(request.headers),
            fetched=datetime.datetime.fromtimestamp(request.meta["asked"], datetime.UTC),
            seconds=time.time() - request.meta["asked"],
        )
        self._tell(task, self.crawl.answered, answer)

    def lost(self, failure: Failure) -> None:
        """No answer has come."""
        request: Request = failure.request  # type: ignore[attr-defined]
        task: Task = request.meta["task"]
        self._tell(task, self.crawl.failed, self._reason(failure.value, request))

    def _reason(self, error: BaseException | None, request: Request) -> str:
        host = urlsplit(request.url).hostname or ""
        if isinstance(error, CannotResolveHostError) and host in self._guard.refused:
            return "private_address"
        if isinstance(error, IgnoreRequest):  # of the middleware that undoes Content-Encoding
            return "unpacked_too_large"
        for kind, reason in _REASONS:
            if isinstance(error, kind):
                return reason
        if isinstance(error, DownloadFailedError | ResponseFailed):
            return _broken(error)
        return "bad_answer"

    def _tell(self, task: Task, verb: Any, what: Any) -> None:
        """Tell the crawler. Storage that fails ends the crawl; a page that breaks us does not."""
        if self.trouble is not None:
            return  # still in flight, as far as the frontier knows
        try:
            verb(task, what)
        except (OSError, sqlite3.Error, MapNeoError) as error:
            self.stop(error)
        except Exception:
            _log.exception("the crawler fails at %s", task.link.url)
            self.crawl.broke(task)

    def stop(self, error: Exception) -> None:
        """End the crawl as soon as what is in flight has come back."""
        self.trouble = self.trouble or error

    def closed_by(self, reason: str) -> None:
        """Scrapy ends: by itself, or because somebody asked it to."""
        self.was_stopped = reason == "shutdown"


class NoteWire:
    """Downloader middleware: notes headers and length before Content-Encoding is undone.

    From here on the size limit is that of unpacked pages.
    """

    def __init__(self, unpacked_bytes: int) -> None:
        """`unpacked_bytes`: the limit."""
        self._unpacked_bytes = unpacked_bytes

    @classmethod
    def from_crawler(cls, crawler: Any) -> "NoteWire":
        """Called by Scrapy."""
        return cls(crawler.settings.getint("MAPNEO_UNPACKED_BYTES"))

    def process_response(self, request: Request, response: Response) -> Response:
        """Called by Scrapy."""
        request.meta["wire"] = (response.headers.copy(), len(response.body))
        request.meta["download_maxsize"] = self._unpacked_bytes
        return response


def _broken(error: BaseException) -> str:
    """A broken connection: by TLS, by what was sent, or by its end."""
    seen = " ".join(str(part) for part in (error, error.__cause__, getattr(error, "reasons", "")))
    if "SSL" in seen or "OpenSSL" in seen or "certificate" in seen.lower():
        return "tls"
    return "bad_answer" if "ParseError" in seen else "lost"


def _pairs(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, values in headers.items() for value in values]


def settings(recipe: CrawlRecipe, guard: Guard) -> dict[str, Any]:
    """Scrapy with all that the crawler does itself switched off.

    That is: scheduler, filter of duplicates, robots.txt, redirects, retries; and what it does
    without: cookies, proxies, console, log.
    """
    limits = recipe.limits
    return {
        "MAPNEO_GUARD": guard,
        "MAPNEO_UNPACKED_BYTES": round(limits.unpacked_megabytes * 1e6),
        "USER_AGENT": recipe.agent.header,
        "TWISTED_DNS_RESOLVER": f"{_ROOM}.resolver.GuardedResolver",
        "SCHEDULER": f"{_ROOM}.scheduler.FrontierScheduler",
        "CONCURRENT_REQUESTS": recipe.politeness.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": recipe.politeness.concurrency,
        "CONCURRENT_ITEMS": 1,  # there are none, yet Scrapy makes so many tasks per page
        "DOWNLOAD_DELAY": 0,
        "DOWNLOAD_TIMEOUT": limits.seconds,
        "DOWNLOAD_MAXSIZE": round(limits.page_megabytes * 1e6),
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOADER_MIDDLEWARES_BASE": {
            f"{_MIDDLEWARE}.downloadtimeout.DownloadTimeoutMiddleware": 350,
            f"{_MIDDLEWARE}.defaultheaders.DefaultHeadersMiddleware": 400,
            f"{_MIDDLEWARE}.useragent.UserAgentMiddleware": 500,
            f"{_MIDDLEWARE}.httpcompression.HttpCompressionMiddleware": 590,
            f"{_ROOM}.engine.NoteWire": 900,
        },
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {},
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.5",
            "Accept-Language": "*",
        },
        "LOG_ENABLED": False,
        "LOG_INSTALL_ROOT_HANDLER": False,
        "TELNETCONSOLE_ENABLED": False,
        "STATS_DUMP": False,
    }


def fetch_all(recipe: CrawlRecipe, crawl: Crawler, guard: Guard) -> None:
    """Run Scrapy until the crawl ends; once in a process, as Twisted's reactor can't be restarted.

    Raises:
        Interrupted: a signal asked to stop; what was in flight has been stored.
        Exception: what ended the crawl, such as a full disk.
    """
    process = AsyncCrawlerProcess(settings(recipe, guard))
    for name in ("scrapy", "twisted"):  # all they could say is in the table of outcomes
        logging.getLogger(name).setLevel(logging.CRITICAL)
    spiders: list[CrawlSpider] = []

    def keep(spider: CrawlSpider) -> None:
        spiders.append(spider)

    worker = process.create_crawler(CrawlSpider)
    worker.signals.connect(keep, signals.spider_opened)
    process.crawl(worker, recipe=recipe, crawl=crawl, guard=guard)
    process.start()
    for spider in spiders:
        if spider.trouble is not None:
            raise spider.trouble
        if spider.was_stopped:
            raise Interrupted
