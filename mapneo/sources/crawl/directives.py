"""What pages ask of readers: robots directives (header and meta), and TDM reservations.

Sources: the robots meta tag and X-Robots-Tag as search engines document them, `noai`/`noimageai`
as introduced by DeviantArt, and the TDM Reservation Protocol of the W3C community group (2024).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

DIRECTIVES = ("noindex", "nofollow", "noarchive", "noai", "noimageai")
TDM_PATH = "/.well-known/tdmrep.json"
# A directive with a value of its own, which looks like the name of a crawler with its directives.
_VALUED = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What one page asks.

    Attributes:
        robots: directives that hold for us, of `DIRECTIVES`.
        tdm: None: nothing is said; else whether text and data mining is reserved.
        tdm_policy: address of the terms, if given.
        tdm_where: `file`, `header`, `meta`, where the reservation stands; empty if there is none.
    """

    robots: frozenset[str] = field(default_factory=frozenset)
    tdm: bool | None = None
    tdm_policy: str | None = None
    tdm_where: str = ""

    def with_robots(self, directives: Iterable[str]) -> "Wishes":
        """With further directives."""
        return Wishes(
            robots=self.robots | frozenset(directives),
            tdm=self.tdm,
            tdm_policy=self.tdm_policy,
            tdm_where=self.tdm_where,
        )

    def with_tdm(self, value: str | None, policy: str | None, where: str) -> "Wishes":
        """With a statement about mining: `1` reserves, `0` does not, what else says nothing.

        A reservation stands, whatever another place says: where a site contradicts itself, the
        reading that takes less is right.
        """
        said = {"1": True, "0": False}.get((value or "").strip())
        if said is None or self.tdm:
            return self
        return Wishes(robots=self.robots, tdm=said, tdm_policy=policy or None, tdm_where=where)


def robots_directives(values: Iterable[str], product: str, *, named: bool = True) -> frozenset[str]:
    """Directives that hold for us.

    Args:
        values: contents of X-Robots-Tag headers, or of meta tags that are for us.
        product: our product token.
        named: whether a value may begin with the name of the crawler that it is for
            (`otherbot: noindex, nofollow`), as headers may.
    """
    found: set[str] = set()
    for value in values:
        applies = True
        for part in value.lower().split(","):
            name, colon, rest = part.partition(":")
            if named and colon and name.strip() not in _VALUED:
                applies = name.strip() in ("*", "robots", product.lower())
                part = rest
            if applies:
                found.update(part.split())
    if "none" in found:
        found |= {"noindex", "nofollow"}
    return frozenset(found.intersection(DIRECTIVES))


@dataclass(frozen=True)
class TdmRule:
    """An entry of a site's tdmrep.json: a pattern of paths, reserved or not, and the terms."""

    location: str
    reserved: bool
    policy: str | None


def parse_tdm_file(body: bytes) -> tuple[TdmRule, ...]:
    """The rules of a tdmrep.json; what is not of its form counts as absent."""
    try:
        entries = json.loads(body.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        return ()
    if isinstance(entries, dict):
        entries = [entries]
    rules = []
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
            continue
        reservation, policy = entry.get("tdm-reservation"), entry.get("tdm-policy")
        if str(reservation) in ("0", "1", "True", "False"):
            reserved = str(reservation) in ("1", "True")
            terms = policy if isinstance(policy, str) else None
            rules.append(TdmRule(entry["location"], reserved, terms))
    return tuple(rules)


def tdm_rule(rules: Sequence[TdmRule], url: str) -> TdmRule | None:
    """The rule for an address: the longest that matches; of equal ones, the one that reserves."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fitting = [rule for rule in rules if _matches(rule.location, path)]
    return max(fitting, key=lambda rule: (len(rule.location), rule.reserved), default=None)


def _matches(location: str, path: str) -> bool:
    """robots.txt's patterns: `*` is anything, a `$` at the end is the end; in linear time."""
    is_whole = location.endswith("$")
    first, *others = (location[:-1] if is_whole else location).split("*")
    if not path.startswith(first):
        return False
    last = others.pop() if others and is_whole else None
    position = len(first)
    for piece in others:
        found = path.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    if last is not None:
        return len(path) - len(last) >= position and path.endswith(last)
    return not is_whole or position == len(path)
