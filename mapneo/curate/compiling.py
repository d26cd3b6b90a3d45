"""What measuring runs, compiled for this machine before the first document.

numba compiles under one lock in a process, so half of it is done in a second process, which leaves
the machine code in the cache on disk; what it fails to leave there is compiled here.
"""

from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

import pyarrow as pa

from mapneo.core.pools import pool_executor
from mapneo.curate.keep_edits import rows_to_keep_clean
from mapneo.curate.language import detect_languages
from mapneo.curate.measure import plan_of
from mapneo.curate.mixed import language_mixes
from mapneo.curate.signals import text_counts, unit_counts
from mapneo.text.buffers import from_texts, string_view


def compile_kernels(measurements: tuple[str, ...], workers: int) -> None:
    """Compile all that `measurements` run and is not in the cache yet.

    With one worker, nothing is done at the same time.
    """
    plan = plan_of(measurements)
    splitters = sorted({s for asked in plan.counted.values() for s in asked if s is not None})
    if workers < 2 or not splitters:
        compile_texts()
        compile_words(splitters)
        return
    with pool_executor("processes", 1) as pool:
        elsewhere = pool.submit(compile_words, splitters)
        compile_texts()
        with suppress(BrokenProcessPool):
            elsewhere.result()
    compile_words(splitters)


def compile_words(splitters: Sequence[str]) -> None:
    """Compile the walks of word splitters, or load them from the cache."""
    for splitter in splitters:
        unit_counts(string_view(from_texts([""])), splitter)


def compile_texts() -> None:
    """Compile edits, languages and the walk of texts, or load them from the cache."""
    nothing = from_texts([""])
    rows_to_keep_clean(nothing)
    detect_languages(nothing, pa.array(["web"]))
    language_mixes(nothing, pa.array(["web"]))
    text_counts(string_view(nothing))
