"""The one shape all stages share: frozen config in, `run(work)`, outcome out.

A stage writes files; the pipeline writes the manifest, so no stage can forget a field of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from mapneo.core.artifact import Artifact, InputFile
from mapneo.core.canonical import Json
from mapneo.core.config import Config
from mapneo.core.counts import Counts
from mapneo.core.engine import Engine
from mapneo.core.progress import Progress

__all__ = [
    "Artifact",
    "Config",
    "InputFile",
    "Outcome",
    "Reach",
    "Reaching",
    "Stage",
    "Work",
    "reach_of",
]

Reach = Literal["machine", "storage", "anywhere"]
"""How far a stage goes: `machine`, its folders must be local (memory maps, torch); `storage`, its
folder may lie in an object store, but its tasks run here (downloads); `anywhere`, its tasks may
also run on other machines that see the folder."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a stage is given to run; `fingerprint` covers its settings, seed and inputs."""

    output: Path
    inputs: Mapping[str, Artifact]
    engine: Engine
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


@runtime_checkable
class Reaching(Protocol):
    """A stage that goes further than this machine."""

    @property
    def reach(self) -> Reach:
        """See `Reach`."""


def reach_of(stage: Stage) -> Reach:
    """How far a stage goes; one that says nothing stays on this machine."""
    return stage.reach if isinstance(stage, Reaching) else "machine"
