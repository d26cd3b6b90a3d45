"""Record a finished demo run: what each stage took and kept, and bits per byte beside baselines.

`python -m bench.demo runs/tiny` writes demo.json and bits_per_byte.json below bench/results/.
"""

import sys
from pathlib import Path
from typing import Any

from bench.result import record
from mapneo.core.files import read_json
from mapneo.pipeline import open_job, stages
from mapneo.runs import open_run


def stage_rows(run: Path) -> list[dict[str, Any]]:
    """A row per stage: documents in and kept, seconds, peak memory in units of 10^9 bytes."""
    finished = open_run(run).manifests
    order = [stage.name for stage in stages(open_job(run).recipe)]
    manifests = [finished[name] for name in order if name in finished]
    return [
        {
            "stage": manifest.stage,
            "documents_in": manifest.counts.documents_in,
            "kept": manifest.counts.kept,
            "seconds": manifest.seconds,
            "peak_memory_GB": round(manifest.peak_memory_bytes / 1e9, 2),
        }
        for manifest in manifests
    ]


def bits_rows(run: Path) -> list[dict[str, Any]]:
    """A row per language: bits per byte of every model and every baseline."""
    rows = read_json(run / "evaluate" / "bits_per_byte.json")["rows"]
    models = list(rows[0]["models"])
    return [
        {
            "language": row["language"],
            "documents": row["documents"],
            **{model: round(row["models"][model]["bits_per_byte"], 3) for model in models},
        }
        for row in rows
        if row["category"] == "all"
    ]


def main(run: Path) -> None:
    """Write both results."""
    command = f"mapneo run recipes/tiny.toml; python -m bench.demo {run}"
    record("demo", command=command, what="The demo, stage by stage.", rows=stage_rows(run))
    what = "Bits per byte on the demo's held-out text."
    record("bits_per_byte", command=command, what=what, rows=bits_rows(run))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
