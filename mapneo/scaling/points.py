"""Rows of N, D and loss: checked, in one order whatever order they came in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mapneo.core.errors import DataError
from mapneo.scaling.laws import Centre, Floats, Ints, Law

Counts = Literal["without embeddings", "with embeddings", "not stated"]

FLOPS_PER_PARAMETER_AND_TOKEN = 6.0
"""Training compute C = 6·N·D. Source: Kaplan et al. 2020, §2.1."""
_SAME = 1e-6
"""Sizes that differ by less than this share count as one."""


@dataclass(frozen=True, kw_only=True)
class Points:
    """Finished runs: a row is a model of N parameters, trained on D tokens to a loss.

    Rows are sorted by N, D, loss and run, so results do not depend on the order of a file. Equal
    rows are kept: each is a measurement.
    """

    parameters: Floats
    """N (n,)."""
    tokens: Floats
    """D (n,), tokens seen in training, repeated ones included."""
    loss: Floats
    """(n,), in one unit for all rows."""
    runs: tuple[str, ...]
    """The training run of each row; points along one run share a name."""
    rows: Ints
    """(n,) number of the row in its file, from 1."""
    counts: Counts = "not stated"
    """Whether N counts embeddings."""
    loss_name: str = "loss"
    """Column that the loss was read from."""

    @staticmethod
    def of(
        parameters: Floats,
        tokens: Floats,
        loss: Floats,
        runs: Sequence[str] | None = None,
        *,
        counts: Counts = "not stated",
        loss_name: str = "loss",
        where: str = "the points",
    ) -> "Points":
        """Check and sort. Without `runs`, each row is a run of its own.

        Raises:
            DataError: a value is missing or not above 0; the rows are named.
        """
        named = {"N (parameters)": parameters, "D (tokens)": tokens, "loss": loss}
        for name, values in named.items():
            _check_positive(np.asarray(values, dtype=np.float64), name, where)
        own = [f"row-{number:06d}" for number in range(1, len(loss) + 1)] if runs is None else runs
        columns = [np.asarray(values, dtype=np.float64) for values in named.values()]
        n, d, values = columns
        # Names of rows that are runs of their own follow the file's order, so they do not sort.
        keys = np.zeros(len(values)) if runs is None else np.array(own)
        order = np.lexsort((keys, values, d, n))
        return Points(
            parameters=n[order],
            tokens=d[order],
            loss=values[order],
            runs=tuple(own[place] for place in order),
            rows=order + 1,
            counts=counts,
            loss_name=loss_name,
        )

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.loss)

    @property
    def compute(self) -> Floats:
        """C = 6·N·D (n,), FLOP, with N as the points count it."""
        return FLOPS_PER_PARAMETER_AND_TOKEN * self.parameters * self.tokens

    @property
    def centre(self) -> Centre:
        """Means of the logarithms."""
        return Centre(
            log_parameters=float(np.log(self.parameters).mean()),
            log_tokens=float(np.log(self.tokens).mean()),
        )

    def take(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> "Points":
        """The rows where `chosen` (n,) is true."""
        return Points(
            parameters=self.parameters[chosen],
            tokens=self.tokens[chosen],
            loss=self.loss[chosen],
            runs=tuple(run for run, keep in zip(self.runs, chosen, strict=True) if keep),
            rows=self.rows[chosen],
            counts=self.counts,
            loss_name=self.loss_name,
        )

    def without_highest_losses(self, count: int) -> "Points":
        """Without the `count` highest losses; of equal losses, those of the larger N go first."""
        order = np.argsort(self.loss, kind="stable")
        chosen = np.ones(len(self), dtype=np.bool_)
        chosen[order[len(self) - count :]] = False
        return self.take(chosen) if count else self


def distinct(values: Floats) -> Floats:
    """Sorted values without those within a millionth of the one before."""
    ordered = np.sort(values)
    apart = np.concatenate([[True], np.diff(np.log(ordered)) > _SAME])
    kept: Floats = ordered[apart]
    return kept


def check_identified(points: Points, law: Law) -> None:
    """Refuse points that leave parameters of `law` undetermined, whatever their losses.

    Raises:
        DataError: too few rows, sizes or token counts, or N and D in lock-step; says which and why.
    """
    names = ", ".join(law.parameter_names)
    if len(points) < law.size:
        raise DataError(
            f"{len(points)} points can't determine the {law.size} parameters of {law.name} "
            f"({names}): add at least {law.size - len(points)} runs"
        )
    sizes, counts = distinct(points.parameters), distinct(points.tokens)
    if len(sizes) < law.least_sizes:
        raise DataError(
            f"{law.name} needs points of at least {law.least_sizes} sizes, and all "
            f"{len(points)} rows have {_listed(sizes)} parameters: how loss falls with N can't be "
            f"told from its other terms ({names}); add runs of other sizes"
        )
    if len(counts) < law.least_token_counts:
        raise DataError(
            f"{law.name} needs points of at least {law.least_token_counts} token counts, and all "
            f"{len(points)} rows have {_listed(counts)} tokens: how loss falls with D can't be "
            f"told from its other terms ({names}); add runs of other lengths"
        )
    ratio = distinct(points.tokens / points.parameters)
    if len(ratio) == 1:
        raise DataError(
            f"all {len(points)} rows have {ratio[0]:.4g} tokens per parameter: N and D grow in "
            "lock-step, so their exponents can't be told apart; add runs with another ratio"
        )


def _listed(values: Floats) -> str:
    return " or ".join(f"{value:.6g}" for value in values)


def _check_positive(values: Floats, name: str, where: str) -> None:
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(values) == 0:
        raise DataError(f"{where} has no rows")
    if len(bad):
        shown = ", ".join(f"row {place + 1}: {values[place]:g}" for place in bad[:8])
        more = f" and {len(bad) - 8} more" if len(bad) > 8 else ""
        raise DataError(
            f"{where}: {name} must be a number above 0 in every row; {shown}{more} "
            "(rows counted from 1 after the heading)"
        )
