import re
from xml.etree import ElementTree

import pytest

from mapneo.report.charts.choice import Share, shares
from mapneo.report.charts.curation import Histogram, histogram, trimmed
from mapneo.report.charts.draw import Chart
from mapneo.report.charts.learning import Axes, Curve, Score, curves, scores, small_curves
from mapneo.report.charts.lineage import Link, Stage, arcs

AXES = Axes(x_title="tokens", y_title="nats", phase_changes=[4.0])
NASTY = "<script>alert(1)</script> & 'quoted'"


def lines(*labels: str) -> list[Curve]:
    return [
        Curve(label=label, colour="var(--zh)", x=[1.0, 2.0, 5.0], y=[3.0, 2.0, 1.0 + 0.001 * n])
        for n, label in enumerate(labels)
    ]


def texts(chart: Chart) -> list[str]:
    root = ElementTree.fromstring(str(chart.wide))
    return [node.text or "" for node in root.iter("text")]


def test_colours_stay_variables_and_nothing_needs_a_style_or_an_id():
    drawing = str(curves(lines("法律"), AXES, title="Loss", text="falls").wide)
    assert 'stroke="var(--zh)"' in drawing
    assert not re.search(r"#[0-9a-fA-F]{3,6}\b", drawing)
    assert not re.search(r"\s(style|id|xmlns:xlink)=", drawing)


def test_chinese_labels_and_markup_in_names_come_out_as_text():
    chart = small_curves(lines("法律", NASTY), AXES, title=NASTY, text=NASTY)
    assert "法律" in texts(chart)
    assert "<script" not in chart.wide
    root = ElementTree.fromstring(str(chart.wide))
    assert root.get("role") == "img"
    assert root.get("aria-label") == NASTY
    assert root.find("desc").text == NASTY


def test_wide_and_narrow_drawings_have_their_width():
    chart = curves(lines(""), AXES, title="Loss", text="falls")
    for drawing, width in ((chart.wide, 900), (chart.narrow, 340)):
        assert float(ElementTree.fromstring(str(drawing)).get("width")) == pytest.approx(
            width, abs=1
        )


def test_names_of_lines_that_end_together_do_not_overlap():
    chart = small_curves(lines("web", "law", "book"), AXES, title="t", text="t")
    root = ElementTree.fromstring(str(chart.wide))
    tops = [
        float(re.search(r",(-?[\d.]+)\)", node.get("transform")).group(1))
        for node in root.iter("text")
        if node.text in ("web", "law", "book")
    ]
    assert len(tops) == 3
    gaps = [b - a for a, b in zip(sorted(tops), sorted(tops)[1:], strict=False)]
    assert min(gaps) >= 11


def test_score_shows_its_value_and_is_drawn_for_one_model_without_interval():
    rows = [Score(model="xz", bits_per_byte=2.054, low=2.054, high=2.054, ours=False)]
    assert "2.05" in texts(scores("en", rows, title="English", text="xz"))


def test_histogram_drops_empty_ends_but_never_the_bound():
    data = Histogram(
        language="en",
        edges=[0, 1, 2, 3, 4, 5, 6],
        counts=[0, 0, 7, 0, 0, 0],
        minimum=None,
        maximum=4.5,
        is_log=False,
    )
    assert trimmed(data).edges == [2, 3, 4, 5]
    assert trimmed(data).counts == [7, 0, 0]
    assert "<svg" in histogram(data, title="t", text="t").wide


def test_histogram_without_any_document_is_drawn():
    data = Histogram(
        language="zh", edges=[1, 10, 100], counts=[0, 0], minimum=None, maximum=None, is_log=True
    )
    assert "<svg" in histogram(data, title="t", text="t").wide


def test_arcs_join_the_stages_and_leave_out_unknown_ones():
    stages = [Stage(name="fetch", digest="abc123"), Stage(name="extract", digest="")]
    links = [Link(source="fetch", target="extract"), Link(source="gone", target="extract")]
    chart = arcs(stages, links, title="Lineage")
    assert {"fetch", "extract", "abc123"} <= set(texts(chart))
    assert str(chart.wide).count("C") >= 1
    assert "extract reads fetch" in chart.description


def test_share_is_drawn_with_its_interval_and_the_line_of_chance():
    rows = [Share(model=NASTY, value=0.261, low=0.22, high=0.31)]
    chart = shares("en", rows, 0.25, title="words", text="a quarter")
    assert "26.1%" in texts(chart)
    assert "<script" not in chart.wide
    assert str(chart.wide).count("stroke-dasharray") >= 1
    assert "<svg" in shares("zh", rows, 1.0, title="t", text="t").wide
