"""A finished or half-finished run, read from Python: its manifests, documents and tokens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from mapneo.core.errors import InputError, ManifestError
from mapneo.core.manifest import MANIFEST_NAME, Manifest, read_manifest
from mapneo.core.stage import Artifact
from mapneo.core.tables import read_table
from mapneo.tokenizer import Tokenizer


@dataclass(frozen=True)
class Tokens:
    """The training side of the `encode` stage: token files with their index."""

    encode: Artifact
    tokenizer: Tokenizer

    def documents(self) -> Iterator[Mapping[str, Any]]:
        """Rows of the token index, in shard order; columns are in docs/formats.md."""
        for file in self.encode.files("index/*.parquet"):
            yield from read_table(file.path).to_pylist()

    def ids(self, doc_id: str) -> npt.NDArray[np.integer[Any]]:
        """Token ids of one document, its closing EOD included.

        Raises:
            InputError: no training document has this id.
        """
        for file in self.encode.files("index/*.parquet"):
            rows = read_table(file.path)
            found = rows.filter(pc.equal(rows["doc_id"], doc_id)).to_pylist()
            if found:
                row = found[0]
                stream = np.memmap(
                    self.encode.directory / row["file"], dtype=self.tokenizer.dtype, mode="r"
                )
                start = row["offset_tokens"]
                return np.asarray(stream[start : start + row["length_tokens"]])
        raise InputError(f"{self.encode.directory} has no tokens of a document {doc_id!r}")


@dataclass(frozen=True)
class RunReader:
    """Reads a run directory; opens whatever is there."""

    directory: Path

    @cached_property
    def manifests(self) -> Mapping[str, Manifest]:
        """Manifests of the finished stages, by stage name."""
        found = {}
        for path in sorted(self.directory.glob(f"*/{MANIFEST_NAME}")):
            manifest = read_manifest(path.parent)
            if manifest is not None:
                found[manifest.stage] = manifest
        return found

    def artifact(self, stage: str) -> Artifact:
        """A finished stage.

        Raises:
            ManifestError: the stage is not done, or there is no such stage.
        """
        if stage not in self.manifests:
            raise ManifestError(
                f"{self.directory} has no finished stage {stage!r}; "
                f"finished: {', '.join(self.manifests) or 'none'}"
            )
        return Artifact(directory=self.directory / stage, manifest=self.manifests[stage])

    def documents(self, stage: str = "split") -> Iterator[Mapping[str, Any]]:
        """Documents that a stage kept, as rows, in shard order: extract, measure, dedup, split."""
        for file in self.artifact(stage).files("documents/*.parquet"):
            yield from read_table(file.path).to_pylist()

    def document(self, doc_id: str, stage: str = "split") -> Mapping[str, Any]:
        """One document.

        Raises:
            InputError: the stage kept no document of this id.
        """
        for file in self.artifact(stage).files("documents/*.parquet"):
            table = read_table(file.path)
            rows: list[Mapping[str, Any]] = table.filter(
                pc.equal(table["doc_id"], doc_id)
            ).to_pylist()
            if rows:
                return rows[0]
        raise InputError(f"stage {stage} of {self.directory} kept no document {doc_id!r}")

    def tokens(self) -> Tokens:
        """The training tokens with their index and tokenizer."""
        model = self.artifact("tokenizer").file("tokenizer.model")
        return Tokens(encode=self.artifact("encode"), tokenizer=Tokenizer.load(model.path))


def open_run(directory: Path | str) -> RunReader:
    """Open a run directory.

    Raises:
        InputError: there is no such directory.
    """
    path = Path(directory)
    if not path.is_dir():
        raise InputError(f"there is no run directory {path}")
    return RunReader(path)
