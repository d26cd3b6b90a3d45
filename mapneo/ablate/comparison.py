"""Bits per byte of each arm and group, and what the arms differ by from the reference.

Two intervals, because two things vary. Over seeds: would the difference be there with other first
weights and another order of windows? Over documents: would it be there on other held-out texts of
the same kind? A difference worth believing is outside both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.core.tables import read_table
from mapneo.evaluate.statistics import (
    Floats,
    Ints,
    bits_per_byte,
    mean_interval,
    paired_difference,
)

ALL_GROUPS = "all"


@dataclass(frozen=True, kw_only=True)
class HeldoutText:
    """The documents that all arms were measured on, in one order."""

    doc_ids: tuple[str, ...]
    groups: tuple[str, ...]
    languages: tuple[str, ...]
    bytes: Ints

    def parts(self) -> list[tuple[str, str, Ints]]:
        """Language, group and numbers of its documents; `all` for a language of several groups."""
        places: dict[tuple[str, str], list[int]] = {}
        for number, place in enumerate(zip(self.languages, self.groups, strict=True)):
            places.setdefault(place, []).append(number)
        parts = []
        for language in sorted({language for language, _ in places}):
            mine = {group: numbers for (name, group), numbers in places.items() if name == language}
            if len(mine) > 1:
                mine[ALL_GROUPS] = sorted(n for numbers in mine.values() for n in numbers)
            parts += [(language, group, np.array(mine[group])) for group in sorted(mine)]
        return parts


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The held-out text and, by arm, (seeds, documents) nats."""

    text: HeldoutText
    nats: Mapping[str, Floats]


def read_measured(scores: Mapping[str, Sequence[Path]], groups: Path) -> Measured:
    """Join the score tables of all arms; `groups` is the table of held-out documents.

    Raises:
        DataError: the tables are not about the same documents.
    """
    tables = {arm: [read_table(path) for path in paths] for arm, paths in scores.items()}
    first = next(iter(tables.values()))[0]
    for arm, found in tables.items():
        for path, table in zip(scores[arm], found, strict=True):
            if not table["doc_id"].equals(first["doc_id"]):
                raise DataError(f"{path} is about other documents: run the ablation again")
    return Measured(
        text=_heldout_text(first, groups),
        nats={
            arm: np.stack([table["nats"].to_numpy() for table in found])
            for arm, found in tables.items()
        },
    )


def _heldout_text(scores: pa.Table, groups: Path) -> HeldoutText:
    listed = read_table(groups).to_pylist()
    group_of = {row["doc_id"]: row["group"] for row in listed}
    doc_ids = scores["doc_id"].to_pylist()
    return HeldoutText(
        doc_ids=tuple(doc_ids),
        groups=tuple(group_of[doc_id] for doc_id in doc_ids),
        languages=tuple(scores["language"].to_pylist()),
        bytes=scores["bytes"].to_numpy(),
    )


def comparison_rows(
    measured: Measured, reference: str, *, seed: int, resamples: int
) -> list[dict[str, Json]]:
    """A row per language, group and arm; columns are those of `ablation.json` in docs/formats.md.

    `low` and `high` bound the mean difference over seeds, `documents_low` and `documents_high` the
    difference of the seeds' mean over documents.
    """
    rows = []
    for language, group, numbers in measured.text.parts():
        sizes = measured.text.bytes[numbers]
        nats = {arm: values[:, numbers] for arm, values in measured.nats.items()}
        by_seed = {
            arm: np.array([bits_per_byte(row, sizes) for row in values])
            for arm, values in nats.items()
        }
        for arm in measured.nats:
            differences = by_seed[arm] - by_seed[reference]
            seeds = mean_interval(differences)
            documents = paired_difference(
                nats[arm].mean(axis=0),
                nats[reference].mean(axis=0),
                sizes,
                seed=seed,
                resamples=resamples,
            )
            rows.append(
                {
                    "language": language,
                    "group": group,
                    "arm": arm,
                    "documents": len(numbers),
                    "bytes": int(sizes.sum()),
                    "bits_per_byte": float(by_seed[arm].mean()),
                    "bits_per_byte_by_seed": by_seed[arm].tolist(),
                    "difference": seeds.value,
                    "difference_by_seed": differences.tolist(),
                    "low": seeds.low,
                    "high": seeds.high,
                    "documents_low": documents.low,
                    "documents_high": documents.high,
                }
            )
    return rows
