"""MinHash signatures from raw text: ours, rensa, datasketch and datatrove, at both presets.

Every way makes the same kind of shingles of the same texts: 13 characters with 128 values
(MAP-Neo), 5 words with 112 values (FineWeb; in Chinese every character is a word). What a
library does not do itself (normalising, cutting shingles) is done in plain Python, as its users
do. rensa stands with its two fastest bulk calls.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from datasketch import MinHash
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.utils.hashing import HashConfig
from rensa import CMinHash, RMinHash

from bench.paired import in_turn
from bench.texts import documents, megabytes
from bench.trove import mend_hash
from mapneo.curate.minhash import signatures
from mapneo.curate.minhash_setting import PRESETS, MinHashSetting

_UNIT = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_MARKS = re.compile(r"[^\w\s]|_")


def shingles(text: str, setting: MinHashSetting) -> Iterator[str]:
    """Shingles of a text that is folded as far as plain Python users do."""
    width = setting.width
    if setting.unit == "characters":
        normal = " ".join(_MARKS.sub("", text.lower()).split())
        return (normal[k : k + width] for k in range(len(normal) - width + 1))
    units = _UNIT.findall(text.lower())
    return (" ".join(units[k : k + width]) for k in range(len(units) - width + 1))


def with_rensa(texts: list[str], setting: MinHashSetting) -> None:
    """Signatures by rensa's bulk call."""
    sets = [list(shingles(text, setting)) for text in texts]
    RMinHash.digest_matrix_from_token_sets(sets, setting.permutations, 42)


def with_rensa_c(texts: list[str], setting: MinHashSetting) -> None:
    """Signatures by rensa's bulk call, C-MinHash."""
    sets = [list(shingles(text, setting)) for text in texts]
    CMinHash.digests_from_token_sets(sets, setting.permutations, 42)


def with_datasketch(texts: list[str], setting: MinHashSetting) -> None:
    """Signatures by datasketch's batch call."""
    for text in texts:
        sketch = MinHash(num_perm=setting.permutations)
        sketch.update_batch({shingle.encode() for shingle in shingles(text, setting)})


def with_datatrove(setting: MinHashSetting, language: str) -> Callable[[list[str]], None]:
    """Signatures by datatrove's step: its own words of the language, 5 of them."""
    mend_hash()
    config = MinhashConfig(
        n_grams=setting.width,
        num_buckets=setting.bands,
        hashes_per_bucket=setting.rows,
        hash_config=HashConfig(precision=64),
    )
    step = MinhashDedupSignature("unused", config, language={"en": "eng", "zh": "zho"}[language])

    def run(texts: list[str]) -> None:
        for text in texts:
            found = step.get_shingles(text)
            if found.size:
                step.get_signature(found)

    return run


def measure() -> list[dict[str, Any]]:
    """Rows by preset and language; datatrove and datasketch on a part of the texts."""
    rows = []
    for preset, setting in PRESETS.items():
        for language in ("en", "zh"):
            texts = documents(language, 3_000_000)
            column = pa.array(texts)
            ways: dict[str, Callable[[], object]] = {
                "mapneo": lambda c=column, s=setting: signatures(c, s),
                "rensa RMinHash": lambda t=texts, s=setting: with_rensa(t, s),
                "rensa CMinHash": lambda t=texts, s=setting: with_rensa_c(t, s),
            }
            fast = in_turn(ways, rounds=5, work=megabytes(texts), unit="megabytes")
            few = documents(language, 400_000)
            little = pa.array(few)
            ways = {
                "mapneo": lambda c=little, s=setting: signatures(c, s),
                "datasketch": lambda t=few, s=setting: with_datasketch(t, s),
            }
            if preset == "words":
                trove = with_datatrove(setting, language)
                ways["datatrove"] = lambda t=few, run=trove: run(t)
            slow = in_turn(ways, rounds=3, work=megabytes(few), unit="megabytes")
            rows += [{"preset": preset, "language": language, **r} for r in (*fast, *slow[1:])]
    return rows
