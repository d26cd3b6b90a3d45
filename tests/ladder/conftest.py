import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.pages import write_web

MICRO = Path(__file__).parent / "micro.toml"


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(MICRO.parent.parent.parent),
        "MAPNEO_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mapneo.cli", "scaling", "ladder", "micro.toml", *words]


def run(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        command(*words), cwd=folder, capture_output=True, text=True, env=environment(folder)
    )
    assert result.returncode == code, result.stderr[-4000:]
    return result


def new_folder(folder: Path) -> Path:
    write_web(folder / "web", articles=24)
    (folder / "micro.toml").write_text(MICRO.read_text())
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished micro ladder."""
    made = new_folder(tmp_path_factory.mktemp("ladder"))
    run(made)
    return made


@pytest.fixture(scope="session")
def ladder(folder: Path) -> Path:
    return folder / "runs/micro"
