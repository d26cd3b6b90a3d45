"""Which language a document is in, as a whole.

fastText's lid.176 sees the first 1,000 characters from the first letter on, across lines (a page
that begins with figures or signs would otherwise be judged by them). Judging by the first line
alone costs 13 points in English and 40 in Chinese (`bench.language`).

The script decides first: a text is in a language written with ideographs if most of its prose is
(`mapneo.text.languages`), and Japanese only with kana; fastText decides among the languages that
are left. Left alone, it calls a Chinese page English for a few commands, and a short one Japanese.
Which other languages a document holds is answered by `mapneo.curate.mixed`.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.curate.lid import identifier
from mapneo.text.buffers import from_texts, string_view
from mapneo.text.fasttext import Identifier, Scratch, add_features, label_odds, scratch_for
from mapneo.text.kernel import kernel
from mapneo.text.languages import add_units, find_head

HEAD_CHARS = 1000
"""So many characters are looked at; a run of white space counts as one."""

_MIN_HAN_FRAC = 0.1

CODE = "code"
UNDETERMINED = "und"
"""ISO 639 code for a text without a single letter."""


def detect_language(text: str, head_chars: int | None = HEAD_CHARS) -> tuple[str, float]:
    """Label and probability of a text's language; see `detect_languages`."""
    labels, scores = detect_languages(from_texts([text]), pa.array([""]), head_chars)
    return labels[0], float(scores[0])


def detect_languages(
    texts: pa.ChunkedArray | pa.Array,
    categories: pa.ChunkedArray | pa.Array,
    head_chars: int | None = HEAD_CHARS,
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Languages and scores of a column; documents of category `code` are in language `code`.

    Args:
        texts: strings.
        categories: strings, as many.
        head_chars: how many characters from the first letter on are looked at; None: all.

    Returns:
        ISO 639 codes, and float32 scores in [0, 1]: the label's probability among the languages
        that the script allows. ("und", 0) where there is no letter; ("code", 1) for code, whose
        text is not looked at. A null text counts as an empty one.
    """
    view = string_view(texts)
    is_code = np.array([category == CODE for category in categories.to_pylist()], dtype=np.bool_)
    known, names = identifier()
    labels = np.full(view.valid.size, -1, dtype=np.int64)
    scores = np.zeros(view.valid.size, dtype=np.float32)
    limit = np.iinfo(np.int64).max if head_chars is None else head_chars
    scratch = scratch_for(known, view.offsets)
    _label_rows(view.data, view.offsets, is_code, limit, known, scratch, labels, scores)
    scores[is_code] = 1.0
    codes = [UNDETERMINED if label < 0 else names[label] for label in labels]
    return [CODE if code else name for code, name in zip(is_code, codes, strict=True)], scores


@kernel
def _label_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    skipped: npt.NDArray[np.bool_],
    max_chars: int,
    known: Identifier,
    scratch: Scratch,
    labels: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
) -> None:
    units = np.empty(scratch.odds.size + 1, dtype=np.float64)
    for row in range(labels.size):
        if skipped[row]:
            continue
        start, end = find_head(data, offsets[row], offsets[row + 1], max_chars, known.flags)
        if start == end:
            continue
        units[:] = 0
        add_units(data, start, end, known, scratch, units)
        scratch.sums[:] = 0
        features = add_features(data, start, end, known, scratch.word, scratch.sums)
        label_odds(scratch.sums, features, known.model, scratch.nodes, scratch.odds)
        labels[row], scores[row] = _choose(units, scratch.odds, known)


@kernel
def _choose(
    units: npt.NDArray[np.float64], odds: npt.NDArray[np.float64], known: Identifier
) -> tuple[int, float]:
    """The likeliest label among those that the script of the text allows, and its share of them."""
    han = units[known.chinese] + units[known.japanese]
    other = units[:-1].sum() - han
    # A table or code without prose, and a few ideographs: the script says nothing.
    is_open = other == 0 and han < _MIN_HAN_FRAC * units[-1]
    allowed = 0.0
    best = -1
    for label in range(odds.size):
        if known.is_han[label] != (han > other) and not is_open:
            continue
        if label == known.japanese and units[label] == 0:
            continue
        allowed += odds[label]
        if best < 0 or odds[label] > odds[best]:
            best = label
    return (best, odds[best] / allowed) if allowed > 0 else (best, 0.0)
