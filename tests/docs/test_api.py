"""The examples of docs/api.md, run as one program beside a finished micro run."""

import re
import subprocess
import sys
from pathlib import Path

from tests.pipeline.conftest import Shell, micro  # noqa: F401  (a fixture)

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_the_examples_of_the_page_run(micro: Shell):  # noqa: F811
    program = "\n".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    assert program.count("assert") >= 8
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=micro.folder,
        env=micro.environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
