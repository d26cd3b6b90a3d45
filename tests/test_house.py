"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mapneo.pipeline import load_recipe, stages

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "mapneo").rglob("*.py"))
MAX_LINES = 350
MAX_FUNCTION_LINES = 60


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and path.name != "cli.py":
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


def test_no_utils_module():
    assert not [path for path in MODULES if "util" in path.stem]


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda p: p.name)
def test_every_recipe_resolves(path):
    names = [stage.name for stage in stages(load_recipe(path))]
    assert names[0] == "fetch"
    assert names[-1] == "report"


def test_formats_md_describes_every_stage():
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    for stage in stages(load_recipe(ROOT / "recipes/tiny.toml")):
        assert re.search(rf"^## .*\b{stage.name}\b", text, re.MULTILINE), stage.name


def test_ci_runs_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo " in readme
    assert "make test " in readme
    assert "make test" in (ROOT / ".ci/run").read_text().splitlines()
    assert "make test" in (ROOT / ".github/workflows/check.yml").read_text()


def test_tables_of_the_experiments_are_those_of_the_results():
    command = [sys.executable, "-m", "bench.experiments", "--check"]
    assert subprocess.run(command, cwd=ROOT).returncode == 0


def test_tables_of_scaling_out_are_those_of_the_results():
    command = [sys.executable, "-m", "bench.scaling_out", "--check"]
    assert subprocess.run(command, cwd=ROOT).returncode == 0


def test_claims_have_a_state_and_a_dated_result_once_tested():
    claims = tomllib.loads((ROOT / "docs/claims.toml").read_text(encoding="utf-8"))["claim"]
    assert len({claim["id"] for claim in claims}) == len(claims)
    for claim in claims:
        assert claim["status"] in {"holds", "does not hold", "not yet"}
        tested = claim["status"] != "not yet"
        assert bool(claim["result"]) == bool(claim["date"]) == tested, claim["id"]


def test_every_dependency_is_pinned():
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(item for extra in extras for item in extra)]
    names = {re.split(r"[><=\[ ]", item)[0].lower().replace("_", "-") for item in wanted}
    assert names <= pinned
