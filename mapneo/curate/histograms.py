"""How a rule's signal is spread over the documents of a language, in 40 bins."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.canonical import Json
from mapneo.curate.rules import Rule, Ruleset

BINS = 40
_LOG_DECADES = 7
_LINEAR_TOP = 20.0
_BOUND_ROOM = 2.5
"""A fraction's axis ends at this many times its largest bound, or at 1."""


def histogram_rows(table: pa.Table, rulesets: Sequence[Ruleset]) -> list[dict[str, Json]]:
    """Histogram rows (docs/formats.md, judge) of one signals table, in ruleset order."""
    rows = []
    for ruleset in rulesets:
        mine = table.filter(pc.equal(table["language"], ruleset.language))
        for rule in ruleset.rules:
            column = ruleset.column(rule)
            values = mine[column].to_numpy().astype(np.float64)
            rows.append({"language": ruleset.language, **_row(rule, column, values)})
    return rows


def add_histograms(parts: Iterable[Sequence[dict[str, Json]]]) -> list[dict[str, Json]]:
    """Add histogram rows of many shards, which all have the same edges."""
    total: list[dict[str, Json]] = []
    for part in parts:
        if not total:
            total = [dict(row) for row in part]
            continue
        for mine, other in zip(total, part, strict=True):
            mine["counts"] = [a + b for a, b in zip(mine["counts"], other["counts"], strict=True)]
            mine["beyond"] += other["beyond"]
            mine["not_measured"] += other["not_measured"]
    return total


def _row(rule: Rule, column: str, values: npt.NDArray[np.float64]) -> dict[str, Json]:
    measured = values[~np.isnan(values)]
    edges = _edges(rule.scale, rule)
    counts, _ = np.histogram(np.clip(measured, edges[0], edges[-1]), edges)
    return {
        "rule": rule.id,
        "signal": column,
        "min": rule.min,
        "max": rule.max,
        "scale": rule.scale,
        "edges": [float(f"{edge:.6g}") for edge in edges],
        "counts": counts.tolist(),
        "beyond": int(np.count_nonzero(rule.fails(measured))),
        "not_measured": int(values.size - measured.size),
    }


def _edges(scale: str, rule: Rule) -> npt.NDArray[np.float64]:
    if scale == "log":
        return np.logspace(0, _LOG_DECADES, BINS + 1)
    if scale == "linear":
        return np.linspace(0.0, _LINEAR_TOP, BINS + 1)
    bound = rule.max if rule.min is None and rule.max is not None else 1.0
    return np.linspace(0.0, min(1.0, _BOUND_ROOM * bound), BINS + 1)
