"""Near-duplicates whose true similarity is known: found as often as theory says, and rightly.

Documents are made of sentences of the demo's documents; many share sentences, so that unrelated
ones are similar to some degree. From each a copy is made by replacing, adding and removing words
and sentences until its true Jaccard similarity, counted over sets of shingles in plain Python, is
that of a bin. All documents of a language go through the keys, edges and verification that the
stage uses.

`hit_percent` is the share of planted pairs that become candidates, `theory_percent` the mean of
1 - (1 - s^rows)^bands over the same pairs' true similarities. `precision` is the share of verified
pairs that are planted (two copies of one original); beside it the share whose true similarity
is at least the bound, and at least the bound less 0.05: the estimate has a spread of 0.035 there.
"""

import random
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench.piles import sentences
from mapneo.curate.candidates import CANDIDATE, edge_table, record_table
from mapneo.curate.keys import document_keys
from mapneo.curate.minhash_setting import PRESETS, MinHashSetting
from mapneo.curate.verify import sketch_similarity
from mapneo.text.unicode import fold_char

LOW, HIGH, STEP = 0.6, 0.95, 0.05
BINS = round((HIGH - LOW) / STEP)
PAIRS_PER_BIN = 4000
"""The share of hits among so many scatters by less than 0.8 points."""
WITHIN_POINTS = 3.0
MIN_SIMILARITY = 0.8
MIN_PRECISION = 0.99
QUOTING_SHARE = 0.3
"""Of documents that take 20 to 70 % of their sentences from another one."""

_UNIT = re.compile(
    r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\s\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
"""With the preset `words` an ideograph is a word of its own."""
_WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]{1,3}|[^\s\u3400-\u9fff]+")


class Pile(NamedTuple):
    """Documents, which original each is a copy of, and the planted pairs.

    Attributes:
        texts: one per document.
        family: int64, shape (documents,); equal for copies of one original.
        pairs: int64, shape (pairs, 2).
        truth: float64, shape (pairs,); true Jaccard similarity.
    """

    texts: list[str]
    family: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]
    truth: npt.NDArray[np.float64]


class _Folding(dict[int, str]):
    def __missing__(self, code_point: int) -> str:
        self[code_point] = folded = fold_char(chr(code_point))
        return folded


@cache
def _folding() -> _Folding:
    return _Folding()


def shingles(text: str, setting: MinHashSetting) -> frozenset[str]:
    """The set of a text's shingles, the plain way."""
    folded, width = text.translate(_folding()), setting.width
    if setting.unit == "characters":
        one = " ".join(folded.split())
        return frozenset(one[k : k + width] for k in range(len(one) - width + 1))
    units = _UNIT.findall(folded)
    return frozenset(" ".join(units[k : k + width]) for k in range(len(units) - width + 1))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Size of the intersection over that of the union."""
    return len(left & right) / len(left | right)


def edited(parts: list[str], pool: list[str], rng: random.Random) -> list[str]:
    """Sentences after one edit: a word replaced, added or removed, or a whole sentence replaced."""
    place = rng.randrange(len(parts))
    other = rng.choice(pool)
    if rng.random() < 0.08:
        return [*parts[:place], other, *parts[place + 1 :]]
    words, others = list(_WORD.finditer(parts[place])), _WORD.findall(other)
    if not words or not others:
        return parts
    word = rng.choice(words)
    start, end = word.span()
    kind = rng.randrange(3)
    if kind == 1:
        end = start
    new = "" if kind == 2 else rng.choice(others) + (" " if kind == 1 else "")
    sentence = parts[place][:start] + new + parts[place][end:]
    return [*parts[:place], sentence, *parts[place + 1 :]]


def copies(
    original: list[str], space: str, pool: list[str], setting: MinHashSetting, rng: random.Random
) -> Iterator[tuple[str, float]]:
    """Copies ever less similar to an original, with their true similarity, down to `LOW`."""
    before, parts, truth = shingles(space.join(original), setting), original, 1.0
    while before and truth >= LOW:
        parts = edited(parts, pool, rng)
        text = space.join(parts)
        truth = jaccard(before, shingles(text, setting))
        yield text, truth


def drawn(pool: list[str], made: list[list[str]], rng: random.Random) -> list[str]:
    """Sentences of a new document, some of them those of another document in the same order."""
    count = rng.randint(6, 14)
    fresh = [rng.choice(pool) for _ in range(count)]
    if made and rng.random() < QUOTING_SHARE:
        other = rng.choice(made)
        quoted = min(len(other), int(count * rng.uniform(0.2, 0.7)))
        start = rng.randint(0, len(other) - quoted)
        fresh[:quoted] = other[start : start + quoted]
    return fresh


def make_pile(language: str, setting: MinHashSetting, seed: int) -> Pile:
    """Originals, each with a copy in the bin that has least, until every bin is full."""
    rng = random.Random(seed)
    pool = [each for each in sentences(language) if len(each) <= 300]
    space = " " if language == "en" else ""
    made: list[list[str]] = []
    texts: list[str] = []
    family: list[int] = []
    pairs: list[tuple[int, int]] = []
    truths: list[float] = []
    filled = [0] * BINS
    while min(filled) < PAIRS_PER_BIN:
        original = drawn(pool, made, rng)
        made.append(original)
        texts.append(space.join(original))
        family.append(len(made))
        wanted = filled.index(min(filled))
        for text, truth in copies(original, space, pool, setting, rng):
            if LOW + wanted * STEP <= truth < LOW + (wanted + 1) * STEP:
                pairs.append((len(texts) - 1, len(texts)))
                truths.append(truth)
                texts.append(text)
                family.append(len(made))
                filled[wanted] += 1
                break
    return Pile(texts, np.array(family), np.array(pairs), np.array(truths))


class Found(NamedTuple):
    """Candidate pairs, left < right, as int64 of shape (pairs, 2), and their estimated Jaccard."""

    pairs: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float32]


def find(texts: list[str], setting: MinHashSetting) -> Found:
    """The candidates among the texts by the stage's own functions."""
    ids = [f"{number:07d}" for number in range(len(texts))]
    documents = pa.table({"doc_id": ids, "text": texts})
    keys = document_keys(documents, np.zeros(len(texts), np.int64), setting)
    edges = edge_table(record_table(keys))
    chosen = edges["kind"].to_numpy() == CANDIDATE
    left, right = edges["left"].to_numpy()[chosen], edges["right"].to_numpy()[chosen]
    sketches = keys["sketch"]
    similarity = sketch_similarity(sketches.take(pa.array(left)), sketches.take(pa.array(right)))
    return Found(np.stack([left, right], axis=1), similarity)


