"""A token folder of two languages, small enough to train on in a second."""

import numpy as np
import pyarrow as pa

from mapneo.core.tables import write_table
from mapneo.mix import Bucket, PhaseQuotas, Quotas, TokenFile, windows_available
from mapneo.train.config import TrainConfig

EOD = 2
SEQ_LEN = 16
VOCABULARY = 60
STEPS, WINDOWS = 12, 8
_FILES = {"tokens/a.en.web.bin": ("en", "web", 900), "tokens/a.zh.law.bin": ("zh", "law", 500)}


def write_tokens(root):
    """Token files, index and held-out files, as the encode stage leaves them."""
    rng = np.random.default_rng(7)
    for folder in ("tokens", "heldout_tokens"):
        rows = []
        for name, (language, category, tokens) in _FILES.items():
            file = name.replace("tokens", folder)
            ids = rng.integers(3, VOCABULARY, tokens).astype("<u2")
            ids[49::50] = EOD
            (root / folder).mkdir(parents=True, exist_ok=True)
            ids.tofile(root / file)
            rows += [
                {
                    "file": file,
                    "doc_id": f"{language}/{start}",
                    "cluster_id": f"{language}/{start}",
                    "source": "s",
                    "language": language,
                    "category": category,
                    "offset_tokens": start,
                    "length_tokens": 50,
                    "bytes": 150,
                }
                for start in range(0, tokens, 50)
            ]
        index = "index" if folder == "tokens" else "heldout_index"
        write_table(root / index / "a.parquet", pa.Table.from_pylist(rows))


def bucket(*, language="en", category="web", tokens=900, quota=64, seq_len=SEQ_LEN, files=None):
    available = windows_available(tokens, seq_len)
    name = f"tokens/a.{language}.{category}.bin"
    return Bucket(
        source="s",
        language=language,
        category=category,
        files=files or (TokenFile(file=name, tokens=tokens),),
        tokens=tokens,
        windows_available=available,
        quota_windows=quota,
        epochs=quota / available,
    )


def quotas_of(*buckets, seq_len=SEQ_LEN, seed=5, phase=1):
    windows = sum(each.quota_windows for each in buckets)
    return Quotas(
        seq_len=seq_len,
        seed=seed,
        token_bytes=2,
        vocabulary=VOCABULARY,
        eod=EOD,
        phases=(PhaseQuotas(phase=phase, windows=windows, buckets=buckets),),
    )


def micro_quotas(phase=1):
    """96 windows: English for over one epoch, Chinese for part of one."""
    english, chinese = bucket(quota=70), bucket(language="zh", category="law", tokens=500, quota=26)
    return quotas_of(english, chinese, phase=phase)


def micro_config(**changes):
    settings = {
        "steps": STEPS,
        "windows": WINDOWS,
        "micro_batch": 4,
        "schedule": {"kind": "cosine", "peak": 1e-2, "warmup_steps": 3, "end_step": STEPS},
        "checkpoint_every": 4,
        "heldout_every": 6,
        "heldout_max_bytes": 600,
        "precision": "float32",
        "threads": 1,
    }
    return TrainConfig.model_validate({**settings, **changes})
