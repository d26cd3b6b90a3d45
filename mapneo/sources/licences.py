"""Licences of code: the SPDX tag in a file's head, else the licence file nearest above it."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from identify.identify import license_id

_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*(\(?[A-Za-z0-9][A-Za-z0-9.+() \t-]*)")
_HEAD_CHARS = 4096
_NAMES = re.compile(r"(?:licen[cs]e|copying|unlicense)(?:[.-][a-z0-9.]+)?", re.IGNORECASE)


def licence_tag(text: str) -> str | None:
    """The SPDX expression that a file's head states; None if it states none."""
    place = text.find("SPDX-License-Identifier:", 0, _HEAD_CHARS)
    found = _TAG.match(text, place) if place >= 0 else None
    if found is None:
        return None
    # A comment may be closed on the same line.
    return found.group(1).split("--")[0].strip(" \t-") or None


def tree_licences(files: Iterable[tuple[str, Path]]) -> Mapping[str, str]:
    """Licence by folder ("" is the top), from the licence files among `files` (path, place).

    A folder with several of them has them all: `Apache-2.0 OR MIT`, as such trees mean it. A
    licence file that matches no known licence is `unknown (<path>)`.
    """
    by_folder: dict[str, set[str]] = {}
    for path, place in files:
        name = PurePosixPath(path)
        if _NAMES.fullmatch(name.name):
            folder = "" if name.parent == PurePosixPath(".") else name.parent.as_posix()
            by_folder.setdefault(folder, set()).add(_identify(path, place))
    return {folder: " OR ".join(sorted(found)) for folder, found in by_folder.items()}


def licence_above(path: str, by_folder: Mapping[str, str]) -> str | None:
    """The licence of the nearest folder above `path` that has one."""
    for parent in PurePosixPath(path).parents:
        folder = "" if parent == PurePosixPath(".") else parent.as_posix()
        if folder in by_folder:
            return by_folder[folder]
    return None


def _identify(path: str, place: Path) -> str:
    try:
        found = license_id(str(place))
    except (OSError, UnicodeDecodeError):
        found = None
    return found or f"unknown ({path})"
