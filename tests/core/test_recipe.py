from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.core.canonical import canonical, changed_fields, digest
from mapneo.core.errors import ConfigError, InputError
from mapneo.core.recipe import read_toml, validate, with_overrides
from mapneo.core.stage import Config


class Inner(Config):
    word_count_min: int = 50


class Outer(Config):
    name: str
    inner: Inner = Inner()
    maybe: Inner | None = None


def explain(values) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(Outer, values, "recipe.toml")
    return str(caught.value)


def test_a_misspelt_key_is_an_error_that_suggests_the_right_one():
    message = explain({"name": "x", "inner": {"word_cuont_min": 3}})
    assert "unknown key `inner.word_cuont_min`; did you mean `word_count_min`?" in message
    assert "`word_count_min`" in explain({"name": "x", "maybe": {"word_count_mim": 3}})
    assert "known keys: inner, maybe, name" in explain({"name": "x", "zzz": 1})


def test_a_missing_key_and_a_wrong_type_are_named():
    assert "`name` is missing" in explain({})
    message = explain({"name": "x", "inner": {"word_count_min": "many"}})
    assert "recipe.toml" in message
    assert "`inner.word_count_min` = 'many'" in message


def test_overrides_win_over_the_file_and_keep_types():
    values = {"inner": {"a": 1, "b": 2}}
    merged = with_overrides(values, ["inner.a=5", "inner.c=[1, 2]", "name=some text", "x.y=true"])
    assert merged == {
        "inner": {"a": 5, "b": 2, "c": [1, 2]},
        "name": "some text",
        "x": {"y": True},
    }
    assert values == {"inner": {"a": 1, "b": 2}}
    for wrong in ("noequals", "inner.a.b=1"):
        with pytest.raises(ConfigError):
            with_overrides(values, [wrong])


def test_a_missing_recipe_suggests_its_neighbour(tmp_path: Path):
    (tmp_path / "tiny.toml").write_text("a = 1")
    with pytest.raises(InputError, match=r"did you mean .*tiny\.toml"):
        read_toml(tmp_path / "tny.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(ConfigError, match=r"bad\.toml.*line 1"):
        read_toml(tmp_path / "bad.toml")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON))
def test_digest_does_not_depend_on_key_order(value):
    turned = dict(reversed(value.items()))
    assert canonical(turned) == canonical(value)
    assert digest(turned) == digest(value)
    assert changed_fields(value, turned) == []


def test_changed_fields_names_what_differs_in_depth():
    old = {"a": {"b": 1, "c": [1, 2]}, "d": None}
    new = {"a": {"b": 2, "c": (1, 2)}, "d": "x"}
    assert changed_fields(old, new) == ["a.b: 1 → 2", 'd: null → "x"']


class Sized(Config):
    parts: tuple[Inner, ...] = ()
    share: float = 0.5


def test_only_the_innermost_mistake_is_told_and_no_table_is_printed():
    with pytest.raises(ConfigError) as caught:
        validate(Sized, {"parts": [{"word_count_min": "x"}], "share": 1}, "recipe.toml")
    assert str(caught.value).count("\n") == 0
    assert "{" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        validate(Sized, {"parts": {"word_count_min": 1}}, "recipe.toml")
    assert "{" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(value):
    with pytest.raises(ConfigError, match="share.*finite"):
        validate(Sized, {"share": value}, "recipe.toml")
