import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mapneo.core.canonical import Json
from tests.golden.pages import article, page, write, write_web

MICRO = Path(__file__).parent / "micro.toml"


def write_pool(folder: Path) -> None:
    """The small web, texts to hold out, and copies of some of them among the rest."""
    write_web(folder, articles=24)
    for language in ("en", "zh"):
        for number in range(6):
            text = article(language, 700 + number)
            write(folder / f"held/{language}{number}.html", page("held", text))
        write(folder / f"{language}/leak.html", page("held", article(language, 700)))
        near = [*article(language, 701)[:-1], article(language, 701)[-1] + "!"]
        write(folder / f"{language}/near_leak.html", page("held", near))


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(MICRO.parent.parent.parent),
        "MAPNEO_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mapneo.cli", "ablate", "micro.toml", *words]


def run(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        command(*words), cwd=folder, capture_output=True, text=True, env=environment(folder)
    )
    assert result.returncode == code, result.stderr[-4000:]
    return result


def new_folder(folder: Path) -> Path:
    write_pool(folder / "web")
    (folder / "micro.toml").write_text(MICRO.read_text())
    return folder


def digests(ablation: Path) -> dict[str, Json]:
    """What every stage left, by its folder: digest of its files, or loss and weights where files
    hold times."""
    found = {}
    for path in sorted(ablation.rglob("manifest.json")):
        value = json.loads(path.read_text())
        is_training = value["stage"] == "pretrain_1"
        found[path.parent.relative_to(ablation).as_posix()] = (
            [value["facts"][key] for key in ("loss_hex", "weights_sha256")]
            if is_training
            else value["outputs_digest"]
        )
    return found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished micro ablation."""
    made = new_folder(tmp_path_factory.mktemp("ablation"))
    run(made)
    return made


@pytest.fixture(scope="session")
def ablation(folder: Path) -> Path:
    return folder / "runs/micro"
