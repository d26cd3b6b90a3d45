"""Shards left out because a file can't be read: named, counted, tried again when it changes.

A shard goes as a whole: the files of its name in all inputs (documents, signals, verdicts) are
hidden from the stage, so that what is paired stays paired.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from mapneo.core.artifact import Artifact
from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.errors import CorruptFileError
from mapneo.core.manifest import Manifest
from mapneo.core.storage import stamp

CORRUPT_SHARD = "corrupt_shard"
"""Kind of error under which such shards are counted, each as one: how many documents it held is
what can't be read."""

Named = Mapping[str, Mapping[str, Json]]
"""`<stage>/<path below it>` → size_bytes, mtime_ns, etag, reason; as manifests hold it."""


def inherited(manifests: Iterable[Manifest]) -> dict[str, Mapping[str, Json]]:
    """What the stages before have set aside."""
    return {name: facts for manifest in manifests for name, facts in manifest.set_aside.items()}


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """A file of a shard that can't be read: its name in `Named`, and what is known of it."""

    name: str
    facts: Mapping[str, Json]


def damaged_shard(inputs: Mapping[str, Artifact], error: CorruptFileError) -> Damaged | None:
    """The shard's file that the error is about; None if it is no shard of an input."""
    for name, artifact in inputs.items():
        for relative in artifact.manifest.outputs:
            path = artifact.directory / relative
            if "/" in relative and str(path) == error.path:
                seen = stamp(path)
                facts = {**(vars(seen) if seen else {}), "reason": error.reason}
                return Damaged(name=f"{name}/{relative}", facts=facts)
    return None


def without(inputs: Mapping[str, Artifact], aside: Named) -> dict[str, Artifact]:
    """The inputs as the stage sees them, without the files of shards that are set aside."""
    gone = {PurePosixPath(name).stem for name in aside}
    return {name: _hide(artifact, gone) for name, artifact in inputs.items()}


def _hide(artifact: Artifact, shards: set[str]) -> Artifact:
    if not shards:
        return artifact
    kept = {
        name: record
        for name, record in artifact.manifest.outputs.items()
        if not ("/" in name and PurePosixPath(name).stem in shards)
    }
    return replace(artifact, manifest=replace(artifact.manifest, outputs=kept))


def counted(counts: Counts, shards: int) -> Counts:
    """The stage's counts and the shards that it set aside itself."""
    if not shards:
        return counts
    own = Counts(documents_in=shards, errors={CORRUPT_SHARD: shards})
    return Counts.total([counts, own])


def changed_since(folders: Mapping[str, Path], aside: Named) -> list[str]:
    """Names of files set aside that are others now, or gone: worth another try."""
    names = []
    for name, facts in sorted(aside.items()):
        stage, _, relative = name.partition("/")
        seen = stamp(folders[stage] / relative) if stage in folders else None
        before = {key: value for key, value in facts.items() if key != "reason"}
        if (vars(seen) if seen else {}) != before:
            names.append(name)
    return names
