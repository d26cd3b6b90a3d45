"""A row of an open set to a document: which field is the text, which say where it is from."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from mapneo.core.canonical import Json
from mapneo.sources.documents import Broken, Extracted
from mapneo.sources.forms import RowForm

_FIELD = re.compile(r"\{([^{}]+)\}")


def document_of_row(
    row: int, value: dict[str, Json], form: RowForm, raw_sha256: str | None, *, whole: bool = True
) -> Extracted | Broken:
    """The document of a row, or why there is none; `value` is used up.

    Args:
        row: position in the file.
        value: the row's fields.
        form: what they mean.
        raw_sha256: of the row's bytes; None for a row of columns, which has none: the text's.
        whole: False if the row may hold what UTF-8 or canonical JSON can't (lone surrogates, NaN).
    """
    for name in form.json_fields:
        _read_json_field(value, name)
    found = _text(value, form)
    if isinstance(found, str):
        text = found if whole else storable(found)
        if not text or text.isspace():
            return Broken(kind="no_text", message="the row's text is blank", row=row)
        url = _first_string(value, form.url)
        licence = _licence(value, form)
        fetched = _look_up(value, form.fetched)
        meta = _meta(value, form)
        return Extracted(
            text=text,
            row=row,
            url=url if whole or url is None else storable(url),
            raw_sha256=raw_sha256 or hashlib.sha256(text.encode()).hexdigest(),
            fetched=None if fetched is None else str(fetched),
            licence=licence,
            meta=meta if whole else plain(meta),
        )
    message = f"the row has no text under any of {', '.join(found)}"
    return Broken(kind="no_text", message=message, row=row)


def storable(text: str) -> str:
    """JSON may hold lone surrogates, which UTF-8 can't: they become `?`."""
    return text.encode("utf-8", "replace").decode()


def plain(value: Json) -> Json:
    """The value as canonical JSON can hold it: no NaN, no infinity, no lone surrogates."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=True, default=str)
    return json.loads(storable(text), parse_constant=str)


def _text(value: dict[str, Json], form: RowForm) -> str | Sequence[str]:
    """The row's text, taken out of `value`; or the names that were looked for."""
    if form.template is not None:
        return _filled(value, form.template)
    for name in form.text:
        found = value.get(name) if "." not in name else _look_up(value, name)
        if isinstance(found, str):
            value.pop(name, None)
            return found
    return form.text


def _filled(value: dict[str, Json], template: str) -> str | Sequence[str]:
    names = _FIELD.findall(template)
    fields = {name: _as_text(_look_up(value, name)) for name in names}
    if not any(fields.values()):
        return names
    for name in names:
        value.pop(name, None)
    lines = []
    for line in template.split("\n"):
        inside = _FIELD.findall(line)
        if not inside or any(fields[name] for name in inside):
            lines.append(_FIELD.sub(lambda match: fields[match.group(1)], line))
    return "\n".join(lines).strip()


def _as_text(value: Json) -> str:
    if isinstance(value, list):
        return "\n".join(map(_as_text, value))
    return "" if value is None else str(value)


def _look_up(value: Mapping[str, Json], name: str | None) -> Json:
    """The field of this name; `a.b` is field b of field a. None if there is none."""
    if name is None:
        return None
    if name in value:
        return value[name]
    found: Json = value
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _first_string(value: Mapping[str, Json], names: Sequence[str]) -> str | None:
    for name in names:
        found = _look_up(value, name)
        if isinstance(found, str) and found:
            return found
    return None


def _licence(value: Mapping[str, Json], form: RowForm) -> str | None:
    found = _look_up(value, form.licence)
    names = found if isinstance(found, list) else [found]
    return " OR ".join(sorted({str(name) for name in names if name})) or None


def _meta(value: dict[str, Json], form: RowForm) -> dict[str, Json]:
    """Id, signals, and the other fields that are kept."""
    meta: dict[str, Json] = {}
    signals = {name: _look_up(value, name) for name in form.signals}
    signals = {name: number for name, number in signals.items() if number is not None}
    for name in form.signals:
        value.pop(name, None)
    if form.keep is None:
        meta = value
    else:
        meta = {name: value[name] for name in form.keep if name in value}
    identity = _look_up(value, form.id)
    if identity is not None:
        meta["id"] = identity
    if signals:
        meta["signals"] = signals
    return meta


def _read_json_field(value: dict[str, Json], name: str) -> None:
    text = value.get(name)
    if isinstance(text, str):
        try:
            value[name] = plain(json.loads(text))
        except (ValueError, RecursionError):
            return  # kept as the string it is
