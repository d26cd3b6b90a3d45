"""A mark: a stretch of one document, and the earlier stretch that says the same."""

import numpy as np
import numpy.typing as npt

from mapneo.curate.exchange import Records

MARK = np.dtype(
    [
        ("row", "<i4"),
        ("start", "<i4"),
        ("end", "<i4"),
        ("source_rank", "<i8"),
        ("source_start", "<i4"),
        ("source_end", "<i4"),
    ]
)
"""`row`: document of the shard; `source_rank`: place of the source's document in the order of all;
offsets in bytes of the whole texts."""


def marks_by_shard(
    kind: str,
    copies: Records,
    sources: Records,
    places: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
) -> dict[str, Records]:
    """Parts `<kind>-<shard>` of marks: each copy with the source it was found to repeat.

    Args:
        kind: of the marks.
        copies: records with row, start, end.
        sources: records with rank, start, end; one for each copy.
        places: int64, shape (copies,); where each stands among the gathered records.
        starts: where each shard's records begin among them.
    """
    marks = np.empty(copies.size, dtype=MARK)
    for name in ("row", "start", "end"):
        marks[name] = copies[name]
        marks["source_" + ("rank" if name == "row" else name)] = sources[
            "rank" if name == "row" else name
        ]
    return by_shard(kind, marks, places, starts)


def by_shard(
    kind: str,
    records: Records,
    places: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
) -> dict[str, Records]:
    """Parts `<kind>-<shard>` of records, in ascending order of `places`."""
    order = np.argsort(places, kind="stable")
    cuts = np.searchsorted(places[order], starts)
    ordered = records[order]
    return {f"{kind}-{n}": ordered[cuts[n] : cuts[n + 1]] for n in range(starts.size - 1)}
