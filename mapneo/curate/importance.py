"""DSIR importance: how much likelier a text is under a target's n-grams than under raw ones.

log weight = Σ over the text's features of log(p_target / p_raw), where both distributions are
over hashed unigrams and bigrams. Source: Xie et al. 2023 (DSIR), section 4. It is a sum, so long
texts lie further from 0, in RedPajama-V2 as here.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.errors import DataError
from mapneo.curate.array_files import read_arrays, write_arrays
from mapneo.curate.hashed_ngrams import bucket_counts, weight_sums

BUCKETS = 10_000
"""As in the paper."""

_KIND = "importance-1"
_SMOOTHING = 1.0


@dataclass(frozen=True)
class ImportanceModel:
    """A fitted pair of distributions.

    Attributes:
        target_counts: int64, shape (buckets,): features of the target texts by bucket.
        raw_counts: the same of the raw texts.
        provenance: what it was fitted on, in the caller's words.
    """

    target_counts: npt.NDArray[np.int64]
    raw_counts: npt.NDArray[np.int64]
    provenance: str = ""

    def log_weights(self, texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float64]:
        """Log weights in nats: float64, shape (rows,); NaN where a text has no word."""
        weights = _log_shares(self.target_counts) - _log_shares(self.raw_counts)
        sums, features = weight_sums(texts, weights)
        return np.where(features > 0, sums, np.nan)

    def save(self, path: Path) -> None:
        """Write the model as one file, atomically; equal models give equal bytes."""
        arrays = {"target_counts": self.target_counts, "raw_counts": self.raw_counts}
        write_arrays(path, _KIND, {"provenance": self.provenance}, arrays)

    @classmethod
    def load(cls, path: Path) -> "ImportanceModel":
        """Read what `save` wrote.

        Raises:
            InputError: the file is missing, damaged, or of another kind.
        """
        meta, arrays = read_arrays(path, _KIND)
        return cls(**arrays, provenance=meta["provenance"])


def fit_importance(
    target_texts: pa.Array | pa.ChunkedArray,
    raw_texts: pa.Array | pa.ChunkedArray,
    *,
    provenance: str = "",
    buckets: int = BUCKETS,
) -> ImportanceModel:
    """Count the features of what is wanted and of what there is.

    Args:
        target_texts: strings like those wanted.
        raw_texts: a sample of all.
        provenance: kept with the model.
        buckets: of the hash.

    Raises:
        DataError: one of the two has no word.
    """
    counts = []
    for name, texts in (("target", target_texts), ("raw", raw_texts)):
        counts.append(bucket_counts(texts, buckets))
        if not counts[-1].any():
            raise DataError(f"the {name} texts have no word: importance can't be fitted on them")
    return ImportanceModel(counts[0], counts[1], provenance)


def _log_shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    # Add-one: a bucket that one side never met must not decide alone.
    shares: npt.NDArray[np.float64] = np.log(counts + _SMOOTHING) - np.log(
        counts.sum() + _SMOOTHING * counts.size
    )
    return shares
