"""MinHash signatures, 13-character shingles, 128 permutations: ours and datasketch."""

from typing import Any

import pyarrow as pa
from datasketch import MinHash

from bench.paired import in_turn
from bench.texts import documents, megabytes
from mapneo.curate.exact import comparable
from mapneo.curate.minhash import signatures
from mapneo.curate.minhash_setting import PRESETS

SETTING = PRESETS["map_neo"]


def with_datasketch(texts: list[str]) -> None:
    """The same shingles of the same normalised text, by datasketch's batch call."""
    for text in texts:
        normal = comparable(text)
        shingles = {normal[i : i + 13].encode() for i in range(len(normal) - 12)}
        sketch = MinHash(num_perm=SETTING.permutations)
        sketch.update_batch(shingles)


def measure() -> list[dict[str, Any]]:
    """Rows for English and Chinese."""
    rows = []
    for language in ("en", "zh"):
        texts = documents(language, 2_000_000)
        column = pa.array(texts)
        ways = {
            "mapneo": lambda column=column: signatures(column, SETTING),
            "datasketch": lambda texts=texts: with_datasketch(texts),
        }
        for row in in_turn(ways, rounds=5, work=megabytes(texts), unit="megabytes"):
            rows.append({"language": language, **row})
    return rows
