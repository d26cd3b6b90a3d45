"""Rates at the edges of each phase, against the published formulas and numbers."""

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from mapneo.train.schedules import Constant, Cosine, HalfLife, Schedule

PAPER_1 = Cosine(peak=2e-4, floor=2e-5, warmup_start=2e-5, warmup_steps=2000, end_step=365_000)
PAPER_2 = HalfLife(peak=2e-4, half_life_steps=74_000)


@pytest.mark.parametrize(
    ("t", "rate"),
    [
        (0, 2e-5),
        (1000, 1.1e-4),
        (2000, 2e-4),
        (183_500, 1.1e-4),
        (364_999, 2e-5),
        (365_000, 2e-5),
        (444_213, 2e-5),
    ],
)
def test_phase_1_of_the_paper(t, rate):
    assert PAPER_1.rate(t) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(("t", "rate"), [(0, 2e-4), (37_000, 2e-4 / math.sqrt(2)), (74_000, 1e-4)])
def test_phase_2_of_the_paper(t, rate):
    assert PAPER_2.rate(t) == pytest.approx(rate, rel=1e-9)


def test_phase_2_ends_after_two_half_lives_at_a_quarter():
    assert PAPER_2.rate(148_000) == pytest.approx(5e-5, rel=1e-9)


def test_half_life_stops_at_its_floor():
    schedule = HalfLife(peak=1.0, half_life_steps=1, floor=0.1)
    assert [schedule.rate(t) for t in (3, 4, 50)] == [0.125, 0.1, 0.1]


def test_warmup_meets_the_cosine_without_a_step():
    before, at, after = (PAPER_1.rate(t) for t in (1999, 2000, 2001))
    assert before < at
    assert after < at
    assert at - after < 1e-10


def test_no_warmup_and_a_whole_run_of_one_step():
    assert Cosine(peak=1.0, end_step=1).rate(1) == 0.0
    assert Cosine(peak=1.0, end_step=2).rate(1) == pytest.approx(0.5)


def test_constant_stays():
    assert {Constant(peak=3e-4).rate(t) for t in (0, 1, 10**9)} == {3e-4}


def test_kind_chooses_the_schedule_and_unknown_kinds_are_refused():
    adapter = TypeAdapter(Schedule)
    assert adapter.validate_python({"kind": "constant", "peak": 1.0}) == Constant(peak=1.0)
    with pytest.raises(ValidationError):
        adapter.validate_python({"kind": "linear", "peak": 1.0})
    with pytest.raises(ValidationError):
        adapter.validate_python({"kind": "half_life", "peak": 1.0, "end_step": 3})
