"""What a finished stage left, as the stages behind it see it."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from mapneo.core.errors import ManifestError
from mapneo.core.manifest import Manifest


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
