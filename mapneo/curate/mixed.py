"""Documents in more than one language: which, and how much of the text is in each."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.curate.language import CODE
from mapneo.curate.lid import identifier
from mapneo.text.buffers import from_texts, string_view
from mapneo.text.fasttext import Identifier, Scratch, scratch_for
from mapneo.text.kernel import kernel
from mapneo.text.languages import add_units

MIN_SHARE = 0.01
"""A language with less of a text is not listed."""

MIXED_SHARE = 0.2
"""A document is mixed if its second language holds so much of it."""

MIN_SECOND_LETTERS = 60
"""Letters that the second language must have: about ten words."""

MIX_TYPE = pa.list_(
    pa.struct([("language", pa.string()), ("share", pa.float32()), ("letters", pa.int64())])
)
"""Type of a column of mixes."""


def language_mix(text: str) -> list[tuple[str, float]]:
    """Languages of a text and their shares of its letters, largest first; see `language_mixes`."""
    mixes = language_mixes(from_texts([text]), pa.array([""]))
    return [(part["language"], part["share"]) for part in mixes[0].as_py()]


def language_mixes(
    texts: pa.ChunkedArray | pa.Array, categories: pa.ChunkedArray | pa.Array
) -> pa.Array:
    """The languages of each text of a column, by their share.

    Shares are of the letters that are in some language, an ideograph counting as three letters
    (`mapneo.text.languages`). Code and what the classifier is unsure of is in none. Documents of
    category `code` are not looked at and have an empty list.

    Args:
        texts: strings.
        categories: strings, as many.

    Returns:
        An array of `MIX_TYPE`: per document a list of (language, share in [0, 1], letters), largest
        first, without languages that hold less than `MIN_SHARE`.
    """
    view = string_view(texts)
    is_code = np.array([category == CODE for category in categories.to_pylist()], dtype=np.bool_)
    known, names = identifier()
    units = np.zeros((view.valid.size, len(names) + 1), dtype=np.float64)
    scratch = scratch_for(known, view.offsets)
    _mix_rows(view.data, view.offsets, is_code, known, scratch, units)
    return _mix_array(units[:, :-1], np.array(names))


def second_shares(mixes: pa.Array) -> npt.NDArray[np.float64]:
    """Share of the second largest language of each document, 0 where there is none."""
    starts = mixes.offsets.to_numpy()
    shares = mixes.values.field("share").to_numpy()
    several = np.diff(starts) > 1
    found = np.zeros(several.size)
    found[several] = shares[starts[:-1][several] + 1]
    return found


def is_mixed(mixes: pa.Array) -> npt.NDArray[np.bool_]:
    """Which documents hold at least 20 % (and 60 letters) of a second language.

    Args:
        mixes: as from `language_mixes`.

    Returns:
        bool, shape (documents,).
    """
    offsets = mixes.offsets.to_numpy()
    parts = mixes.values
    share, letters = parts.field("share").to_numpy(), parts.field("letters").to_numpy()
    second = np.flatnonzero(np.diff(offsets) >= 2)
    place = offsets[second] + 1
    mixed = np.zeros(len(mixes), dtype=np.bool_)
    mixed[second] = (share[place] >= MIXED_SHARE) & (letters[place] >= MIN_SECOND_LETTERS)
    return mixed


def _mix_array(units: npt.NDArray[np.float64], names: npt.NDArray[np.str_]) -> pa.Array:
    total = units.sum(axis=1, keepdims=True)
    shares = np.divide(units, total, out=np.zeros_like(units), where=total > 0)
    rows, labels = np.nonzero(shares >= MIN_SHARE)
    order = np.lexsort((labels, -units[rows, labels], rows))
    rows, labels = rows[order], labels[order]
    parts = pa.StructArray.from_arrays(
        [
            pa.array(names[labels].tolist(), pa.string()),
            pa.array(shares[rows, labels], pa.float32()),
            pa.array(units[rows, labels].astype(np.int64)),
        ],
        fields=list(MIX_TYPE.value_type),
    )
    starts = np.searchsorted(rows, np.arange(units.shape[0] + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(starts, parts, type=MIX_TYPE)


@kernel
def _mix_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    skipped: npt.NDArray[np.bool_],
    known: Identifier,
    scratch: Scratch,
    units: npt.NDArray[np.float64],
) -> None:
    for row in range(skipped.size):
        if not skipped[row]:
            add_units(data, offsets[row], offsets[row + 1], known, scratch, units[row])
