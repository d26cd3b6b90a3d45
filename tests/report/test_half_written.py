"""Whatever is missing from or wrong in a run's files, the page is made and says so."""

import copy
import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapneo.core.files import read_json, write_json
from mapneo.report.page import render
from tests.report.conftest import collect_run

FILES = (
    "fetch/sources.json",
    "judge/manifest.json",
    "judge/histograms.json",
    "judge/samples.json",
    "dedup/manifest.json",
    "dedup/samples.json",
    "dedup/cluster_samples.json",
    "tokenizer/check.json",
    "tokenizer/compression.json",
    "encode/manifest.json",
    "mix/plan.json",
    "pretrain_1/manifest.json",
    "pretrain_1/samples.json",
    "conversations/manifest.json",
    "sft_2/dropped.json",
    "sft_2/manifest.json",
    "preference_0/manifest.json",
    "reward/manifest.json",
    "reward/reward.json",
    "answers/answers.json",
    "answers/floors.json",
    "answers/samples.json",
    "evaluate/bits_per_byte.json",
    "evaluate/floors.json",
    "evaluate/choice.json",
)
WRONG = (None, "text", -1, 0, [], {}, True, [None], {"a": 1})


def _spoil(value, data: st.DataObject):
    """Replace or remove one value somewhere in `value`."""
    node = value
    while True:
        keys = list(range(len(node))) if isinstance(node, list) else sorted(node)
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = node[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 5)):
            node = inner
            continue
        if data.draw(st.booleans()):
            del node[key]
        else:
            node[key] = data.draw(st.sampled_from(WRONG))
        return


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(file=st.sampled_from(FILES), data=st.data())
def test_one_wrong_or_missing_value_never_stops_the_page(
    run: Path, no_drawing: None, file: str, data: st.DataObject
):
    whole = read_json(run / file)
    spoilt = copy.deepcopy(whole)
    _spoil(spoilt, data)
    try:
        write_json(run / file, spoilt)
        page = render(collect_run(run))
    finally:
        write_json(run / file, whole)
    assert page.rstrip().endswith("</html>")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    stage=st.sampled_from(["pretrain_1", "sft_1", "reward", "dpo_1"]),
    line=st.integers(0, 700),
    data=st.data(),
)
def test_one_wrong_value_in_the_metrics_never_stops_the_page(
    run: Path, no_drawing: None, stage: str, line: int, data: st.DataObject
):
    path = run / stage / "metrics.jsonl"
    whole = path.read_text(encoding="utf-8")
    lines = whole.splitlines()
    line %= len(lines)
    spoilt = json.loads(lines[line])
    _spoil(spoilt, data)
    lines[line] = json.dumps(spoilt)
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        page = render(collect_run(run))
    finally:
        path.write_text(whole, encoding="utf-8")
    assert page.rstrip().endswith("</html>")
