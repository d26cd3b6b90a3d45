"""Hugging Face dataset folders: which of their files make up a configuration's split.

Two layouts: that of the Hub (a card whose front matter may name `data_files`, else splits by the
names of files) and that of `Dataset.save_to_disk` (Arrow files named by `state.json`).
"""

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import yaml

from mapneo.core.canonical import Json
from mapneo.core.errors import InputError
from mapneo.sources.file_types import file_type

CARD = "README.md"
STATE = "state.json"
SPLITS = "dataset_dict.json"
_SPLIT_NAMES: Mapping[str, Sequence[str]] = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_ROW_READERS = ("jsonl", "parquet", "arrow", "text")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a dataset card's front matter says that matters here."""

    licence: str | None = None
    configs: Mapping[str, Json] | None = None


def read_card(text: str) -> Card:
    """The front matter of a card; one without, or that is no YAML, says nothing."""
    found = _FRONT_MATTER.match(text)
    try:
        values = yaml.safe_load(found.group(1)) if found else None
    except yaml.YAMLError:
        values = None
    if not isinstance(values, dict):
        return Card()
    licence = values.get("license")
    names = licence if isinstance(licence, list) else [licence]
    configs = values.get("configs")
    return Card(
        licence=" OR ".join(str(name) for name in names if name) or None,
        configs={
            str(config.get("config_name", "default")): config.get("data_files")
            for config in configs
            if isinstance(config, dict)
        }
        if isinstance(configs, list)
        else None,
    )


def split_files(paths: Iterable[str], card: Card, config: str, split: str) -> list[str]:
    """Paths below the folder that belong to a configuration's split, sorted.

    Raises:
        InputError: the card has no such configuration, or no file belongs to the split.
    """
    paths = sorted(paths)
    if card.configs is not None and config not in card.configs:
        raise InputError(
            f"the dataset has no configuration {config!r}; it has {', '.join(card.configs)}"
        )
    declared = card.configs.get(config) if card.configs else None
    if declared is not None:
        patterns = _patterns(declared, split)
        chosen = [path for path in paths if any(_matches(path, one) for one in patterns)]
    else:
        chosen = _by_name([path for path in paths if _holds_rows(path)], split)
    if not chosen:
        raise InputError(f"the dataset has no file of configuration {config!r}, split {split!r}")
    return chosen


def saved_files(state: str, folder: str) -> list[str]:
    """Arrow files of a dataset saved to disk, from its `state.json`; paths below the dataset.

    Raises:
        InputError: the state is not what `save_to_disk` writes.
    """
    try:
        names = [entry["filename"] for entry in json.loads(state)["_data_files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder or '.'}/{STATE} is no state of a saved dataset") from error
    return [f"{folder}/{name}" if folder else name for name in names]


def _patterns(declared: Json, split: str) -> list[str]:
    """Patterns of a split in a `data_files` entry, which has many shapes."""
    if isinstance(declared, str):
        return [declared] if split == "train" else []
    if isinstance(declared, Mapping):
        declared = [{"split": name, "path": path} for name, path in declared.items()]
    found: list[str] = []
    for entry in declared if isinstance(declared, list) else []:
        if isinstance(entry, str):
            found += [entry] if split == "train" else []
        elif isinstance(entry, Mapping) and str(entry.get("split", "train")) == split:
            path = entry.get("path", [])
            found += [path] if isinstance(path, str) else list(path)
    return found


def _matches(path: str, pattern: str) -> bool:
    """Shell patterns as datasets takes them: `*` stays in a folder, `**` does not."""
    pattern = pattern.removeprefix("./")
    if "**" in pattern:
        return fnmatch.fnmatchcase(path, pattern.replace("**/", "*").replace("**", "*"))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


def _by_name(paths: Sequence[str], split: str) -> list[str]:
    def named(path: str, names: Iterable[str]) -> bool:
        return any(re.search(rf"(?:^|[-._ /])(?:{name})(?=[-._ /])", path) for name in names)

    if any(named(path, names) for path in paths for names in _SPLIT_NAMES.values()):
        return [path for path in paths if named(path, _SPLIT_NAMES.get(split, (split,)))]
    return list(paths) if split == "train" else []


def _holds_rows(path: str) -> bool:
    kind = file_type(path)
    name = path.rsplit("/", 1)[-1]
    return kind is not None and kind.reader in _ROW_READERS and name != CARD and name[0] != "."
