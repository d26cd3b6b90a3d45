"""How `mapneo judge` looks in a terminal: what flips, how often rules fire, samples, what now."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mapneo.console import human
from mapneo.core.canonical import Json
from mapneo.curate.rejudge import NOT_RECOMPUTED, Rejudged

_WAYS = {
    "kept_to_dropped": "kept → dropped",
    "dropped_to_kept": "dropped → kept",
    "other_rule": "dropped, by another rule first",
}
_GROUPS = ("rule", "language", "category", "source")
_MOST_ROWS = 12


def print_rejudged(found: Rejudged, patch: Path | None) -> None:
    """Print all of it; the patch too, unless it was written to a file."""
    console = Console(highlight=False)
    _print_totals(console, found)
    for key in _GROUPS:
        _print_flips(console, found, key)
    _print_rules(console, found)
    for sample in found.samples:
        _print_sample(console, sample)
    console.print(f"\n{NOT_RECOMPUTED}", soft_wrap=True)
    console.print(f"To do so: {found.command}", soft_wrap=True, markup=False)
    if found.ignored:
        console.print(
            f"Settings of the run that these rulesets have no rule for, left out: "
            f"{', '.join(found.ignored)}",
            soft_wrap=True,
            markup=False,
        )
    if patch is not None:
        console.print(f"patch: {patch}", soft_wrap=True, markup=False)
        return
    console.print("\nFor the recipe, in place of its own:")
    console.print(found.patch, end="", soft_wrap=True, markup=False)


def _print_totals(console: Console, found: Rejudged) -> None:
    table = _table("language", "documents", "kept before", "kept after", "text kept after")
    for row in found.languages:
        if row["kept_before"] or row["kept_after"]:
            table.add_row(
                row["language"],
                f"{row['documents']:,}",
                f"{row['kept_before']:,}",
                f"{row['kept_after']:,}",
                human(row["kept_bytes_after"], "B"),
            )
    console.print(table)
    if not found.flips:
        console.print("\nno verdict changes")
    for row in found.by("direction"):
        console.print(f"\n[bold]{_WAYS[row['direction']]}[/]: {_amount(row)}", soft_wrap=True)


def _amount(row: Mapping[str, Json]) -> str:
    tokens = f", about {human(row['tokens'])} tokens" if row["tokens"] else ""
    return f"{row['documents']:,} documents, {human(row['bytes'], 'B')}{tokens}"


def _print_flips(console: Console, found: Rejudged, key: str) -> None:
    rows = [row for row in found.by("direction", key) if row["direction"] != "other_rule"]
    if not rows:
        return
    rows.sort(key=lambda row: (row["direction"], -row["documents"], row[key]))
    table = _table("", key, "documents", "bytes", "tokens (about)")
    for row in rows[:_MOST_ROWS]:
        tokens = human(row["tokens"]) if row["tokens"] else "–"
        cells = (f"{row['documents']:,}", human(row["bytes"], "B"), tokens)
        table.add_row(_WAYS[row["direction"]], Text(row[key]), *cells)
    console.print()
    console.print(table)
    if len(rows) > _MOST_ROWS:
        console.print(f"[dim]and {len(rows) - _MOST_ROWS} more; --json has all[/]")


def _print_rules(console: Console, found: Rejudged) -> None:
    table = _table("", "rule", "fires", "alone", "unmeasured")
    touched = {row["language"] for row in found.rules if row["changed"]}
    for row in found.rules:
        if row["language"] not in touched:
            continue
        name = f"{row['rule']} (only reports)" if row["report_only"] else row["rule"]
        missing = f"{row['not_measured']:,}" if row["not_measured"] else ""
        mark = f"[bold]{row['language']} *[/]" if row["changed"] else row["language"]
        table.add_row(mark, name, _rate(row, "fired"), _rate(row, "alone"), missing)
    console.print()
    console.print(table)
    console.print(
        "[dim]* changed; shares of the language's documents, before → after; --json has all[/]",
        soft_wrap=True,
    )


def _rate(row: Mapping[str, Json], name: str) -> str:
    """A share of the language's documents, before → after where they differ; – without rule."""
    numbers = [row[f"{name}_before"], row[f"{name}_after"]]
    whole = max(1, row["documents"])
    said = ["–" if number is None else f"{100 * number / whole:.2f} %" for number in numbers]
    return said[0] if numbers[0] == numbers[1] else " → ".join(said)


def _print_sample(console: Console, sample: Mapping[str, Json]) -> None:
    verdict = sample["after" if sample["direction"] == "kept_to_dropped" else "before"]
    console.print(f"\n[bold]{_WAYS[sample['direction']]}[/] ", end="")
    console.print(sample["doc_id"], soft_wrap=True, markup=False)
    why = str(verdict["rule"])
    if verdict["value"] is not None:
        why += f": {verdict['signal']} = {verdict['value']:.6g}, {verdict['side']} "
        why += f"{verdict['bound']:.6g}"
    console.print(why, soft_wrap=True, markup=False, style="dim")
    console.print(" ".join(sample["excerpt"].split()), soft_wrap=True, markup=False)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place > 1 else "left", overflow="fold")
    return table
