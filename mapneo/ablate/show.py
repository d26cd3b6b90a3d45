"""The result of an ablation on one screen."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from mapneo.console import human
from mapneo.core.canonical import Json


def print_comparison(result: Mapping[str, Json], console: Console | None = None) -> None:
    """Two tables: what the arms kept and read, and how well their models predict."""
    console = console or Console(highlight=False)
    console.print(
        f"\n{human(result['train_tokens'])} training tokens per arm and seed, "
        f"seeds {', '.join(map(str, result['seeds']))}"
    )
    console.print(_kept(result["arms"]))
    console.print(
        "\nbits per byte of held-out text: mean over seeds; then the difference from "
        f"{result['reference']} ± half of its 95 % interval over seeds (below 0 is better; *: 0 "
        "lies outside the interval over seeds and outside that over documents)",
        soft_wrap=True,
    )
    console.print(_predicted(result["rows"], result["reference"]))


def _kept(rows: Sequence[Mapping[str, Json]]) -> Table:
    table = _table(
        "arm", "language", "pool", "pass rules (bytes)", "no copies (bytes)", "tokens", "epochs"
    )
    for row in rows:
        table.add_row(
            row["arm"],
            row["language"],
            f"{row['pool_documents']:,}",
            f"{row['judged_documents']:,} ({_share(row['judged_bytes'], row['pool_bytes'])})",
            f"{row['kept_documents']:,} ({_share(row['kept_bytes'], row['pool_bytes'])})",
            human(row["unique_tokens"]),
            f"{row['epochs']:.2f}",
        )
    return table


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _predicted(rows: Sequence[Mapping[str, Json]], reference: str) -> Table:
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    arms = [reference, *(arm for arm in arms if arm != reference)]
    cells = {(row["language"], row["group"], row["arm"]): row for row in rows}
    table = _table("language", "held-out text", *arms)
    for language, group in dict.fromkeys(key[:2] for key in cells):
        row = [cells[language, group, arm] for arm in arms]
        table.add_row(language, group, f"{row[0]['bits_per_byte']:.4f}", *map(difference, row[1:]))
    return table


def difference(row: Mapping[str, Json]) -> str:
    """An arm's difference from the reference, its interval, and whether both intervals spare 0."""
    sure = is_outside(row["low"], row["high"]) and is_outside(
        row["documents_low"], row["documents_high"]
    )
    mark = " *" if sure else ""
    half = (row["high"] - row["low"]) / 2
    return f"{row['difference']:+.4f} ± {half:.4f}{mark}"


def is_outside(low: float, high: float) -> bool:
    """Whether 0 is not between the ends."""
    return low > 0 or high < 0


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