def hit_rows(pile: Pile, found: Found, setting: MinHashSetting) -> Iterator[dict[str, Any]]:
    """Hits beside theory, bin by bin."""
    count = len(pile.texts)
    candidates = found.pairs[:, 0] * count + found.pairs[:, 1]
    hit = np.isin(pile.pairs[:, 0] * count + pile.pairs[:, 1], candidates)
    theory = np.array([setting.candidate_probability(value) for value in pile.truth])
    bins = np.minimum(((pile.truth - LOW) / STEP).astype(int), BINS - 1)
    for number in range(BINS):
        inside = bins == number
        share, expected = 100 * hit[inside].mean(), 100 * theory[inside].mean()
        yield {
            "jaccard": f"{LOW + number * STEP:.2f}–{LOW + (number + 1) * STEP:.2f}",
            "pairs": int(inside.sum()),
            "hit_percent": round(float(share), 2),
            "theory_percent": round(float(expected), 2),
            "passed": bool(abs(share - expected) <= WITHIN_POINTS),
        }


def precision_row(pile: Pile, found: Found, setting: MinHashSetting) -> dict[str, Any]:
    """How many of the verified pairs are planted, and how similar they really are."""
    verified = found.pairs[found.similarity >= np.float32(MIN_SIMILARITY)]
    planted = pile.family[verified[:, 0]] == pile.family[verified[:, 1]]
    truth = np.array(
        [
            jaccard(*(shingles(pile.texts[number], setting) for number in pair))
            for pair in verified.tolist()
        ]
    )
    precision = float(planted.mean())
    return {
        "documents": len(pile.texts),
        "candidates": len(found.pairs),
        "unrelated_candidates": int(
            (pile.family[found.pairs[:, 0]] != pile.family[found.pairs[:, 1]]).sum()
        ),
        "verified": len(verified),
        "precision": round(precision, 5),
        "share_at_least_bound": round(float((truth >= MIN_SIMILARITY).mean()), 4),
        "share_at_least_bound_less_0.05": round(float((truth >= MIN_SIMILARITY - 0.05).mean()), 4),
        "passed": precision >= MIN_PRECISION,
    }


def measure() -> list[dict[str, Any]]:
    """Rows by preset and language: one per bin, and one on precision."""
    rows: list[dict[str, Any]] = []
    for preset, setting in PRESETS.items():
        for language in ("en", "zh"):
            pile = make_pile(language, setting, seed=5)
            found = find(pile.texts, setting)
            named = {"preset": preset, "language": language}
            rows += [{**named, **row} for row in hit_rows(pile, found, setting)]
            rows.append({**named, **precision_row(pile, found, setting)})
    return rows
