"""A recipe is a TOML file; this reads it, applies `key=value` overrides, and explains mistakes.

Order of precedence: defaults < file < command line.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError, InputError

R = TypeVar("R", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Json]:
    """Parse a TOML file.

    Raises:
        InputError: there is no such file, or it can't be read.
        ConfigError: it is not TOML; the message names line and column.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(_missing(path)) from error
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def _missing(path: Path) -> str:
    folder = path.parent
    there = sorted(p.name for p in folder.glob("*.toml")) if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, there, n=1)
    hint = f"; did you mean {folder / near[0]}?" if near else ""
    listing = f" (there: {', '.join(there)})" if there and not near else ""
    return f"there is no file {path}{hint}{listing}"


def with_overrides(values: Mapping[str, Json], overrides: Sequence[str]) -> dict[str, Json]:
    """Apply `table.key=value` settings; a value is read as TOML, or else taken as a string.

    Raises:
        ConfigError: a setting has no `=`, or runs through something that is not a table.
    """
    result = _copy(values)
    for setting in overrides:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"`{setting}` is not a setting: write table.key=value")
        *tables, key = name.strip().split(".")
        table = result
        for part in tables:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise ConfigError(f"`{setting}`: {part} is a value, not a table")
        table[key] = _toml_value(text.strip())
    return result


def _copy(values: Mapping[str, Json]) -> dict[str, Json]:
    return {k: _copy(v) if isinstance(v, Mapping) else v for k, v in values.items()}


def _toml_value(text: str) -> Json:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def validate(model: type[R], values: Mapping[str, Json], where: str) -> R:
    """Check `values` against `model`; all mistakes are reported at once.

    Raises:
        ConfigError: names file, key, what was expected, what came, and the likely right key.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = _innermost(error.errors())
        lines = [_explain(model, details) for details in errors]
        raise ConfigError(f"{where}: " + "\n".join(lines)) from error


def _innermost(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that only say that something inside them was wrong."""
    places = [details["loc"] for details in errors]
    return [
        details
        for details in errors
        if not any(
            len(place) > len(details["loc"]) and place[: len(details["loc"])] == details["loc"]
            for place in places
        )
    ]


def _explain(model: type[BaseModel], details: ErrorDetails) -> str:
    name = ".".join(str(part) for part in details["loc"]) or "recipe"
    if details["type"] == "extra_forbidden":
        known = _keys_at(model, details["loc"][:-1])
        near = difflib.get_close_matches(str(details["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key `{name}`; {hint}"
    if details["type"] == "missing":
        return f"`{name}` is missing"
    message = details["msg"].removeprefix("Value error, ")
    # A whole table says nothing that the message does not.
    value = "" if isinstance(details["input"], dict | list) else f" = {details['input']!r}"
    return f"`{name}`{value}: {message[0].lower()}{message[1:]}"


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Names of the keys that the table at `location` may have."""
    here: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int) or here is None:
            continue
        field = here.model_fields.get(part)
        # What is no field is a key of a mapping, whose values are described by `here` already.
        here = here if field is None else _model_inside(field.annotation)
    return [] if here is None else sorted(here.model_fields)


def _model_inside(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_inside, get_args(annotation))), None)
