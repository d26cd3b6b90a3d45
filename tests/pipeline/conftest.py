import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.golden.pages import write_web

MICRO = Path(__file__).parent / "micro.toml"


@dataclass(frozen=True)
class Shell:
    """Runs the real command in a folder that holds `micro.toml` and the small web."""

    folder: Path

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [sys.executable, "-m", "mapneo.cli", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=self.environment,
        )
        assert result.returncode == code, result.stderr[-4000:]
        return result

    @property
    def environment(self) -> dict[str, str]:
        root = str(MICRO.parent.parent.parent)
        return {**os.environ, "PYTHONPATH": root, "MAPNEO_CACHE": str(self.folder / "cache")}

    def states(self, *words: str) -> dict[str, str]:
        rows = json.loads(self("run", "micro.toml", "--json", *words).stdout)
        return {row["stage"]: row["state"] for row in rows}

    def manifest(self, stage: str, run: str = "micro") -> dict:
        return json.loads((self.folder / "runs" / run / stage / "manifest.json").read_text())


def new_shell(folder: Path) -> Shell:
    write_web(folder / "web")
    (folder / "micro.toml").write_text(MICRO.read_text())
    return Shell(folder)


@pytest.fixture(scope="session")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A finished micro run. Tests may read it and may run it again, but leave it finished."""
    shell = new_shell(tmp_path_factory.mktemp("micro"))
    assert set(shell.states().values()) == {"run"}
    return shell


@pytest.fixture
def fresh(tmp_path: Path) -> Shell:
    """A folder with recipe and web where nothing has run."""
    return new_shell(tmp_path)
