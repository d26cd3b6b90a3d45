"""The JSON that manifests and markers are made of: one type, one canonical form."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import xxhash

Json: TypeAlias = Any


def canonical(value: Json) -> str:
    """Text form that is equal for equal values: sorted keys, no blanks, finite numbers only."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: Json) -> str:
    """128-bit xxh3 of the canonical form, as 32 hex digits: names a value, does not sign it."""
    return xxhash.xxh3_128_hexdigest(canonical(value).encode())


def changed_fields(old: Json, new: Json, prefix: str = "") -> list[str]:
    """The dotted names of fields that differ, each as `name: old → new`, in sorted order."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        lines: list[str] = []
        for key in sorted({*old, *new}):
            name = f"{prefix}.{key}" if prefix else str(key)
            lines += changed_fields(old.get(key), new.get(key), name)
        return lines
    if _plain(old) == _plain(new):
        return []
    return [f"{prefix}: {_short(old)} → {_short(new)}"]


def _plain(value: Json) -> Json:
    is_sequence = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return [_plain(item) for item in value] if is_sequence else value


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"
