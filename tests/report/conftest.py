from pathlib import Path

import pytest

from mapneo.report.collect import Collected, collect
from mapneo.report.page import render
from tests.report.run_factory import STAGES, make_run

CLAIMS = Path(__file__).parents[2] / "docs/claims.toml"


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "tiny")


def collect_run(run: Path) -> Collected:
    folders = {stage: run / stage for stage in STAGES}
    return collect(folders, run_name=run.name, claims_file=CLAIMS)


@pytest.fixture(scope="session")
def collected(run: Path) -> Collected:
    return collect_run(run)


@pytest.fixture(scope="session")
def html(collected: Collected) -> str:
    return render(collected)


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts are empty, where a test is not about them."""
    svg = '<svg width="10" height="10" viewBox="0 0 10 10"></svg>'
    monkeypatch.setattr("vl_convert.vegalite_to_svg", lambda spec, version: svg)
    monkeypatch.setattr("vl_convert.vega_to_svg", lambda spec: svg)
