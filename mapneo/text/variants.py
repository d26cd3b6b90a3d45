"""Traditional characters read as their simplified forms, by OpenCC's character table."""

from functools import cache

import numpy as np

from mapneo.core.errors import ConfigError
from mapneo.text.unicode import HAN, CharTables, char_tables


@cache
def simplified_tables() -> CharTables:
    """`char_tables` in which a traditional character also folds to its simplified form.

    One character at a time (OpenCC `t2s`): words whose two spellings differ by more than
    characters stay apart.

    Raises:
        ConfigError: OpenCC is not installed.
    """
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise ConfigError(
            "folding traditional to simplified characters needs OpenCC: "
            "pip install 'mapneo[variants]', or leave fold_variants out"
        ) from error
    tables = char_tables()
    fold = tables.fold.copy()
    code_points = np.flatnonzero((tables.flags & HAN != 0) & (fold > 0))
    forms = OpenCC("t2s").convert("\n".join(chr(fold[c]) for c in code_points)).split("\n")
    for code_point, form in zip(code_points, forms, strict=True):
        if len(form) == 1:
            fold[code_point] = ord(form)
    fold.setflags(write=False)
    return CharTables(tables.flags, fold, tables.expansions)
