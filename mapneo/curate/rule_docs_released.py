"""The part of docs/rules.md on MAP-Neo's own edits and rules: as released, and as we have them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from mapneo.curate import rule_docs_text as prose
from mapneo.curate.edits import EDITS
from mapneo.curate.released.table import PROFILES, SOURCES, ReleasedRule, released_rules
from mapneo.curate.rule_docs_tables import code, drop_if, table
from mapneo.curate.rules import Ruleset

_TITLES = {
    "en": "English pages",
    "rpv2": "English pages of RedPajama-V2",
    "zh": "Chinese pages",
}
_RELEASED = "matrix-released-"


def released_parts(profiles: Sequence[Ruleset]) -> Iterable[str]:
    """Headings, notes and tables; `profiles` are searched for rules with the same ids."""
    rules = [rule for name in PROFILES for rule in released_rules(name)]
    yield prose.RELEASED.format(rules=len(rules))
    yield _status_table()
    ours = [profile for profile in profiles if not profile.name.startswith(_RELEASED)]
    for name in PROFILES:
        yield f"### {_TITLES[name]}"
        yield _rule_table(released_rules(name), ours)


def covered_by(rule_id: str, profiles: Iterable[Ruleset]) -> str:
    """Our rules and edits of that id, with their bounds; a dash if there is none."""
    found = [
        f"{code(profile.name)} {drop_if(rule)}" + (" (only reports)" if rule.report_only else "")
        for profile in profiles
        for rule in profile.rules
        if rule.id == rule_id
    ]
    if rule_id in EDITS:
        found.append(f"edit {code(rule_id)}")
    return "; ".join(found) or "–"


def _status_table() -> str:
    rows = []
    for name in PROFILES:
        counts = Counter(rule.status for rule in released_rules(name))
        states = [str(counts[state]) for state in ("live", "inert", "dead", "off")]
        rows.append((_TITLES[name], code(f"{_RELEASED}{name}"), *states, str(counts.total())))
    return table(("for", "profile", "live", "inert", "dead", "off", "all"), rows)


def _rule_table(rules: Iterable[ReleasedRule], ours: Sequence[Ruleset]) -> str:
    heads = ("id", "released", "compares", "drops if", "source", "ours, with the meaning intended")
    rows = [
        (
            code(rule.id),
            rule.status,
            rule.measure,
            rule.drop_if,
            SOURCES[rule.source],
            covered_by(rule.id, ours),
        )
        for rule in rules
    ]
    return table(heads, rows)
