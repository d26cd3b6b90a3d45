"""A ladder on one screen: its plan, and its points."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mapneo.console import human
from mapneo.core.canonical import Json

_MINUTES_PER_HOUR = 60.0


def print_plan(plan: Mapping[str, Json], console: Console | None = None) -> None:
    """A row per run, and the sums."""
    console = console or Console(highlight=False)
    table = _table(
        "N", "+ embeddings", "layers × width", "D", "D/N", "FLOP", "steps", "batch", "peak",
        "minutes", "",
    )  # fmt: skip
    for row in plan["runs"]:
        shape = row["shape"]
        table.add_row(
            human(row["parameters_without_embeddings"]),
            human(row["parameters_with_embeddings"]),
            f"{shape['layers']} × {shape['hidden']}",
            human(row["tokens"]),
            f"{row['tokens_per_parameter']:.3g}",
            f"{row['compute']:.1e}",
            str(row["steps"]),
            human(row["windows"] * row["seq_len"]),
            f"{row['peak']:.2g}",
            f"{row['hours'] * _MINUTES_PER_HOUR:.1f}",
            "done" if row["done"] else "",
        )
    console.print(table)
    console.print(
        f"{len(plan['runs'])} runs, {plan['compute']:.3g} FLOP (6·N·D), about {plan['hours']:.1f} "
        f"hours of training at {human(plan['flops_per_second'])} FLOP/s, {plan['hours_left']:.1f} "
        "of them left",
        soft_wrap=True,
    )


def print_points(
    rows: Sequence[Mapping[str, Json]], directory: Path, console: Console | None = None
) -> None:
    """The points, and what to do with them."""
    console = console or Console(highlight=False)
    table = _table("N", "D", "loss", "bits per byte")
    for row in rows:
        table.add_row(
            human(row["parameters_without_embeddings"]),
            human(row["tokens"]),
            f"{row['loss']:.4f}",
            f"{row['bits_per_byte']:.4f}",
        )
    console.print(table)
    console.print(f"fit them: mapneo scaling fit {directory}", soft_wrap=True)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
