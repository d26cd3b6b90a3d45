"""`quotas.json`: how many windows of which bucket a phase sees; the trainer executes it exactly."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mapneo.core.canonical import Json
from mapneo.core.errors import ManifestError
from mapneo.core.files import read_json, write_json


@dataclass(frozen=True, kw_only=True, order=True)
class BucketName:
    """What a mixture can weigh: a source's documents of one language and category."""

    source: str
    language: str
    category: str


@dataclass(frozen=True, kw_only=True)
class TokenFile:
    """A token file, by its path below the `encode` artifact, and its length in tokens."""

    file: str
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket's part in one phase.

    Window *k* is tokens `[k·seq_len, k·seq_len + seq_len + 1)` of `files` laid end to end.
    """

    source: str
    language: str
    category: str
    files: tuple[TokenFile, ...]
    tokens: int
    windows_available: int
    quota_windows: int
    epochs: float

    @property
    def name(self) -> BucketName:
        """Source, language and category."""
        return BucketName(source=self.source, language=self.language, category=self.category)


@dataclass(frozen=True, kw_only=True)
class PhaseQuotas:
    """One phase: number from 1, windows in all, and the buckets that give them."""

    phase: int
    windows: int
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """All that the trainer must know of the data; see docs/formats.md."""

    seq_len: int
    seed: int
    token_bytes: int
    vocabulary: int
    eod: int
    phases: tuple[PhaseQuotas, ...]


def windows_available(tokens: int, seq_len: int) -> int:
    """Windows of `seq_len` predictions that fit into `tokens` tokens without overlap of targets."""
    return max(0, (tokens - 1) // seq_len)


def write_quotas(path: Path, quotas: Quotas) -> None:
    """Write `quotas.json`."""
    write_json(path, asdict(quotas))


def read_quotas(path: Path) -> Quotas:
    """Read `quotas.json`.

    Raises:
        ManifestError: the file is missing or has other fields.
    """
    value = read_json(path)
    try:
        phases = tuple(_phase(phase) for phase in value.pop("phases"))
        return Quotas(phases=phases, **value)
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{path} is not a table of quotas ({error}): run mix again") from error


def _phase(value: Mapping[str, Json]) -> PhaseQuotas:
    buckets = tuple(_bucket(bucket) for bucket in value["buckets"])
    return PhaseQuotas(phase=value["phase"], windows=value["windows"], buckets=buckets)


def _bucket(value: Mapping[str, Json]) -> Bucket:
    files = tuple(TokenFile(**file) for file in value["files"])
    return Bucket(**{**value, "files": files})
