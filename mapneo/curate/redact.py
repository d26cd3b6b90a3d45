"""Personal data in running text: e-mail and IP addresses, Chinese identity numbers.

Each is replaced by a mark that says what stood there (`<email>`, `<ip>`, `<id>`), so that a
sentence stays a sentence. What is reserved for examples or points to nobody is left: manuals
need it and no one is named by it. Telephone numbers are in `redact_phone`.
"""

import ipaddress
import re
from collections.abc import Iterator
from datetime import date

from mapneo.curate.edit_spans import Span

EMAIL, IP, CHINESE_ID = "<email>", "<ip>", "<id>"
EMAIL_TRIGGER = "@"
IP_TRIGGER = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]"
CHINESE_ID_TRIGGER = r"[1-9][0-9]{5}(19|20)[0-9]{9}[0-9Xx]"

# Local part and domain are bounded by RFC 5321 (64 and 255), which bounds the work at each "@".
_LOCAL_CHARS = 64
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_%+-])?\Z")
_LOCAL_CHAR = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+'-")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}(?P<top>[A-Za-z]{2,24})(?![A-Za-z0-9])"
)
_EXAMPLE = re.compile(
    r"(?:^|\.)(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost)\Z", re.IGNORECASE
)
# Tops that follow an "@" in file names (icon@2x.png) and code, and are no top-level domains.
_FILE_ENDINGS = frozenset(
    "apk avi bmp bz cfg class conf cpp css csv dll doc docx exe gif gz htm html ico ini jar java "  # noqa: SIM905
    "jpeg jpg js json jsx lib local log mjs mp obj png ppt psd pyc service shape socket sql svg "
    "swf tar target ts tsx ttf txt vue webp woff xml xls yaml yml".split()
)
_SCALE = re.compile(r"[0-9]x\.", re.IGNORECASE)

_IPV4 = re.compile(
    r"(?<![0-9A-Za-z_.])(?:[1-9]?[0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
    r"(?:\.(?:[1-9]?[0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])){3}(?![0-9A-Za-z_]|\.[0-9])"
)
_IPV6 = re.compile(
    r"(?<![0-9A-Za-z:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![0-9A-Za-z_:]|\.[0-9])"
)
_CONTEXT_CHARS = 16
_VERSION_BEFORE = re.compile(
    r"(?:\b(?:versions?|ver|release[sd]?|rev|revision|build|section|chapter|oid|rfc)\b[\s.:=]{0,3}"
    r"|版本号?|版|章|节|第|(?<![A-Za-z])v\.?|[A-Za-z][A-Za-z0-9_+.]{0,15}[/-]|[<>=~^]=? ?|§ ?)\Z",
    re.IGNORECASE,
)

# "36.7.2.1. Data Structure" on a line of its own
_HEADING_AFTER = re.compile(r"\.?[ \xa0]{1,3}[^\W\d_]")

_CHINESE_ID = re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9Xx](?![0-9A-Za-z])")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "  # noqa: SIM905
    "71 81 82 83 91".split()
)


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses, but no examples (RFC 2606), file names and logins inside URLs.

    An address written in words ("name at host dot org") is not found.
    """
    position = done = 0
    while (at := text.find("@", position)) >= 0:
        position = at + 1
        domain = _DOMAIN.match(text, position)
        if not domain:
            continue
        start = at
        while start > max(done, at - _LOCAL_CHARS - 1) and text[start - 1] in _LOCAL_CHAR:
            start -= 1
        local = text[start:at].lstrip(".'%+-")
        start = at - len(local)
        if _LOCAL.match(local) and _is_address(text, start, domain):
            yield Span(start, domain.end(), EMAIL)
            position = done = domain.end()


def _is_address(text: str, start: int, domain: re.Match[str]) -> bool:
    host = domain.group()
    if domain["top"].lower() in _FILE_ENDINGS or _SCALE.match(host) or _EXAMPLE.search(host):
        return False
    # Not `ssh://user@host`, not `git@host:path`.
    return text[start - 1 : start] not in ("/", "@") and text[start : domain.start()] != "git@"


def find_ip_addresses(text: str) -> Iterator[Span]:
    """Public IPv4 and IPv6 addresses.

    Left are private, loop-back, link-local, documentation, multicast and reserved ranges (as the
    standard library's `ipaddress` lists them), and four numbers that are rather a version or a
    section: all below 10, or with such a word, a name and a slash or hyphen, or a comparison
    before them, or all below 100 at the head of a line with a title behind them.
    """
    found = [*_public_v4(text), *_public_v6(text)]
    return iter(sorted(found))


def _public_v4(text: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        address = ipaddress.IPv4Address(match.group())
        before = text[max(match.start() - _CONTEXT_CHARS, 0) : match.start()]
        is_version = max(address.packed) < 10 or _VERSION_BEFORE.search(before)
        if _is_public(address) and not is_version and not _is_heading(text, match):
            yield Span(*match.span(), IP)


def _is_heading(text: str, match: re.Match[str]) -> bool:
    """Whether four numbers, all below 100, begin a line and a title follows them."""
    begins_line = match.start() == 0 or text[match.start() - 1] == "\n"
    is_small = all(len(number) < 3 for number in match.group().split("."))
    return begins_line and is_small and bool(_HEADING_AFTER.match(text, match.end()))


def _public_v6(text: str) -> Iterator[Span]:
    for match in _IPV6.finditer(text):
        written = match.group()
        try:
            address = ipaddress.IPv6Address(written)
        except ValueError:
            if not written.endswith(":"):
                continue
            written = written[:-1]
            try:
                address = ipaddress.IPv6Address(written)
            except ValueError:
                continue
        if _is_public(address):
            yield Span(match.start(), match.start() + len(written), IP)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved)


def find_chinese_ids(text: str) -> Iterator[Span]:
    """Resident identity numbers of 18 characters with province, date and checksum all right.

    The checksum is ISO 7064 MOD 11-2. Numbers of 15 digits, given out until 1999, have none and
    are not looked for.
    Source: GB 11643-1999.
    """
    for match in _CHINESE_ID.finditer(text):
        if is_chinese_id(match.group()):
            yield Span(*match.span(), CHINESE_ID)


def is_chinese_id(number: str) -> bool:
    """Whether 18 characters are a well-formed resident identity number."""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(w * int(digit) for w, digit in zip(_ID_WEIGHTS, number[:17], strict=True))
    return number[:2] in _PROVINCES and number[17].upper() == _ID_CHECKS[total % 11]
