"""A cursor into the JSON files of a run: every value read knows its file and its path in it."""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mapneo.core.canonical import Json
from mapneo.core.errors import InputError, ManifestError
from mapneo.core.files import read_json
from mapneo.core.manifest import MANIFEST_NAME

Key = str | int


@dataclass(frozen=True, kw_only=True)
class Node:
    """One value of a JSON file: `file` is relative to the run, `keys` lead to the value."""

    file: str
    keys: tuple[Key, ...]
    value: Json

    @property
    def pointer(self) -> str:
        """Path of the value inside its file, as a JSON pointer (RFC 6901)."""
        return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in self.keys)

    def at(self, *keys: Key) -> "Node":
        """The value below this one.

        Raises:
            ManifestError: there is none; file and path are named.
        """
        node = self
        for key in keys:
            below = node._below(key)
            if below is None:
                raise ManifestError(f"{node.file} has no {node.pointer}/{key}")
            node = below
        return node

    def maybe(self, *keys: Key) -> "Node | None":
        """The value below this one, or None if it is absent or null."""
        node = self
        for key in keys:
            below = node._below(key)
            if below is None or below.value is None:
                return None
            node = below
        return node

    def rows(self) -> list["Node"]:
        """The elements of a list.

        Raises:
            ManifestError: the value is no list.
        """
        if not isinstance(self.value, list):
            raise self._unlike("a list")
        return [self._child(index, value) for index, value in enumerate(self.value)]

    def fields(self) -> dict[str, "Node"]:
        """The members of an object, sorted by name.

        Raises:
            ManifestError: the value is no object.
        """
        if not isinstance(self.value, Mapping):
            raise self._unlike("an object")
        return {name: self._child(name, self.value[name]) for name in sorted(self.value)}

    def number(self) -> float:
        """The value as a number.

        Raises:
            ManifestError: it is none.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self._unlike("a number")
        return self.value

    def text(self) -> str:
        """The value as text.

        Raises:
            ManifestError: it is none.
        """
        if not isinstance(self.value, str):
            raise self._unlike("text")
        return self.value

    def _below(self, key: Key) -> "Node | None":
        if isinstance(self.value, Mapping) and key in self.value:
            return self._child(key, self.value[key])
        is_index = isinstance(self.value, list) and isinstance(key, int)
        if is_index and 0 <= int(key) < len(self.value):
            return self._child(key, self.value[int(key)])
        return None

    def _child(self, key: Key, value: Json) -> "Node":
        return Node(file=self.file, keys=(*self.keys, key), value=value)

    def _unlike(self, wanted: str) -> ManifestError:
        return ManifestError(
            f"{self.file}: {self.pointer or '/'} should be {wanted}, "
            f"but is {type(self.value).__name__}"
        )


class RunFiles:
    """The JSON files of a run's stages, read once each, whether the run is whole or not."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        """`folders` leads from a stage's name to its folder, in the order of the pipeline."""
        self._folders = dict(folders)
        self._read: dict[str, Node] = {}

    @staticmethod
    def of_run(run: Path, stages: tuple[str, ...]) -> "RunFiles":
        """All `stages` of the run directory `run`, done or not."""
        return RunFiles({stage: run / stage for stage in stages})

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order of the pipeline."""
        return tuple(self._folders)

    def manifest(self, stage: str) -> Node:
        """The manifest of a finished stage.

        Raises:
            ManifestError: the stage has not finished, or its manifest is damaged.
        """
        return self.json(stage, MANIFEST_NAME)

    def facts(self, stage: str) -> Node:
        """The facts in a finished stage's manifest.

        Raises:
            ManifestError: the stage has not finished, or its manifest is damaged.
        """
        return self.manifest(stage).at("facts")

    def json(self, stage: str, name: str) -> Node:
        """A JSON file of a stage.

        Raises:
            ManifestError: the file is missing or damaged.
        """
        return self._cached(stage, name, read_json)

    def lines(self, stage: str, name: str) -> Node:
        """A JSON Lines file as a list with one element per line; a torn last line is left out.

        Raises:
            ManifestError: the file is missing or damaged.
        """
        return self._cached(stage, name, _read_lines)

    def _cached(self, stage: str, name: str, reader: Callable[[Path], Json]) -> Node:
        file = f"{stage}/{name}"
        if file not in self._read:
            path = self._folders.get(stage, Path(stage)) / name
            if not path.is_file():
                raise ManifestError(f"{file} is not there: the stage {stage} has not written it")
            self._read[file] = Node(file=file, keys=(), value=reader(path))
        return self._read[file]


def toml_node(path: Path, name: str) -> Node:
    """A TOML file as a node; `name` is what the page calls the file.

    Raises:
        InputError: the file is missing or is not TOML.
    """
    try:
        return Node(file=name, keys=(), value=tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML ({error}): mend the file") from error


def _read_lines(path: Path) -> Json:
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    values = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            values.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise ManifestError(f"{path}, line {number} is not valid JSON ({error})") from error
    return values
