"""Kernels do work in proportion to the text, whatever the text is: counted, not timed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mapneo.text.counts import DICTIONARY
from mapneo.text.walk import lexicon
from tests.text.work import TEXTS

ROOT = Path(__file__).parents[2]
MAX_GROWTH = 2.9
"""Twice the text may need so many times the work: an n-gram of ten words is a large part of a
short text, and hash tables grow in steps of two."""
TELLING_LINES = 300


@pytest.fixture(scope="module")
def work() -> dict[str, list[dict[str, int]]]:
    lexicon(DICTIONARY)  # its tables are made by compiled code and kept on disk
    result = subprocess.run(
        [sys.executable, "-m", "tests.text.work"],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", TEXTS)
def test_twice_the_text_is_twice_the_work_in_every_kernel(work, name):
    once, twice = work[name]
    assert twice["_count_text_rows"] > 20
    assert twice["_count_unit_rows"] > 20
    grown = {
        function: (once.get(function, 0), lines)
        for function, lines in twice.items()
        if lines > TELLING_LINES and lines > MAX_GROWTH * once.get(function, 0)
    }
    assert grown == {}
