"""What a page says of itself: title, address, languages, licences."""

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from resiliparse.parse.html import HTMLTree

from mapneo.core.canonical import Json

_LICENCE_MARKS = ("creativecommons.org/", 'rel="license', "rel=license", "rel='license")
_LICENCE_LINKS = (
    "a[rel~=license]", "link[rel~=license]", "a[href*='creativecommons.org/licenses/']",
    "a[href*='creativecommons.org/publicdomain/']",
)  # fmt: skip
_MAX_LICENCES = 8


def page_metadata(
    tree: HTMLTree, html: str, languages: str | None
) -> tuple[str | None, dict[str, Json]]:
    """The page's canonical address; and `title`, `language_hints`, `licence_links`, if any.

    Hints come in this order: the server's header, the page's `lang`, its Content-Language, its
    Open Graph locale. They are what the page claims, never what it is.
    """
    meta: dict[str, Json] = {}
    title = (tree.title or "").strip()
    if title:
        meta["title"] = title
    hints = _split(languages or "")
    url = None
    root: Any = tree.document.first_element_child if tree.document else None
    if root is not None:
        hints += _split(root.getattr("lang", "") or root.getattr("xml:lang", "") or "")
    if tree.head is not None:
        head: Any = tree.head
        for element in head.query_selector_all("meta[content], link[href]"):
            name = (
                element.getattr("http-equiv")
                or element.getattr("property")
                or element.getattr("rel")
                or ""
            ).lower()
            if name == "content-language":
                hints += _split(element.getattr("content", ""))
            elif name == "og:locale":
                hints += _split(element.getattr("content", "").replace("_", "-"))
            elif name == "canonical":
                url = url or page_address(element.getattr("href"))
    if hints:
        meta["language_hints"] = list(dict.fromkeys(hints))
    if any(mark in html for mark in _LICENCE_MARKS):
        licences = _licences(tree, url)
        if licences:
            meta["licence_links"] = licences
    return url, meta


def page_address(address: str | None) -> str | None:
    """The address if it is one of a page (http, https); else None."""
    try:
        is_page = bool(address) and urlsplit(address).scheme in ("http", "https")
    except ValueError:  # such as a bracket without its fellow
        return None
    return str(address) if is_page else None


def _split(languages: str) -> list[str]:
    names = (name.strip().lower() for name in re.split(r"[,;\s]+", languages))
    return [name for name in names if re.fullmatch(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*", name)]


def _licences(tree: HTMLTree, url: str | None) -> list[str]:
    """Addresses of licences that the page links as such, and rights that its head states."""
    found: list[str] = []
    document: Any = tree.document
    head: Any = tree.head
    for selector in _LICENCE_LINKS:
        for element in document.query_selector_all(selector):
            try:
                found.append(urljoin(url or "", element.getattr("href", "")))
            except ValueError:
                continue
    if head is not None:
        for element in head.query_selector_all("meta[name][content]"):
            name = element.getattr("name", "").lower()
            if name in ("dc.rights", "dcterms.rights", "dcterms.license", "dc.license"):
                found.append(element.getattr("content", "").strip())
    return [item for item in dict.fromkeys(found) if item][:_MAX_LICENCES]
