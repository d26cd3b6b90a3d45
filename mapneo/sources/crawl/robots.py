"""robots.txt as RFC 9309 reads it, by Protego."""

from protego import Protego

MAX_BYTES = 500 * 1024
"""What of a robots.txt is read (RFC 9309, 2.5)."""
MAX_REDIRECTS = 5
"""Redirects that are followed to a robots.txt (RFC 9309, 2.3.1.2)."""
VALID_SECONDS = 24 * 3600
"""After this a robots.txt is asked for again (RFC 9309, 2.4)."""


class Robots:
    """What a site allows us."""

    def __init__(self, body: bytes, product: str) -> None:
        """`body`: the file; empty where the site has none. `product`: our product token."""
        self._rules = Protego.parse(body[:MAX_BYTES].decode("utf-8-sig", errors="replace"))
        self._product = product

    def allows(self, url: str) -> bool:
        """Whether we may fetch the address."""
        return bool(self._rules.can_fetch(url, self._product))

    @property
    def delay_seconds(self) -> float | None:
        """Crawl-delay, or what its Request-rate comes to; None if it says nothing."""
        delay = self._rules.crawl_delay(self._product)
        rate = self._rules.request_rate(self._product)
        slowest = [delay] if delay is not None else []
        if rate is not None and rate.requests:
            slowest.append(rate.seconds / rate.requests)
        return max(slowest, default=None)
