"""One dedup of a pile in this process, with its CPU seconds and peak memory, as JSON.

`python -m bench.dedup_stage PILE OUT WORKERS '{"memory_per_task_mb": 64}'`
"""

import json
import resource
import shutil
import sys
import time
from pathlib import Path

from bench.piles import dedup_run
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.curate import dedup
from mapneo.curate.stage_dedup import Dedup, DedupConfig


def main(pile: Path, output: Path, workers: int, settings: str) -> None:
    """Run the stage from nothing and print what it took; kernels are compiled before."""
    shutil.rmtree(output, ignore_errors=True)
    config = DedupConfig.model_validate(json.loads(settings))
    dedup(["a text that is long enough to have a shingle"] * 2, minhash=config.minhash)
    run = dedup_run(Run(directory=pile, seed=0, workers=workers), output, workers=workers)
    cpu, wall = time.process_time(), time.monotonic()
    [step] = run.execute([Dedup(config)], progress=lambda step: QuietProgress())
    assert step.manifest is not None
    print(
        json.dumps(
            {
                "cpu_seconds": time.process_time() - cpu,
                "seconds": time.monotonic() - wall,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
                "clusters": step.manifest.facts["clusters"],
                "dropped": dict(step.manifest.counts.dropped),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
