"""Which copy stays: one int64 per document, made of what the recipe prefers; the smallest stays."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from mapneo.core.config import Config
from mapneo.core.errors import ConfigError

BYTES, SOURCE, FETCHED = "bytes", "source", "fetched"

_BITS = {BYTES: 40, FETCHED: 20}
_SIGNAL_BITS = 32
_MOST_BITS = 63


class Preference(Config):
    """One thing by which copies are compared."""

    by: str = Field(min_length=1)
    """`bytes` (of the text), `source`, `fetched` (date), or the column of a stored signal."""
    want: Literal["largest", "smallest"] = "largest"
    """Which end wins: of dates, `largest` is the latest. Not for `source`."""
    order: tuple[str, ...] = ()
    """For `source`: the best first; sources not named come last."""

    @model_validator(mode="after")
    def _order_is_of_sources(self) -> "Preference":
        if (self.by == SOURCE) != bool(self.order):
            raise ValueError(
                "`order` lists sources: it is needed with by = 'source', and only then"
            )
        return self

    @property
    def bits(self) -> int:
        """Room that its codes take in a priority."""
        if self.by == SOURCE:
            return len(self.order).bit_length()
        return _BITS.get(self.by, _SIGNAL_BITS)

    @property
    def is_signal(self) -> bool:
        """Whether it reads a column of the stored signals."""
        return self.by not in (BYTES, SOURCE, FETCHED)


LONGEST = (Preference(by=BYTES),)


def check_room(preferences: Sequence[Preference]) -> None:
    """Raise ValueError if all codes together do not fit a priority."""
    needed = sum(preference.bits for preference in preferences)
    if needed > _MOST_BITS:
        parts = ", ".join(f"{each.by} {each.bits}" for each in preferences)
        raise ValueError(
            f"preferences need {needed} bits ({parts}), a priority has {_MOST_BITS}: leave one out"
        )


def priorities(
    documents: pa.Table, signals: pa.Table | None, preferences: Sequence[Preference]
) -> npt.NDArray[np.int64]:
    """Priority of each document; the smallest stays, ties go to the smallest doc_id.

    Earlier preferences outweigh later ones. What is not known comes last.

    Args:
        documents: columns source, fetched, text.
        signals: the stored signals of the same documents in the same order, if one is asked for.
        preferences: in order of weight.

    Raises:
        ConfigError: a signal is not stored.
    """
    priority = np.zeros(documents.num_rows, dtype=np.int64)
    for each in preferences:
        best_first = _codes(documents, signals, each)
        priority = (priority << each.bits) | best_first
    return priority


def _codes(
    documents: pa.Table, signals: pa.Table | None, preference: Preference
) -> npt.NDArray[np.int64]:
    """0 for the best value there can be, larger for worse ones; unknown has every bit set."""
    worst = (1 << preference.bits) - 1
    if preference.by == SOURCE:
        place = pc.index_in(documents["source"], pa.array(preference.order, pa.string()))
        return np.asarray(pc.fill_null(place, len(preference.order)).to_numpy(), dtype=np.int64)
    if preference.by == BYTES:
        sizes = pc.cast(pc.binary_length(documents["text"]), pa.int64()).to_numpy()
        values, known = np.minimum(sizes, worst - 1), np.ones(sizes.size, dtype=np.bool_)
    elif preference.by == FETCHED:
        values, known = _days(documents["fetched"])
    else:
        values, known = _ordered(_signal(signals, preference.by))
    if preference.want == "largest":
        values = worst - 1 - values
    return np.where(known, values, worst)


def _days(dates: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Days since 1 January 1970 of ISO dates, at least 0, and which are dates."""
    days = pc.utf8_slice_codeunits(dates, 0, 10)
    parsed = pc.strptime(days, format="%Y-%m-%d", unit="s", error_is_null=True)
    values = pc.fill_null(pc.cast(pc.cast(parsed, pa.date32()), pa.int32()), 0).to_numpy()
    return np.maximum(values, 0).astype(np.int64), parsed.is_valid().to_numpy()


def _signal(signals: pa.Table | None, column: str) -> npt.NDArray[np.float64]:
    if signals is None or column not in signals.schema.names:
        raise ConfigError(
            f"dedup prefers copies by {column!r}, which measure has not stored: name a column of "
            "its signals (`mapneo show RUN measure` lists them), or add a profile that needs it"
        )
    values = pc.cast(signals[column], pa.float64())
    return np.asarray(pc.fill_null(values, np.nan).to_numpy(), dtype=np.float64)


def _ordered(
    values: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Integers of 32 bits in the order of the numbers (float32), and which are numbers."""
    # The bits of a positive float grow with it; those of a negative one grow the other way.
    raw = (values.astype(np.float32) + np.float32(0)).view(np.uint32).astype(np.int64)
    sign = 1 << 31
    ordered = np.where(raw & sign, 0xFFFFFFFF - raw, raw | sign)
    return np.minimum(ordered, (1 << _SIGNAL_BITS) - 2), ~np.isnan(values)
