"""What a page says of itself: title, address, languages, licences."""

import re
from urllib.parse import urljoin, urlsplit

from resiliparse.parse.html import HTMLTree

from mapneo.core.canonical import Json
from mapneo.sources.html_tree import Node, elements

LICENCE_LINKS = "a[rel~=license], a[href*='creativecommons.org/']"
"""Links to a licence, in the body."""
_RIGHTS = ("dc.rights", "dcterms.rights", "dcterms.license", "dc.license")
_HEAD = (
    "link[rel=canonical], link[rel~=license], meta[http-equiv=content-language i], "
    "meta[property='og:locale'], meta[name^=dc i]"
)
_MAX_LICENCES = 8


def page_metadata(
    tree: HTMLTree, languages: str | None, *, links_licence: bool
) -> tuple[str | None, dict[str, Json]]:
    """The page's canonical address; and `title`, `language_hints`, `licence_links`, if any.

    `links_licence` is False if nothing in the body matches LICENCE_LINKS. Hints come in this order:
    the server's header, the page's `lang`, then Content-Language and Open Graph locale as they
    stand in the head. They are what the page claims, never what it is.
    """
    meta: dict[str, Json] = {}
    root: Node = tree.document.first_element_child if tree.document else None
    head: Node = tree.head
    title = (tree.title or "").strip()
    if title:
        meta["title"] = title
    hints = _split(languages or "")
    if root is not None:
        hints += _split(root.getattr("lang", "") or root.getattr("xml:lang", "") or "")
    url = None
    links = elements(tree.body, LICENCE_LINKS) if links_licence else []
    rights = []
    for node in elements(head, _HEAD) if head is not None else []:
        content = node.getattr("content", "") or ""
        if node.tag == "meta" and (node.getattr("name") or "").lower() in _RIGHTS:
            rights.append(content.strip())
        elif node.tag == "meta" and not node.hasattr("name"):
            hints += _split(content.replace("_", "-"))
        elif node.tag == "link" and node.getattr("rel") == "canonical":
            url = url or page_address(node.getattr("href"))
        elif node.tag == "link":
            links.append(node)
    if hints:
        meta["language_hints"] = list(dict.fromkeys(hints))
    named = [*(_link(node, url) for node in links), *rights]
    licences = [name for name in dict.fromkeys(named) if name]
    if licences:
        meta["licence_links"] = licences[:_MAX_LICENCES]
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


def _link(node: Node, url: str | None) -> str:
    try:
        address = urljoin(url or "", node.getattr("href", ""))
    except ValueError:
        return ""
    # A link to the organisation alone is none to a licence.
    is_deed = "/licenses/" in address or "/publicdomain/" in address
    return address if is_deed or "creativecommons.org" not in address else ""
