"""Nothing vanishes: what came in is kept, dropped by a rule, or an error of a kind."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Documents in and out of a shard or a stage."""

    documents_in: int = 0
    kept: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)

    def check(self, where: str) -> None:
        """Assert in = kept + dropped + errored.

        Raises:
            DataError: documents appeared or went missing; `where` is named.
        """
        dropped, errors = sum(self.dropped.values()), sum(self.errors.values())
        if self.documents_in != self.kept + dropped + errors:
            raise DataError(
                f"{where}: {self.documents_in} documents came in, but {self.kept} kept + "
                f"{dropped} dropped + {errors} errors = {self.kept + dropped + errors}; "
                "this is a defect in mapneo, please report it"
            )

    @staticmethod
    def total(parts: Iterable["Counts"]) -> "Counts":
        """Add up the counts of many shards."""
        documents_in = kept = 0
        dropped: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        for part in parts:
            documents_in += part.documents_in
            kept += part.kept
            dropped.update(part.dropped)
            errors.update(part.errors)
        return Counts(documents_in=documents_in, kept=kept, dropped=dropped, errors=errors)

    def as_json(self) -> dict[str, Json]:
        """Plain form for markers and manifests; rules and kinds in sorted order."""
        return {
            "documents_in": self.documents_in,
            "kept": self.kept,
            "dropped": {rule: n for rule, n in sorted(self.dropped.items()) if n},
            "errors": {kind: n for kind, n in sorted(self.errors.items()) if n},
        }

    @staticmethod
    def from_json(value: Mapping[str, Json]) -> "Counts":
        """Read back what `as_json` gave.

        Raises:
            TypeError: a field is missing, unknown, or not a whole number.
        """
        counts = Counts(**value)
        parts = (counts.documents_in, counts.kept)
        for number in (*parts, *counts.dropped.values(), *counts.errors.values()):
            if not isinstance(number, int):
                raise TypeError(f"a count is {number!r}, not a whole number")
        return counts
