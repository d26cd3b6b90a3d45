"""The one shape all stages share: frozen config in, `run(work)`, outcome out.

A stage writes files; the pipeline writes the manifest, so no stage can forget a field of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict

from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.errors import ManifestError
from mapneo.core.manifest import Manifest
from mapneo.core.progress import Progress

if TYPE_CHECKING:
    from mapneo.core.engine import Engine


class Config(BaseModel):
    """Base of a stage's settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """A file of an upstream artifact: where it lies, its name there, its SHA-256."""

    path: Path
    relative: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """What an upstream stage left."""

    directory: Path
    manifest: Manifest

    def files(self, pattern: str) -> list[InputFile]:
        """Files whose path below the artifact matches `pattern`, sorted by that path."""
        return [
            InputFile(path=self.directory / name, relative=name, sha256=record.sha256)
            for name, record in sorted(self.manifest.outputs.items())
            if fnmatch(name, pattern)
        ]

    def file(self, name: str) -> InputFile:
        """The file `name` below the artifact.

        Raises:
            ManifestError: the artifact has no such file.
        """
        if name not in self.manifest.outputs:
            raise ManifestError(
                f"{self.directory} has no {name}: run the stage {self.manifest.stage} again"
            )
        record = self.manifest.outputs[name]
        return InputFile(path=self.directory / name, relative=name, sha256=record.sha256)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a stage is given to run; `fingerprint` covers its settings, seed and inputs."""

    output: Path
    inputs: Mapping[str, Artifact]
    engine: "Engine"
    progress: Progress
    seed: int
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a stage hands back: counts, facts for the page, files it wrote by itself.

    Files written through the engine are known already and need not be named.
    """

    counts: Counts = field(default_factory=Counts)
    facts: Mapping[str, Json] = field(default_factory=dict)
    files: tuple[str, ...] = ()


class Stage(Protocol):
    """A frozen config and `run`; `version` is raised by hand when the output changes meaning."""

    @property
    def name(self) -> str:
        """Name of the stage and of its folder in the run."""

    @property
    def version(self) -> int:
        """Part of the fingerprint."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the stages it reads."""

    @property
    def config(self) -> Config:
        """Resolved settings."""

    def run(self, work: Work) -> Outcome:
        """Do the work, or what is left of it after an interruption."""
