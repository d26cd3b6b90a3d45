"""What a fetched page says about itself and where it leads."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from parsel import Selector

from mapneo.sources.crawl.directives import Wishes, robots_directives
from mapneo.sources.crawl.scope import Link, resolve_link
from mapneo.sources.decode import decode
from mapneo.sources.documents import BrokenFileError

_DECLARED = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""")
_HEAD_BYTES = 4096
_LINKS = {"a": "href", "area": "href", "iframe": "src", "frame": "src", "link": "href"}
_REPLACED_FRAC = 1.0  # a page may be as broken as it likes: links are looked for in what there is


@dataclass(frozen=True, kw_only=True)
class PageFacts:
    """What the crawler needs of a page.

    Attributes:
        wishes: what the page asks of readers, header and meta together.
        links: where it leads, in order, without repeats; empty if it asks not to follow.
        more_links: how many were left out because there were too many.
        canonical: the address that the page names as its own, if another.
        encoding: encoding the page was read with; empty if it was not HTML.
    """

    wishes: Wishes
    links: tuple[Link, ...] = ()
    more_links: int = 0
    canonical: Link | None = None
    encoding: str = ""


def read_page(
    link: Link,
    body: bytes,
    *,
    wishes: Wishes,
    product: str,
    charset: str | None,
    max_links: int,
    ignore: tuple[str, ...],
) -> PageFacts:
    """Read an HTML page.

    Args:
        link: the page's address.
        body: its bytes.
        wishes: what is known from the site's files and the header.
        product: our product token, which meta tags may name.
        charset: encoding that the header declares, if any; often wrong.
        max_links: links taken, in the page's order.
        ignore: parameters that change nothing.
    """
    try:
        declared = _DECLARED.search(body, 0, _HEAD_BYTES)
        named = charset or (declared.group(1).decode("ascii") if declared else None)
        decoded = decode(body, _REPLACED_FRAC, named)
        root = Selector(text=decoded.text, type="html").root
    except (BrokenFileError, ValueError):
        return PageFacts(wishes=wishes)
    wishes = _with_meta(wishes, root, product)
    base, encoding = _base(root, link.url), decoded.encoding
    canonical = _canonical(root, base, encoding, ignore)
    links: dict[str, Link] = {}
    left_out: set[str] = set()
    for reference in _references(root) if "nofollow" not in wishes.robots else ():
        target = resolve_link(base, reference, encoding, ignore)
        if target is None or target.key == link.key or target.key in links:
            continue
        if len(links) < max_links:
            links[target.key] = target
        else:
            left_out.add(target.key)
    return PageFacts(
        wishes=wishes,
        links=tuple(links.values()),
        more_links=len(left_out),
        canonical=canonical if canonical is not None and canonical.key != link.key else None,
        encoding=encoding,
    )


def _references(root: Any) -> list[str]:
    """Where the page leads, in its order, each once, without what is marked as not to follow."""
    found: dict[str, None] = {}
    for node in root.iter(*_LINKS):
        relations = (node.get("rel") or "").lower().split()
        wanted = node.tag != "link" or "next" in relations or "prev" in relations
        reference = (node.get(_LINKS[node.tag]) or "").strip().partition("#")[0]
        if reference and wanted and "nofollow" not in relations:
            found[reference] = None
    return list(found)


def _with_meta(wishes: Wishes, root: Any, product: str) -> Wishes:
    said = [
        ((node.get("name") or "").strip().lower(), node.get("content") or "")
        for node in root.iter("meta")
    ]
    policy = next((content for name, content in said if name == "tdm-policy"), None)
    for name, content in said:
        if name in ("robots", product.lower()):
            wishes = wishes.with_robots(robots_directives([content], product, named=False))
        elif name == "tdm-reservation":
            wishes = wishes.with_tdm(content, policy, "meta")
    return wishes


def _base(root: Any, url: str) -> str:
    references = (node.get("href") for node in root.iter("base"))
    try:
        return urljoin(url, str(next(filter(None, references), "")).strip())
    except ValueError:
        return url


def _canonical(root: Any, base: str, encoding: str, ignore: tuple[str, ...]) -> Link | None:
    for node in root.iter("link"):
        if "canonical" in (node.get("rel") or "").lower().split() and node.get("href"):
            return resolve_link(base, node.get("href"), encoding, ignore)
    return None
