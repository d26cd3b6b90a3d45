"""What is to be different when a run is judged again, and the settings that it amounts to."""

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.core.recipe import validate, with_overrides
from mapneo.curate.patch import toml_value
from mapneo.curate.rules import load_ruleset
from mapneo.curate.stage_judge import JudgeConfig


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be different.

    Attributes:
        settings: `RULE.min=VALUE`, `RULE.max=VALUE`, `RULE.report_only=true`.
        rulesets: profiles instead of the run's; none: the run's.
        exempt: `SOURCE:RULE`, documents of a source that pass a rule whatever their value.
    """

    settings: tuple[str, ...] = ()
    rulesets: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()


def wished(before: JudgeConfig, wish: Wish) -> tuple[JudgeConfig, tuple[str, ...]]:
    """The settings that a wish makes of the run's.

    Returns:
        The settings, and the names of the run's settings that were left out because the wished
        rulesets have no such rule.

    Raises:
        ConfigError: nothing is wished, or a rule, bound or ruleset does not exist.
    """
    if wish == Wish():
        raise ConfigError(
            "nothing to judge by: give --set RULE.min=VALUE, --ruleset NAME or --exempt SOURCE:RULE"
        )
    values = before.model_dump(mode="json", exclude_none=True)
    ignored: list[str] = []
    if wish.rulesets:
        values["rulesets"] = list(wish.rulesets)
        known = {rule.id for name in wish.rulesets for rule in load_ruleset(name).rules}
        ignored = _leave_out(values, known)
    for setting in wish.settings:
        name = setting.partition("=")[0]
        if name.count(".") != 1 or "=" not in setting:
            raise ConfigError(
                f"--set {setting}: write RULE.min=VALUE, RULE.max=VALUE or RULE.report_only=true"
            )
    values = with_overrides(values, [f"overrides.{setting}" for setting in wish.settings])
    for item in wish.exempt:
        source, colon, rule = item.rpartition(":")
        if not colon or not source:
            raise ConfigError(f"--exempt {item}: write SOURCE:RULE")
        exempt = values["sources"].setdefault(source, {}).setdefault("exempt", [])
        values["sources"][source]["exempt"] = sorted({*exempt, rule})
    return validate(JudgeConfig, values, "--set, --ruleset, --exempt"), tuple(ignored)


def _leave_out(values: dict[str, Json], known: set[str]) -> list[str]:
    """Take settings of rules that are not known out of `values`; returns their names."""
    gone = [f"overrides.{name}" for name in values["overrides"] if name not in known]
    values["overrides"] = {k: v for k, v in values["overrides"].items() if k in known}
    for source, own in values["sources"].items():
        names = [*own.get("exempt", ()), *own.get("overrides", {})]
        gone += [f"sources.{source}.{name}" for name in names if name not in known]
        own["exempt"] = [name for name in own.get("exempt", ()) if name in known]
        own["overrides"] = {k: v for k, v in own.get("overrides", {}).items() if k in known}
    return gone


def check_exempt(wish: Wish, sources: Collection[str]) -> None:
    """Make sure that each source, or pattern of sources, to be exempt is there.

    Raises:
        ConfigError: one fits no source of the run.
    """
    for item in wish.exempt:
        pattern = item.rpartition(":")[0]
        if not any(fnmatchcase(source, pattern) for source in sources):
            raise ConfigError(
                f"--exempt {item}: no source of the run is named {pattern}; there are "
                f"{', '.join(sorted(sources))}"
            )


def command(wish: Wish, config: JudgeConfig, ignored: tuple[str, ...]) -> str:
    """The command that judges for good, with all that follows, or how to get there."""
    sources = sorted({item.rpartition(":")[0] for item in wish.exempt})
    if ignored or any("." in source for source in sources):
        return "mapneo run RECIPE.toml  # once the patch stands in place of its [judge]"
    settings = [f"judge.overrides.{setting}" for setting in wish.settings]
    if wish.rulesets:
        settings.insert(0, f"judge.rulesets={toml_value(list(wish.rulesets))}")
    for source in sources:
        exempt = toml_value(list(config.sources[source].exempt))
        settings.append(f"judge.sources.{source}.exempt={exempt}")
    return f"mapneo run RECIPE.toml {shlex.join(settings)}"
