"""One dedup by datatrove's four local steps in this process, with CPU seconds by step, as JSON.

`python -m bench.dedup_datatrove TEXTS OUT LANGUAGE`: TEXTS holds Parquet files of doc_id and text
in one language (en or zh). Setting: 5 words, 14 buckets of 8, 64 bits.
"""

import json
import resource
import shutil
import sys
import time
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.hashing import HashConfig

from bench.trove import mend_hash

BUCKETS = 14


def main(texts: Path, output: Path, language: str) -> None:
    """Run signatures, buckets, clusters and filter from nothing, one task after another."""
    shutil.rmtree(output, ignore_errors=True)
    mend_hash()
    config = MinhashConfig(
        n_grams=5,
        num_buckets=BUCKETS,
        hashes_per_bucket=8,
        hash_config=HashConfig(precision=64),
    )
    files = len(list(texts.glob("*.parquet")))
    signer = MinhashDedupSignature(str(output / "signatures"), config, language=language)
    # Its word splitter loads dictionaries at the first text, which is not counted.
    signer.get_shingles("One text to load what there is to load. 为了载入词典的一段文字。" * 3)
    steps = {
        "signatures": (_reader(texts), signer, files),
        "buckets": (
            MinhashDedupBuckets(str(output / "signatures"), str(output / "buckets"), config=config),
            BUCKETS,
        ),
        "clusters": (
            MinhashDedupCluster(str(output / "buckets"), str(output / "remove"), config=config),
            1,
        ),
        "filter": (
            _reader(texts),
            MinhashDedupFilter(str(output / "remove")),
            ParquetWriter(str(output / "kept")),
            files,
        ),
    }
    seconds = {}
    for name, (*pipeline, tasks) in steps.items():
        cpu = time.process_time()
        LocalPipelineExecutor(
            pipeline=pipeline, tasks=tasks, workers=1, logging_dir=str(output / "logs" / name)
        ).run()
        seconds[name] = time.process_time() - cpu
    print(
        json.dumps(
            {
                "cpu_seconds": sum(seconds.values()),
                "steps": seconds,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
            }
        )
    )


def _reader(texts: Path) -> ParquetReader:
    return ParquetReader(str(texts), text_key="text", id_key="doc_id")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), {"en": "eng", "zh": "zho"}[sys.argv[3]])
