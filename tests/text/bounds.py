"""Random and adversarial texts through both walks, under every splitter, with bounds checked.

Run with NUMBA_BOUNDSCHECK=1: an index outside of its array, negative ones included where they
reach before the first entry, raises IndexError instead of reading what lies there.
"""

import random
import sys

import numba
import numpy as np
import pyarrow as pa

from mapneo.text.buffers import StringView, string_view
from mapneo.text.counts import CHARACTERS, DICTIONARY, FOLDED, NORMALISED, SPACE_WORDS
from mapneo.text.kernel import kernel
from mapneo.text.phrases import count_phrases, phrase_list
from mapneo.text.walk import count_text, count_units, lexicon
from tests.text.work import PHRASES, TEXTS

SPLITTERS = (FOLDED, CHARACTERS, SPACE_WORDS, DICTIONARY, NORMALISED)
RANDOM_TEXTS = 200
PIECES = (
    " ", "\n", "\t", "a", "The", "the", "of", ".", "...", "…", "。", "!)", "1.", "-", "#", "{",
    "【", "】", "read more", "更多", "lorem ipsum", "lorem", "中", "文字", "龠", "ﷺ", "é",
    "e\u0301", "ß", "\U0010ffff", "\ufffd", "\x00", "😀", "\r\n", "\u2028", "Ⅷ", "x" * 40,
)  # fmt: skip


def random_text(rng: random.Random) -> bytes:
    """Pieces that kernels look for, bytes of any kind, or both."""
    pieces = [rng.choice(PIECES).encode() for _ in range(rng.randrange(40))]
    if rng.random() < 0.4:
        pieces += [rng.randbytes(rng.randrange(6)) for _ in range(rng.randrange(20))]
        rng.shuffle(pieces)
    if rng.random() < 0.3:
        pieces *= rng.randrange(2, 5)
    return b"".join(pieces)


def view_of(texts: list[bytes]) -> StringView:
    """Texts of any bytes; the array ends with the last one, so that reading on is noticed."""
    offsets = np.cumsum([0, *map(len, texts)]).astype("i4")
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return string_view(pa.Array.from_buffers(pa.string(), len(texts), buffers))


@kernel
def _read_behind(values: np.ndarray) -> float:
    return values[values.size]


def main() -> None:
    assert numba.config.BOUNDSCHECK
    try:
        _read_behind(np.zeros(3))
    except IndexError:
        pass
    else:
        raise SystemExit("bounds are not checked")
    rng = random.Random(11)
    texts = [random_text(rng) for _ in range(RANDOM_TEXTS)]
    texts += [text_of(size).encode() for text_of in TEXTS.values() for size in (1, 12, 60)]
    batch = view_of(texts)
    alone = [view_of([text]) for text in texts[::10]]
    words = {splitter: lexicon(splitter, ["the", "of"]) for splitter in SPLITTERS}
    lists = [phrase_list(["the of", "read", "文字"], by_dictionary=way) for way in (False, True)]
    for view in (batch, *alone):
        assert np.isfinite(count_text(view, PHRASES)).all()
        for lexicon_of in words.values():
            assert count_units(view, lexicon_of).shape[0] == view.valid.size
        for phrases in lists:
            assert count_phrases(view, phrases).shape[0] == view.valid.size
    sys.stdout.write(f"{len(texts)} texts\n")


if __name__ == "__main__":
    main()
