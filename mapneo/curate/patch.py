"""Settings of stage judge as TOML, to be put into a recipe."""

import json
import re

from mapneo.core.canonical import Json
from mapneo.curate.stage_judge import JudgeConfig

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(config: JudgeConfig) -> str:
    """The whole table `[judge]`, which takes the place of a recipe's own."""
    values = config.model_dump(mode="json", exclude_none=True)
    lines = ["[judge]", f"rulesets = {toml_value(values['rulesets'])}"]
    if values["overrides"]:
        lines += ["", "[judge.overrides]"]
        lines += [f"{toml_key(k)} = {toml_value(v)}" for k, v in values["overrides"].items()]
    for source, own in values["sources"].items():
        filled = {name: value for name, value in own.items() if value}
        if filled:
            lines += ["", f"[judge.sources.{toml_key(source)}]"]
            lines += [f"{name} = {toml_value(value)}" for name, value in filled.items()]
    return "\n".join(lines) + "\n"


def toml_key(name: str) -> str:
    """A key, quoted where TOML wants it."""
    return name if _BARE.fullmatch(name) else toml_value(name)


def toml_value(value: Json) -> str:
    """A JSON value without nulls as TOML on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{toml_key(name)} = {toml_value(item)}" for name, item in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    # TOML, unlike JSON, wants DEL escaped; else their strings and numbers are the same.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
