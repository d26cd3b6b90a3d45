"""The finished ablation (`mapneo ablate recipes/ablate/profiles.toml`) as a recorded result."""

import sys
from pathlib import Path
from typing import Any

from bench.result import record
from mapneo.core.files import read_json

FOLDER = Path(__file__).parent.parent / "runs" / "ablate-profiles"


def rows(folder: Path) -> list[dict[str, Any]]:
    """One row an arm and language: what it keeps, and its bits per byte beside the reference's."""
    found = read_json(folder / "compare" / "ablation.json")
    arms = {(arm["arm"], arm["language"]): arm for arm in found["arms"]}
    return [
        {
            "arm": row["arm"],
            "language": row["language"],
            "kept_bytes_frac": arms[row["arm"], row["language"]]["judged_bytes"]
            / arms[row["arm"], row["language"]]["pool_bytes"],
            "epochs": arms[row["arm"], row["language"]]["epochs"],
            "seeds": len(found["seeds"]),
            "bits_per_byte": row["bits_per_byte"],
            f"difference_from_{found['reference']}": row["difference"],
            "low": row["low"],
            "high": row["high"],
        }
        for row in found["rows"]
        if row["group"] == "all"
    ]


def main(folder: Path = FOLDER) -> None:
    """Record the comparison of a finished ablation."""
    if not (folder / "compare" / "ablation.json").is_file():
        raise SystemExit(f"no finished ablation in {folder}")
    path = record(
        "ablation",
        command="mapneo ablate recipes/ablate/profiles.toml; python -m bench.ablation",
        what=__doc__ or "",
        rows=rows(folder),
    )
    print(path.name)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
