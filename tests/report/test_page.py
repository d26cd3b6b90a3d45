import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.core.files import read_json, write_json
from mapneo.report.page import SECTIONS, render
from tests.report.conftest import collect_run
from tests.report.run_factory import HOSTILE, STAGES


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    shutil.copytree(run, tmp_path / "tiny")
    return tmp_path / "tiny"


def section(html: str, name: str) -> str:
    return html.split(f'<section id="{name}"')[1].split("</section>")[0]


def gaps(html: str) -> list[str]:
    return re.findall(r'<p class="gap">.*?</p>', html, re.DOTALL)


def test_whole_run_has_every_section_and_no_gap(html: str):
    for name in ("head", *SECTIONS):
        assert f'<section id="{name}"' in html
    assert gaps(html) == []


def test_page_is_small_and_refers_to_nothing_outside_itself(html: str):
    assert len(html.encode()) < 2_000_000
    assert not re.search(r"<(script|link|img|iframe|object|embed|base|form)\b", html)
    assert not re.search(r"""(src|href|action)\s*=\s*["'](?!#)""", html)
    assert "url(" not in html
    assert "@import" not in html


def test_policy_allows_only_the_pages_own_style_sheet(html: str):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html).group(1)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert not re.search(r"<[^>]+\son\w+=", html)


def test_text_of_documents_is_shown_as_text(html: str):
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in html
    for match in re.finditer("gnirts", html):
        assert html.rfind("<bdi", 0, match.start()) > html.rfind("</bdi>", 0, match.start())


def test_anchors_lead_somewhere_and_ids_are_unique(html: str):
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


@pytest.mark.parametrize("missing", STAGES)
def test_run_without_a_stage_still_renders_and_says_what_is_missing(
    copy: Path, no_drawing: None, missing: str
):
    shutil.rmtree(copy / missing)
    html = render(collect_run(copy))
    assert missing in section(html, "head")
    assert gaps(html)


def test_run_whose_stages_left_no_facts_still_renders(copy: Path, no_drawing: None):
    for stage in STAGES:
        manifest = read_json(copy / stage / "manifest.json")
        write_json(copy / stage / "manifest.json", {**manifest, "facts": {}})
    assert gaps(section(render(collect_run(copy)), "funnel"))


def test_damaged_manifests_count_as_unfinished_stages(copy: Path):
    for stage in STAGES:
        (copy / stage / "manifest.json").write_text('{"stage": ', encoding="utf-8")
    head = section(render(collect_run(copy)), "head")
    assert all(stage in head for stage in STAGES)


def test_empty_run_renders(tmp_path: Path):
    html = render(collect_run(tmp_path / "nothing"))
    assert "has not been evaluated" in section(html, "head")
    for name in (
        "funnel",
        "signals",
        "copies",
        "tokenizer",
        "mix",
        "training",
        "alignment",
        "evaluation",
        "cost",
    ):
        assert gaps(section(html, name)), name


def test_training_that_is_still_going_on_shows_its_curve(copy: Path):
    shutil.rmtree(copy / "pretrain_2")
    (copy / "pretrain_1/manifest.json").unlink()
    metrics = copy / "pretrain_1/metrics.jsonl"
    lines = metrics.read_text(encoding="utf-8").splitlines(keepends=True)
    metrics.write_text("".join(lines[:100]) + lines[100][:20], encoding="utf-8")
    html = section(render(collect_run(copy)), "training")
    assert "not finished" in html
    assert "<svg" in html
    assert 'value="100"' in html


def test_missed_floor_is_said_first(copy: Path):
    path = copy / "evaluate/floors.json"
    floors = read_json(path)
    floors["floors"][0]["passed"] = False
    write_json(path, floors)
    head = section(render(collect_run(copy)), "head")
    assert 'class="verdict failed"' in head
    assert re.search(r">1</data> of <data [^>]+>12</data> quality floors were not met", head)


def test_artifact_that_changed_after_it_was_read_is_marked(copy: Path):
    path = copy / "dedup/manifest.json"
    manifest = read_json(path)
    write_json(path, {**manifest, "outputs_digest": "0" * 32})
    assert "changed since" in section(render(collect_run(copy)), "lineage")


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1))
def test_any_name_of_a_run_keeps_the_page_well_formed(name: str):
    page = render(collect_run(Path("/nonexistent") / name))
    assert page.count("<section") == len(SECTIONS) + 1
    assert page.count("<h1") == 1


def test_fire_rates_are_shown_and_rules_that_only_report_are_marked(collected):
    judge, dedup = collected.page.funnel.reasons
    rows = {row.rule: row for row in judge.rows}
    assert [name for name, row in rows.items() if row.only_reports] == ["en_top_2gram"]
    # The made-up run has facts about documents in the three languages only.
    own = [row for row in judge.rows if row.rule != "language_not_wanted"]
    assert all(row.fired_share and row.alone_share for row in own)
    assert not any(row.fired_share or row.only_reports for row in dedup.rows)
    html = section(render(collected), "funnel")
    assert html.count("(only reports)") == 1
    share = rows["en_top_2gram"].fired_share
    assert f">{share.text}<" in html


def test_what_measuring_found_is_shown(collected, copy: Path):
    found = collected.page.funnel.measured
    assert [(row.language, row.documents.text) for row in found.mixed] == [("en", "3"), ("zh", "2")]
    html = section(render(collected), "funnel")
    assert "signals/&lt;a&gt;" in html
    assert "<code>annotations:no_row</code>" in html
    assert re.search(r">60</data> documents found their annotations; <data [^>]+>10</data>", html)
    manifest = read_json(copy / "measure/manifest.json")
    facts = {**manifest["facts"], "mixed": [], "unscored": []}
    del facts["annotations"]
    write_json(copy / "measure/manifest.json", {**manifest, "facts": facts})
    html = section(render(collect_run(copy)), "funnel")
    assert "No document holds a fair part of a second language." in html
    assert "annotations" not in html


def test_hostile_text_reached_the_page(collected):
    excerpts = [
        document.excerpt
        for stage in collected.page.funnel.samples
        for rule in stage.rules
        for document in rule.documents
    ]
    assert HOSTILE in excerpts
