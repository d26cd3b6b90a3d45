import json
from pathlib import Path

import pytest

from mapneo.core.engine import Engine
from mapneo.core.errors import InputError
from mapneo.core.executor import LocalExecutor
from mapneo.core.manifest import read_manifest
from mapneo.core.progress import QuietProgress
from mapneo.core.stage import Artifact, Outcome, Work
from mapneo.report.stage import Report, ReportConfig
from tests.report.conftest import CLAIMS
from tests.report.run_factory import STAGES


def run_stage(run: Path, output: Path, config: ReportConfig) -> Outcome:
    artifacts = {}
    for name in STAGES:
        manifest = read_manifest(run / name)
        assert manifest is not None
        artifacts[name] = Artifact(directory=run / name, manifest=manifest)
    output.mkdir(parents=True)
    work = Work(
        output=output,
        inputs=artifacts,
        engine=Engine(output=output, stage_key="report", executor=LocalExecutor(1)),
        progress=QuietProgress(),
        seed=42,
        fingerprint="",
    )
    return Report(config, STAGES).run(work)


def test_stage_writes_page_and_numbers_and_says_how_big_they_are(run: Path, tmp_path: Path):
    output = tmp_path / "my-run/report"
    outcome = run_stage(run, output, ReportConfig(claims=CLAIMS))
    assert sorted(outcome.files) == sorted(path.name for path in output.iterdir())
    page = (output / "index.html").read_text(encoding="utf-8")
    assert '<h1 id="head-title"><bdi>my-run</bdi></h1>' in page
    figures = json.loads((output / "numbers.json").read_text(encoding="utf-8"))["figures"]
    assert outcome.facts == {"page_bytes": len(page.encode()), "figures": len(figures)}


def test_same_run_gives_the_same_bytes(run: Path, tmp_path: Path):
    config = ReportConfig(title="twice")
    for name in ("one", "two"):
        run_stage(run, tmp_path / name / "report", config)
    for file in ("index.html", "numbers.json"):
        one, two = (tmp_path / name / "report" / file for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_page_depends_on_the_contents_of_the_claims_file(tmp_path: Path):
    path = tmp_path / "claims.toml"
    stage = Report(ReportConfig(claims=path), STAGES)
    with pytest.raises(InputError, match="report.claims"):
        stage.outside()
    path.write_text("claim = []", encoding="utf-8")
    before = stage.outside()
    path.write_text("claim = [] # new", encoding="utf-8")
    assert stage.outside() != before
    assert Report(ReportConfig(), STAGES).outside() is None
