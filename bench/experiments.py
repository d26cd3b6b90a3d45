"""Write the tables of docs/experiments.md from bench/results/*.json; the notes between stay.

`python -m bench.experiments` renews; `python -m bench.experiments --check` fails if a table is old.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from bench.result import RESULTS

PAGE = RESULTS.parent.parent / "docs" / "experiments.md"
BLOCK = re.compile(r"<!-- table: (?P<name>\w+) -->\n.*?<!-- end -->", re.DOTALL)


def cell(value: Any) -> str:
    """One value as people read it."""
    if isinstance(value, Mapping) and "median" in value:
        return f"{value['median']:.3g} ({value['min']:.3g}–{value['max']:.3g})"
    if isinstance(value, Mapping) and {"value", "low", "high"} <= value.keys():
        return f"{value['value']:.3g} ({value['low']:.3g}–{value['high']:.3g})"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(inner)}" for key, inner in value.items())
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if isinstance(value, list):
        return ", ".join(map(cell, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(name: str) -> str:
    """Markdown of one result: its rows, then where it comes from."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return f"not yet measured (`bench/results/{name}.json` is missing)"
    result = json.loads(path.read_text(encoding="utf-8"))
    rows = [{k: v for k, v in row.items() if k != "digests"} for row in result["rows"]]
    heads = list(dict.fromkeys(head for row in rows for head in row))
    lines = ["| " + " | ".join(head.replace("_", " ") for head in heads) + " |"]
    lines.append("|" + " --- |" * len(heads))
    lines += ["| " + " | ".join(cell(row.get(head, "")) for head in heads) + " |" for row in rows]
    origin = (
        f"`{result['command']}`, {result['date']}, {result['machine']['cpu']}, "
        f"{result['machine']['cores']} cores, "
        f"commit {result['versions'].get('commit', 'unknown')}; "
        f"[`bench/results/{name}.json`](../bench/results/{name}.json)"
    )
    return "\n".join([*lines, "", origin])


def main(check: bool) -> int:
    """Fill every table block of the page."""
    old = PAGE.read_text(encoding="utf-8")
    new = BLOCK.sub(lambda m: f"<!-- table: {m['name']} -->\n{table(m['name'])}\n<!-- end -->", old)
    if check:
        return int(new != old)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
