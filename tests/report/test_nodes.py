from pathlib import Path

import pytest

from mapneo.core.errors import InputError, ManifestError
from mapneo.report.nodes import Node, RunFiles, toml_node


def node(value) -> Node:
    return Node(file="judge/manifest.json", keys=(), value=value)


def test_pointer_escapes_tilde_and_slash():
    found = node({"en/web": [{"a~b": 1}]}).at("en/web", 0, "a~b")
    assert found.pointer == "/en~1web/0/a~0b"
    assert found.value == 1


def test_absent_field_is_named_with_its_file():
    with pytest.raises(ManifestError, match=r"judge/manifest.json has no /facts/kept"):
        node({"facts": {}}).at("facts", "kept")


def test_null_is_there_for_at_and_absent_for_maybe():
    value = node({"low": None})
    assert value.at("low").value is None
    assert value.maybe("low") is None
    assert value.maybe("high") is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({}, "rows"),
        ([], "fields"),
        ("3", "number"),
        (True, "number"),
        (3, "text"),
        (None, "number"),
    ],
)
def test_value_of_another_kind_is_refused(value, read: str):
    with pytest.raises(ManifestError, match="should be"):
        getattr(node(value), read)()


@pytest.mark.parametrize("index", [-1, 2])
def test_list_has_no_element_outside_its_length(index: int):
    assert node([1, 2]).maybe(index) is None


def test_torn_last_line_is_left_out_but_a_torn_middle_is_an_error(tmp_path: Path):
    (tmp_path / "m.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"ste', encoding="utf-8")
    files = RunFiles({"pretrain_1": tmp_path})
    assert [row.at("step").value for row in files.lines("pretrain_1", "m.jsonl").rows()] == [1, 2]
    (tmp_path / "m.jsonl").write_text('{"step": 1}\n{"st\n{"step": 3}\n', encoding="utf-8")
    with pytest.raises(ManifestError, match="line 2"):
        RunFiles({"pretrain_1": tmp_path}).lines("pretrain_1", "m.jsonl")


def test_missing_file_names_the_stage_that_should_have_written_it(tmp_path: Path):
    with pytest.raises(ManifestError, match="the stage judge has not written it"):
        RunFiles({"judge": tmp_path}).manifest("judge")


@pytest.mark.parametrize("content", [None, b"a = ", b"\xff\xfe"])
def test_claims_file_that_is_missing_or_no_toml_is_the_users_to_mend(tmp_path: Path, content):
    path = tmp_path / "claims.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="claims.toml"):
        toml_node(path, "claims.toml")
