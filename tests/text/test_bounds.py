"""No kernel reads or writes outside of its arrays, whatever the text."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_index_leaves_its_array_on_random_and_adversarial_texts(tmp_path: Path):
    environment = {
        **os.environ,
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str(tmp_path),  # kernels compiled without checks must not be found
        "NUMBA_OPT": "1",
    }
    result = subprocess.run(
        [sys.executable, "-m", "tests.text.bounds"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[0]) > 200
