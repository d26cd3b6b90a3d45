"""All 122 edits and rules of the released code with their state, from `status.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

Profile = Literal["en", "rpv2", "zh"]
Status = Literal["live", "inert", "dead", "off"]

PROFILES: tuple[Profile, ...] = ("en", "rpv2", "zh")
"""The released profiles; their rulesets are named `matrix-released-<profile>`."""

SOURCES = {
    "G": "Rae et al. 2021 (Gopher)",
    "C": "Raffel et al. 2020 (C4)",
    "R": "RefinedWeb and MassiveText repetition rules",
    "N": "Wenzek et al. 2020 (CCNet)",
    "P": "Longpre et al. 2023 (Pretrainer's Guide)",
    "D": "Xie et al. 2023 (DSIR)",
    "V": "RedPajama-V1",
    "M": "MAP-Neo's own",
}
"""Where the released rules come from, by the letter that `status.toml` uses."""


@dataclass(frozen=True, kw_only=True)
class ReleasedRule:
    """One edit or rule of the released code."""

    id: str
    """Name, as docs/rules.md lists it."""
    status: Status
    """live: runs and can fire; inert: runs, can hardly ever fire as written; dead: code without
    effect; off: commented out."""
    source: str
    """Letter of `SOURCES`."""
    drop_if: str
    """Operator and bound, as text; "edit" for a change of the text."""
    measure: str
    """What is compared, exactly as the code computes it."""
    signal: str = ""
    """Name of the signal; empty if the rule is not measured because it is dead or off."""


class ReleasedSignal(NamedTuple):
    """One row of the signal table."""

    name: str
    definition: str
    source: str


@cache
def released_rules(profile: Profile) -> tuple[ReleasedRule, ...]:
    """All edits and rules of a profile, in execution order."""
    text = files(__package__).joinpath("status.toml").read_text(encoding="utf-8")
    return tuple(ReleasedRule(**row) for row in tomllib.loads(text)[profile])


@cache
def signal_rows(profile: Profile) -> tuple[ReleasedSignal, ...]:
    """The signals of a profile, each once, in execution order of the first rule that uses it."""
    rows: dict[str, ReleasedSignal] = {}
    for rule in released_rules(profile):
        if rule.signal:
            source = f"MAP-Neo, Matrix filters as released, {rule.id}"
            rows.setdefault(rule.signal, ReleasedSignal(rule.signal, rule.measure, source))
    return tuple(rows.values())
