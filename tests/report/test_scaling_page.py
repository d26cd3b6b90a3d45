"""Pictures of scaling laws: SVG files that stand alone, and a page that needs nothing."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from mapneo.report.charts.scaling import Line, Plane, Spot, plane
from mapneo.report.scaling import write_pictures
from mapneo.report.scaling_charts import MOST_SIZES, size_groups
from mapneo.scaling.laws import Chinchilla, Neo
from mapneo.scaling.points import Points
from mapneo.scaling.read import read_points
from mapneo.scaling.study import HoldOut, Study
from tests.golden.scaling_points import FILE

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = ("loss", "residuals-by-parameters", "residuals-by-tokens", "iso-flop", "held-out")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("pictures")
    study = Study(points=read_points(FILE), draws=40)
    write_pictures(study, [Chinchilla(), Neo()], HoldOut(count=2, by="parameters"), made)
    return made


def test_every_picture_stands_alone(folder):
    names = {f"{law}-{name}.svg" for law in ("chinchilla", "neo") for name in PICTURES}
    assert {path.name for path in folder.glob("*.svg")} == names
    for name in names:
        text = (folder / name).read_text()
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert "var(" not in text
        assert root.find(f"{SVG}title").text


def test_pictures_hold_every_point(folder):
    for name in ("residuals-by-tokens", "held-out"):
        root = ElementTree.fromstring((folder / f"chinchilla-{name}.svg").read_text())
        dots = [
            node
            for node in root.iter(f"{SVG}path")
            if "point" in node.get("aria-roledescription", "")
        ]
        groups = [node for node in root.iter(f"{SVG}g") if "mark-symbol" in node.get("class", "")]
        assert len(dots) == 48 or sum(len(group) for group in groups) == 48


def test_the_page_needs_nothing_and_says_what_the_report_says(folder):
    page = (folder / "index.html").read_text()
    report = json.loads((folder / "report.json").read_text())
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert f"Nearest to the held-out points: {report['chosen']}." in page
    assert page.count("<svg") == 2 * 2 * len(PICTURES)
    for law in report["laws"].values():
        assert f"{law['parameters']['alpha']:.5g}" in page
        for remark in law["remarks"]:
            assert remark in page


def test_many_sizes_share_lines_and_few_keep_their_own():
    n = np.geomspace(1e6, 1e9, 60)
    many = Points.of(n, n * 20, 2 + 1e6 / n)
    groups = size_groups(many)
    assert len(groups) == MOST_SIZES
    assert sum(group.chosen.sum() for group in groups) == 60
    few = size_groups(read_points(FILE))
    assert [round(group.parameters, -5) for group in few][:2] == [5e7, 125600000.0]
    assert [group.strength for group in few] == [k / 5 for k in range(6)]


def test_an_empty_picture_and_one_of_a_single_dot_are_drawn():
    axes = Plane(x_title="x", y_title="y", has_zero_line=True)
    assert "<svg" in plane([], [], axes, title="t", text="d").wide
    line = Line(x=[1.0, 2.0], y=[1.0, 1.0], label="<b>&")
    drawn = plane([line], [Spot(x=1.0, y=1.0)], axes, title="t", text="d")
    assert "&lt;b&gt;" in drawn.wide
