import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.text.edit_distance import distance_within
from mapneo.text.passages import outline
from mapneo.text.pieces import find_pieces
from mapneo.text.similar import SHORT_CHARS, Pieces, find_similar, is_prose
from mapneo.text.unicode import WIDE_STOPS, char_tables

WORDS = (
    "the", "a", "of", "数据", "模型", "river", "城市,", "harbour", "teacher", "3.14", "v1.2", "é",
    "的", "water", "number", "17", "😀",
)  # fmt: skip
words = st.sampled_from(WORDS)
sentences = st.lists(words, min_size=1, max_size=9).map(" ".join)
ends = st.sampled_from([". ", "。", "\n", "! ", "…", ".\n\n", ".) ", "?", "。」"])
letters = st.text("ab c", max_size=30)


def as_array(text: str) -> np.ndarray:
    return np.array(list(map(ord, text)), dtype=np.int32)


def distance(left: str, right: str) -> int:
    """The full matrix, row by row."""
    above = list(range(len(right) + 1))
    for row, one in enumerate(left, 1):
        now = [row]
        for column, other in enumerate(right, 1):
            cost = above[column - 1] + (one != other)
            now.append(min(above[column] + 1, now[-1] + 1, cost))
        above = now
    return above[-1]


def pieces_of(text: str) -> list[tuple[int, int]]:
    points = as_array(text)
    flags = char_tables().flags[points]
    begins, ends_ = (np.empty(points.size, dtype=np.int32) for _ in range(2))
    found = find_pieces(points, flags, begins, ends_)
    return list(zip(begins[:found].tolist(), ends_[:found].tolist(), strict=True))


def expected_pieces(text: str) -> list[tuple[int, int]]:
    wide, closers = re.escape(WIDE_STOPS), re.escape("\"')]”’»」』）】》")
    some = rf"[.!?{wide}{closers}]"
    end = rf"\n|[.!?](?={some}*[{wide}]){some}*|[{wide}]{some}*|[.!?]{some}*(?=\s|\Z)"
    found, begin = [], 0
    for match in [*re.finditer(end, text), None]:
        stop = match.end() if match else len(text)
        piece = text[begin:stop]
        if piece.strip():
            first = begin + len(piece) - len(piece.lstrip())
            found.append((first, first + len(piece.strip())))
        begin = stop
    return found


def similar(text: str, spans: list[tuple[int, int]], share: float) -> tuple[list[int], np.ndarray]:
    points = as_array(text)
    begins, ends_ = (np.array([span[n] for span in spans], dtype=np.int32) for n in (0, 1))
    newlines = np.empty(points.size, dtype=np.int32)
    whole = outline(points, newlines, np.empty(points.size + 1, dtype=np.uint64))
    whole = whole._replace(salt=np.uint64(whole.salt))
    twins, work = np.full(len(spans), -2, dtype=np.int32), np.zeros(3, dtype=np.int64)
    find_similar(Pieces(points, begins, ends_), whole, share, twins, work)
    return twins.tolist(), work


def expected_similar(pieces: list[str], share: float) -> list[int]:
    """All pairs, as defined."""
    twins = [-1] * len(pieces)
    for first, one in enumerate(pieces):
        if twins[first] >= 0:
            continue
        for later in range(first + 1, len(pieces)):
            if twins[later] >= 0:
                continue
            other = pieces[later]
            short = min(len(one), len(other)) <= SHORT_CHARS
            limit = 0 if short else share * max(len(one), len(other))
            if distance(one, other) <= limit:
                twins[later] = first
    return twins


@settings(deadline=None)
@given(letters, letters, st.integers(0, 12))
def test_distance_is_that_of_the_full_matrix_up_to_the_limit(left, right, limit):
    wanted = min(distance(left, right), limit + 1)
    assert distance_within(as_array(left), as_array(right), limit)[0] == wanted


@settings(deadline=None)
@given(st.lists(st.one_of(sentences, ends, st.text(max_size=4)), max_size=20).map("".join))
def test_pieces_end_where_they_should(text):
    assert pieces_of(text) == expected_pieces(text)


@pytest.mark.parametrize(
    "text",
    ["Version 1.2.1 costs 3.14 euros at mapneo.text now", "见 1.1.1.1 与 v2.0 的说明"],
)
def test_decimal_points_and_dots_of_versions_end_nothing(text):
    assert pieces_of(text) == [(0, len(text))]


@settings(max_examples=30, deadline=None)
@given(st.data(), st.sampled_from([0.1, 0.3, 0.5]))
def test_what_goes_is_what_all_pairs_say(data, share):
    made = data.draw(st.lists(sentences, min_size=1, max_size=8))
    texts = []
    for _ in range(data.draw(st.integers(1, 14))):
        piece = data.draw(st.sampled_from(made)) * data.draw(st.sampled_from([1, 1, 1, 2, 3]))
        for _ in range(data.draw(st.integers(0, 4))):
            place = data.draw(st.integers(0, len(piece)))
            piece = piece[:place] + data.draw(st.sampled_from(["", "x", "数"])) + piece[place + 1 :]
        texts.append(piece)
    spans, begin = [], 0
    for piece in texts:
        spans.append((begin, begin + len(piece)))
        begin += len(piece)
    assert similar("".join(texts), spans, share)[0] == expected_similar(texts, share)


@pytest.mark.parametrize("text", ["1.1.1.1", "......", "[1]", "}", "12:30", "Introduction"])
def test_marks_of_lists_numbers_and_headings_are_not_compared(text):
    assert not is_prose(char_tables().flags[as_array(text)], 1)


def test_work_on_ten_thousand_pieces_is_bounded():
    rng = random.Random(7)
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(4000)]
    lines = [" ".join(rng.choices(vocabulary, k=12)) for _ in range(10_000)]
    text = "\n".join(lines + lines[:2000])
    twins, work = similar(text, pieces_of(text), 0.1)
    assert twins[10_000:] == list(range(2000))
    looked_at, measured, steps = work.tolist()
    assert looked_at <= 10_000 * 9_999 / 2
    assert measured < 10_000
    assert steps < 1_000_000


def test_work_for_a_pair_is_bounded_by_the_square_of_the_limit_and_what_slides():
    left, right = "ab" * 1000, "ba" * 500 + "c" * 150 + "ab" * 500
    limit = 200
    _, steps = distance_within(as_array(left), as_array(right), limit)
    assert steps <= (limit + 1) ** 2 + (2 * limit + 1) * len(right)
