import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.align.forms import phrase, verify

FORMS = ("plain", "json", "en", "zh")
VALUES = st.from_regex(r"\A[A-Za-z\u4e00-\u9fff0-9][A-Za-z\u4e00-\u9fff0-9 -]{0,12}\Z").filter(
    lambda text: text == text.strip()
)


@given(VALUES, st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_what_is_phrased_in_a_form_is_right_in_it_and_only_the_form_is_wrong_elsewhere(
    value, form, asked
):
    verdict = verify(phrase(value, form), value, asked)
    assert verdict.content
    assert verdict.form == (form == asked)
    assert verdict.reward == (1.0 if form == asked else 0.5)
    assert verdict.success == (form == asked)


@pytest.mark.parametrize(
    ("response", "content", "form"),
    [
        ("The answer is 42.", True, True),
        (" The answer is 42. \n", True, True),
        ("The answer is 41.", False, True),
        ("The answer is 42", False, False),
        ("42", True, False),
        ('{"answer": 42}', True, False),
        ('{"answer": "42"}', True, False),
        ('{"answer": 42, "sure": true}', False, False),
        ("答案是42。", True, False),
        ("", False, False),
        ("[" * 5000, False, False),
    ],
)
def test_hand_worked(response, content, form):
    verdict = verify(response, "42", "en")
    assert (verdict.content, verdict.form) == (content, form)


def test_numbers_are_numbers_in_json_and_names_are_strings():
    assert phrase("7", "json") == '{"answer": 7}'
    assert phrase("007", "json") == '{"answer": "007"}'
    assert phrase("docs", "json") == '{"answer": "docs"}'
