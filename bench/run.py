"""`make bench`: run every side-by-side script, record it, print the table.

One script: `python -m bench.run minhash`.
"""

import importlib
import sys

from bench.result import RESULTS, record

SCRIPTS = (
    "rules",
    "words",
    "rejudge",
    "minhash",
    "dedup",
    "passages",
    "extract",
    "readers",
    "train_step",
    "scaling_fit",
)


def main(names: list[str]) -> None:
    """Run the named scripts, or all."""
    for name in names or SCRIPTS:
        module = importlib.import_module(f"bench.{name}")
        rows = module.measure()
        path = record(
            name, command=f"python -m bench.run {name}", what=module.__doc__ or "", rows=rows
        )
        print(f"\n{module.__doc__}".rstrip())
        for row in rows:
            numbers = [
                f"{key} {value['median']:.3g} ({value['min']:.3g}–{value['max']:.3g})"
                if isinstance(value, dict)
                else f"{key} {value:.3g}"
                if isinstance(value, float)
                else str(value)
                for key, value in row.items()
            ]
            print("  " + " · ".join(numbers))
        print(f"  → {path.relative_to(RESULTS.parent.parent)}")


if __name__ == "__main__":
    main(sys.argv[1:])
