"""A linear classifier of texts: how much a text is like a reference set and unlike other texts.

Logistic regression on hashed unigrams and bigrams of words (as fastText's supervised mode has
them), trained by AdaGrad over a fixed order of the examples, so that equal texts give equal bytes
on any number of cores. Probabilities are calibrated on held-out texts (Platt 1999) with both
classes weighing the same, whatever their sizes: 0.5 is undecided.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.errors import DataError
from mapneo.curate.array_files import read_arrays, write_arrays
from mapneo.curate.hashed_ngrams import feature_rows
from mapneo.text.kernel import kernel

BUCKETS = 1 << 18
EPOCHS = 8
LEARNING_RATE = 0.5
DECAY = 1e-6
HELDOUT_EVERY = 5
"""Every so many texts of a class are held out while quality and calibration are measured."""

_KIND = "reference-1"
_ORDER_SEED = 0x6D61706E656F  # "mapneo"
_BATCH_ROWS = 4096
_MIN_CALIBRATION_TEXTS = 10
_NEWTON_STEPS = 50
_MIN_SLOPE = 1e-3


@dataclass(frozen=True)
class ReferenceModel:
    """A trained classifier.

    Attributes:
        weights: float32, shape (buckets + 1,); the last one is the bias.
        heldout_auc: chance that a held-out positive scores above a held-out negative, measured
            with a model of the other texts; NaN if there were too few.
        provenance: what it was trained on, in the caller's words.
    """

    weights: npt.NDArray[np.float32]
    heldout_auc: float = float("nan")
    provenance: str = ""

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float64]:
        """Probability of the positive class: float64, shape (rows,); NaN where no word is."""
        found = np.empty(len(texts), dtype=np.float64)
        for first in range(0, len(texts), _BATCH_ROWS):
            flat, offsets = feature_rows(texts[first : first + _BATCH_ROWS], self.weights.size - 1)
            _margins(flat, offsets, self.weights, found[first : first + _BATCH_ROWS])
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(found, -700.0, 700.0))))

    def save(self, path: Path) -> None:
        """Write the model as one file, atomically; equal models give equal bytes."""
        auc = None if np.isnan(self.heldout_auc) else self.heldout_auc
        meta = {"heldout_auc": auc, "provenance": self.provenance}
        write_arrays(path, _KIND, meta, {"weights": self.weights})

    @classmethod
    def load(cls, path: Path) -> "ReferenceModel":
        """Read what `save` wrote.

        Raises:
            InputError: the file is missing, damaged, or of another kind.
        """
        meta, arrays = read_arrays(path, _KIND)
        auc = meta["heldout_auc"]
        return cls(arrays["weights"], float("nan") if auc is None else auc, meta["provenance"])


def fit_reference(
    positive: pa.Array | pa.ChunkedArray,
    negative: pa.Array | pa.ChunkedArray,
    *,
    provenance: str = "",
    buckets: int = BUCKETS,
) -> ReferenceModel:
    """Train on two sets of texts, after measuring how well a fifth of each can be told apart.

    With fewer than ten held-out texts in a class, probabilities stay uncalibrated.

    Args:
        positive: strings of the reference set.
        negative: strings of other texts.
        provenance: kept with the model.
        buckets: of the hash.

    Raises:
        DataError: one of the two has no word.
    """
    both = [feature_rows(texts, buckets) for texts in (positive, negative)]
    for name, (flat, _) in zip(("positive", "negative"), both, strict=True):
        if not flat.size:
            raise DataError(f"the {name} texts have no word: a reference can't be trained on them")
    flat = np.concatenate([both[0][0], both[1][0]])
    offsets = np.concatenate([both[0][1], both[1][1][1:] + both[0][0].size])
    labels = np.repeat(np.array([True, False]), [len(positive), len(negative)])
    ranks = np.concatenate([np.arange(len(positive)), np.arange(len(negative))])
    has_words = np.diff(offsets) > 0
    heldout = has_words & (ranks % HELDOUT_EVERY == HELDOUT_EVERY - 1)
    weights = _train(flat, offsets, labels, np.flatnonzero(has_words), buckets)
    auc = float("nan")
    if heldout[labels].any() and heldout[~labels].any():
        part = _train(flat, offsets, labels, np.flatnonzero(has_words & ~heldout), buckets)
        margins = np.empty(labels.size, dtype=np.float64)
        _margins(flat, offsets, part, margins)
        auc = area_under_curve(margins[heldout], labels[heldout])
        slope, shift = _calibration(margins[heldout], labels[heldout])
        weights *= slope
        weights[-1] += shift
    return ReferenceModel(weights.astype(np.float32), auc, provenance)


def area_under_curve(scores: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_]) -> float:
    """Chance that a positive scores above a negative, ties half; both classes must occur."""
    negative = np.sort(scores[~labels])
    below = np.searchsorted(negative, scores[labels], "left")
    up_to = np.searchsorted(negative, scores[labels], "right")
    return float((below + up_to).mean() / (2 * negative.size))


def _calibration(
    margins: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Slope and shift of margins that make them log odds at even sizes of the classes.

    Newton's method on Platt's smoothed targets, which keep the slope finite where the classes are
    apart. (1, 0) where there are too few texts, or the slope would not be positive.
    """
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if min(positives, negatives) < _MIN_CALIBRATION_TEXTS:
        return 1.0, 0.0
    target = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    share = np.where(labels, 0.5 / positives, 0.5 / negatives)
    spread = max(float(margins.std()), 1e-9)
    scaled = margins / spread
    slope, shift = 0.0, 0.0
    for _ in range(_NEWTON_STEPS):
        probability = 1.0 / (1.0 + np.exp(-(slope * scaled + shift)))
        error = share * (probability - target)
        curve = share * probability * (1.0 - probability)
        gradient = (error * scaled).sum(), error.sum()
        a, b, c = (curve * scaled * scaled).sum(), (curve * scaled).sum(), curve.sum()
        determinant = max(a * c - b * b, 1e-12)
        slope -= (c * gradient[0] - b * gradient[1]) / determinant
        shift -= (a * gradient[1] - b * gradient[0]) / determinant
    if not (np.isfinite(slope) and np.isfinite(shift) and slope > _MIN_SLOPE):
        return 1.0, 0.0
    return float(slope / spread), float(shift)


