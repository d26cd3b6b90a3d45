"""The one decorator that all kernels share, and the rule for its on-disk cache.

numba notices a change in a kernel's own file only, not in the functions and constants that it was
compiled with from other files. Stale machine code would change results without a word, so the
cache's stamp also covers the whole of this room, where everything that kernels share lives.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import xxhash
from numba import types

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function on its first call, without the GIL, and cache it on disk.

    Integer overflow wraps (hashes rely on it); floats follow IEEE rules, without reordering.
    A constant that a kernel passes to another is an argument like any other: numba would compile
    the other once more for each constant.
    """
    compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    index: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if not hasattr(index, "_source_stamp"):
        # An unknown numba: slow is better than wrong.
        return cast(F, numba.njit(nogil=True, error_model="numpy")(function))
    index._source_stamp = (index._source_stamp, room_stamp())
    compiled.get_call_template = partial(_call_template, compiled.get_call_template)
    return cast(F, compiled)


def _call_template(
    resolve: Callable[..., Any], args: Sequence[types.Type], kws: Mapping[str, types.Type]
) -> Any:
    plain: Callable[[types.Type], types.Type] = types.unliteral
    return resolve(tuple(map(plain, args)), {key: plain(kws[key]) for key in kws})


@cache
def room_stamp() -> str:
    """Hash of this room's source text."""
    state = xxhash.xxh3_128()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()
