import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.report.forms import Form, written


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0, Form.COUNT, "0"),
        (1234567, Form.COUNT, "1,234,567"),
        (9_999, Form.COMPACT, "9,999"),
        (10_000, Form.COMPACT, "10 k"),
        (4_231_680, Form.COMPACT, "4.23 M"),
        (999_999, Form.COMPACT, "1000 k"),
        (7.1e12, Form.COMPACT, "7.1 T"),
        (0, Form.BYTES, "0 B"),
        (999, Form.BYTES, "999 B"),
        (1000, Form.BYTES, "1 kB"),
        (5_060_000_000, Form.BYTES, "5.06 GB"),
        (0, Form.SHARE, "0 %"),
        (1, Form.SHARE, "100 %"),
        (0.9996, Form.SHARE, "99.96 %"),
        (0.0042, Form.SHARE, "0.42 %"),
        (0.07, Form.SHARE, "7.0 %"),
        (0.3, Form.SECONDS, "0.3 s"),
        (59.6, Form.SECONDS, "1 min 00 s"),
        (3_700, Form.SECONDS, "1 h 01 min"),
        (-0.4, Form.DECIMAL, "−0.400"),
        (3e-8, Form.DIGITS, "3e-08"),
        (0.65, Form.DIGITS, "0.65"),
        (100_000, Form.DIGITS, "100,000"),
        (None, Form.COUNT, "–"),
        (math.nan, Form.DECIMAL, "–"),
        (True, Form.COUNT, "yes"),
        ("x86_64", Form.COUNT, "x86_64"),
    ],
)
def test_figures_are_written_as_people_read_them(value, form: Form, text: str):
    assert written(value, form) == text


@given(st.floats(1, 1e15, allow_nan=False), st.sampled_from([Form.COMPACT, Form.BYTES]))
def test_short_forms_are_within_a_percent_of_the_value(value: float, form: Form):
    number, _, unit = written(value, form).partition(" ")
    power = "_kMGT".index(unit[0]) if unit and unit[0] in "kMGT" else 0
    assert float(number.replace(",", "")) * 1000**power == pytest.approx(value, rel=0.01, abs=0.5)