def _train(
    flat: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    labels: npt.NDArray[np.bool_],
    rows: npt.NDArray[np.int64],
    buckets: int,
) -> npt.NDArray[np.float64]:
    random = np.random.Generator(np.random.PCG64(_ORDER_SEED))
    order = np.concatenate([random.permutation(rows) for _ in range(EPOCHS)])
    weights = np.zeros(buckets + 1, dtype=np.float64)
    _descend(flat, offsets, labels, order, weights)
    return weights


@kernel
def _norm(features: npt.NDArray[np.int32]) -> float:
    """Length of the vector of log(1 + count) over a text's distinct features."""
    total = 0.0
    begin = 0
    for position in range(1, features.size + 1):
        if position == features.size or features[position] != features[begin]:
            total += np.log1p(position - begin) ** 2
            begin = position
    return float(np.sqrt(total))


@kernel
def _margin(
    features: npt.NDArray[np.int32], norm: float, weights: npt.NDArray[np.floating]
) -> float:
    total = float(weights[weights.size - 1])
    begin = 0
    for position in range(1, features.size + 1):
        if position == features.size or features[position] != features[begin]:
            total += weights[features[begin]] * np.log1p(position - begin) / norm
            begin = position
    return total


@kernel
def _margins(
    flat: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    weights: npt.NDArray[np.floating],
    found: npt.NDArray[np.float64],
) -> None:
    """Log odds of each text before calibration; NaN where no word is."""
    for row in range(offsets.size - 1):
        features = flat[offsets[row] : offsets[row + 1]]
        found[row] = _margin(features, _norm(features), weights) if features.size else np.nan


@kernel
def _descend(
    flat: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    labels: npt.NDArray[np.bool_],
    order: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
) -> None:
    """One AdaGrad step per entry of `order`; changes `weights`."""
    squares = np.full(weights.size, 1e-8)
    for row in order:
        features = flat[offsets[row] : offsets[row + 1]]
        norm = _norm(features)
        label = np.int64(labels[row])
        probability = 1.0 / (1.0 + np.exp(-_margin(features, norm, weights)))
        slope = probability - label
        begin = 0
        for position in range(1, features.size + 1):
            if position == features.size or features[position] != features[begin]:
                value = np.log1p(position - begin) / norm
                _step(weights, squares, features[begin], slope * value)
                begin = position
        _step(weights, squares, weights.size - 1, slope)


@kernel
def _step(
    weights: npt.NDArray[np.float64], squares: npt.NDArray[np.float64], index: int, slope: float
) -> None:
    slope += DECAY * weights[index]
    squares[index] += slope * slope
    weights[index] -= LEARNING_RATE * slope / np.sqrt(squares[index])
