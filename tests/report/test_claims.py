import datetime
import tomllib
from pathlib import Path

import pytest

from mapneo.report.collect import Collected, collect
from mapneo.report.page import render
from mapneo.report.sections.claims import FIELDS, STATUSES
from mapneo.report.sections.common import Gap
from tests.report.conftest import CLAIMS
from tests.report.run_factory import STAGES


def test_claims_file_is_whole_and_honest():
    rows = tomllib.loads(CLAIMS.read_text(encoding="utf-8"))["claim"]
    assert len({row["id"] for row in rows}) == len(rows) >= 14
    for row in rows:
        assert set(row) == set(FIELDS)
        assert row["status"] in STATUSES
        assert bool(row["result"]) == bool(row["date"]) == (row["status"] != "not yet"), row["id"]
        if row["date"]:
            datetime.date.fromisoformat(row["date"])


def test_this_runs_answer_stands_beside_the_claims_it_can_speak_to(collected: Collected):
    here = {claim.name: claim.here for claim in collected.page.claims}
    assert "506</data> texts came back" in here["tokenizer-lossless"]
    assert "in = kept + dropped + errors" in here["nothing-vanishes"]
    assert "1.320 bits per byte" in here["phase-2-helps"]
    assert here["dpo-rounds-help"] is None


def test_page_without_a_claims_file_says_so(run: Path):
    found = collect({stage: run / stage for stage in STAGES}, run_name="tiny")
    assert isinstance(found.page.claims, Gap)
    assert "the recipe names no claims file" in render(found)


@pytest.mark.parametrize("line", ['status = "proven"', 'state = "holds"'])
def test_row_with_an_unknown_status_or_a_missing_field_is_told(
    run: Path, tmp_path: Path, line: str
):
    rest = "".join(f'{name} = "x"\n' for name in FIELDS if name != "status")
    (tmp_path / "claims.toml").write_text(f"[[claim]]\n{rest}{line}\n", encoding="utf-8")
    folders = {stage: run / stage for stage in STAGES}
    found = collect(folders, run_name="tiny", claims_file=tmp_path / "claims.toml")
    assert isinstance(found.page.claims, Gap)
    assert "status" in found.page.claims.sentence
