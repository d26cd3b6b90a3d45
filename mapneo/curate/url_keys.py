"""URLs in the one spelling in which lists and documents are compared.

Scheme, user name, `www.`, a default port, a final slash and case are put aside; hosts are in
punycode; characters that need no %-escape have none, others have one. A *domain key* is a host; a
*page key* is host, port unless it is the default, and path, and always holds a slash.
"""

import re
from typing import NamedTuple
from urllib.parse import quote

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d*(?:[/?#]|$))")
_AUTHORITY_END = re.compile(r"[/?#]")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_IPV6 = re.compile(r"\[[0-9a-f:.]+\]")
_ESCAPE = re.compile(r"%[0-9a-f]{2}")
_BOUNDARY = re.compile(r"[/?#&]")
_DEFAULT_PORTS = {"http": ("80",), "https": ("443",), "": ("80", "443")}
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F))
_MAX_HOST_CHARS = 255
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._~")


class UrlParts(NamedTuple):
    """A URL taken apart.

    Attributes:
        host: lower-case, in punycode, without `www.`; an IPv6 address in its brackets.
        port: with its colon, or empty if it is the scheme's default.
        path: path, query and fragment, beginning with a slash, or empty.
    """

    host: str
    port: str
    path: str


def split_url(url: str) -> UrlParts | None:
    """Take a URL apart, with or without a scheme; None if it names no host."""
    rest = url.strip().lower()
    scheme = ""
    if found := _SCHEME.match(rest):
        scheme, rest = found.group(1), rest[found.end() :]
    elif rest.startswith("//"):
        rest = rest[2:]
    elif _OTHER_SCHEME.match(rest):
        return None
    end = _AUTHORITY_END.search(rest)
    authority, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    authority = authority.rpartition("@")[2]
    if authority.startswith("["):
        host, bracket, port = authority.partition("]")
        host += bracket
    else:
        host, colon, port = authority.partition(":")
        port = colon + port
    if port in ("", ":") or port[1:] in _DEFAULT_PORTS.get(scheme, ()):
        port = ""
    elif port[0] != ":" or not (port[1:].isascii() and port[1:].isdigit()):
        return None
    known = _plain_host(host)
    return None if known is None else UrlParts(known, port, _plain_path(path))


def _plain_host(host: str) -> str | None:
    if len(host) > _MAX_HOST_CHARS:
        return None
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if host.endswith("."):
        host = host[:-1]
    if host.startswith("www.") and "." in host[4:]:
        host = host[4:]
    return host if _HOST.fullmatch(host) or _IPV6.fullmatch(host) else None


def _plain_path(path: str) -> str:
    if not path:
        return path
    if path[0] != "/":
        path = "/" + path
    if "%" in path:
        path = _ESCAPE.sub(_unescape, path)
    return path if path.isascii() and path.isprintable() else quote(path, _PLAIN).lower()


def _unescape(escape: re.Match[str]) -> str:
    char = chr(int(escape.group()[1:], 16)).lower()
    return char if char in _UNRESERVED else escape.group()


def entry_key(line: str, *, is_page_list: bool) -> str | None:
    """Key of an entry of a list; None if the entry names no host.

    Args:
        line: the entry; `.x.org` is the same as `x.org`.
        is_page_list: whether an entry without a path means the home page (a `urls` file), and not
            the whole domain (a `domains` file).
    """
    parts = split_url(line.strip().lstrip("."))
    if parts is None:
        return None
    if is_page_list or parts.port or parts.path.strip("/"):
        return _page_key(parts.host + parts.port + parts.path)
    return parts.host


def _page_key(address: str) -> str:
    address = address.rstrip("/")
    return address if "/" in address else address + "/"


def probe_keys(url: str, longest_chars: int) -> list[str] | None:
    """All keys under which a list may hold a document's URL; None if it names no host.

    Domain keys: the host and what follows each of its dots, so that no label is cut (an address in
    numbers has only itself). Page keys: the host, and each start of the address that ends before
    one of `/ ? # &`, so that `x.org/a` covers `x.org/a/b` and `x.org/a?b`, not `x.org/abc`.

    Args:
        url: the document's URL.
        longest_chars: length of the longest page key in the lists; longer ones are not made.
    """
    parts = split_url(url)
    if parts is None or not ("." in parts.host or parts.host[0] == "["):
        return None
    host = parts.host
    keys = [host]
    if host[0] != "[" and not _IPV4.fullmatch(host):
        position = host.find(".")
        while position >= 0:
            keys.append(host[position + 1 :])
            position = host.find(".", position + 1)
    if longest_chars:
        keys += _page_probes(host + parts.port, parts.path, longest_chars)
    return keys


def _page_probes(site: str, path: str, longest_chars: int) -> list[str]:
    # A page that is a bare host is the home page alone, with whatever query.
    keys = [site + "/"] if path.lstrip("/")[:1] in ("", "?", "#") else []
    for boundary in _BOUNDARY.finditer(path, 1):
        if len(site) + boundary.start() > longest_chars + 1:
            return keys
        if path[: boundary.start()].strip("/"):
            keys.append(_page_key(site + path[: boundary.start()]))
    if len(path) > 1 and len(site) + len(path) <= longest_chars + 1:
        keys.append(_page_key(site + path))
    return keys
