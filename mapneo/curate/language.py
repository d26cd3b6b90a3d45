"""Which language a document is in, as a whole.

fastText's lid.176 sees the first 1,000 characters from the first letter on, across lines. Judging
by the first line alone costs about 20 points; a page that begins with a table of figures or with
signs would lose its first 1,000 characters to them. Which other languages a document holds is
answered by `mapneo.curate.mixed`.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.curate.lid import identifier
from mapneo.text.buffers import from_texts, string_view
from mapneo.text.fasttext import Identifier, add_features, best_label
from mapneo.text.kernel import kernel
from mapneo.text.unicode import LETTER, SPACE
from mapneo.text.utf8 import decode_multibyte

HEAD_CHARS = 1000
"""So many characters are looked at; a run of white space counts as one."""

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
        ISO 639 codes, and float32 scores in [0, 1]. ("und", 0) where there is no letter; ("code",
        1) for code, whose text is not looked at.
    """
    view = string_view(texts)
    is_code = np.array([category == CODE for category in categories.to_pylist()], dtype=np.bool_)
    known, names = identifier()
    labels = np.full(view.valid.size, -1, dtype=np.int64)
    scores = np.zeros(view.valid.size, dtype=np.float32)
    limit = np.iinfo(np.int64).max if head_chars is None else head_chars
    _label_rows(view.data, view.offsets, is_code, limit, known, labels, scores)
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
    labels: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
) -> None:
    model = known.model
    sums = np.empty(model.rows.shape[1], dtype=np.float32)
    odds = np.empty(model.output.shape[0], dtype=np.float64)
    word = np.empty(16, dtype=np.uint8)
    for row in range(labels.size):
        if skipped[row]:
            continue
        start, end = head(data, offsets[row], offsets[row + 1], max_chars, known.flags)
        if word.size < end - start + 2:
            word = np.empty(2 * (end - start) + 2, dtype=np.uint8)
        sums[:] = 0
        features = add_features(data, start, end, known, word, sums)
        label, score = best_label(sums, features, model, odds)
        labels[row], scores[row] = label, score


@kernel
def head(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    max_chars: int,
    flags: npt.NDArray[np.uint16],
) -> tuple[int, int]:
    """Bytes from the first letter on, up to so many characters; empty if there is no letter.

    A run of white space counts as one character.
    """
    first_letter = -1
    chars = 0
    after_space = True
    position = start
    while position < end and chars < max_chars:
        first = np.int32(data[position])
        code_point, size = first, 1
        if first >= 0x80:
            code_point, size = decode_multibyte(data, position, end, first)
        flag = flags[code_point]
        if first_letter < 0 and flag & LETTER:
            first_letter = position
        is_space = flag & SPACE != 0
        if first_letter >= 0 and not (is_space and after_space):
            chars += 1
        after_space = is_space
        position += size
    return (first_letter, position) if first_letter >= 0 else (start, start)
