"""Does decoding give back the text, and how many tokens does text cost?

The cases are the ones that tokenizers get wrong: a whitespace default of SentencePiece damaged the
code in the paper's whole first phase.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mapneo.core.canonical import Json
from mapneo.core.tables import read_table
from mapneo.tokenizer.lossless import ESCAPE, SPACE_MARK
from mapneo.tokenizer.tokenizer import Tokenizer

RANDOM_CASES = 500
MAX_REPORTED = 20
BATCH_DOCUMENTS = 512

CASES: dict[str, tuple[str, ...]] = {
    "indented code": (
        "def f(x):\n    if x:\n        return [\n            1,\n        ]\n",
        "for(;;){\n\tif(a)\n\t\tb();\n}\n",
        "if x:\n \t mixed\n\t    mixed\n",
    ),
    "line ends": ("a\r\nb\r\n\r\nc", "a\rb", "\n", "\n\n\n", "a\n", "\na", "a\u2028b\u2029c\x85d"),
    "blanks": (" ", "  a", "a  ", "a  b   c    d", " " * 40, "a\u00a0b\u3000c\u2009d", "x \n  y"),
    "digits": ("12345", "3.14159 1,000,000", "０１２３"),
    "full-width": ("ＡＢＣ，。！？（）", "ﾊﾝｶｸ カタカナ", "“引号”……——"),
    "emoji": ("👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽", "1️⃣ 🇨🇳"),
    "rare Han": ("𠀀𠮷𪚥𰻝", "㐀㑇䶵", "龘靐齉齾"),
    "right to left": ("שלום עולם", "مرحبا \u200fبالعالم\u200e", "\u202eabc\u202c"),
    "combining": ("e\u0301 \u00e9", "नमस्ते", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A"),
    "control": ("\x00", "a\x00b", "\x01\x1f\x7f", "\ufeffabc", "\ufffd", "\ufffe\uffff"),
    "written control pieces": ("<s>", "</s>", "<unk>", "<0x0A>", "<pad>", "<|user|>", "<|end|>"),
    "space mark": (SPACE_MARK, f"a{SPACE_MARK}b {SPACE_MARK}", ESCAPE, f"{ESCAPE}_{SPACE_MARK}"),
    "empty": ("",),
}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A text that did not come back; both ends are shortened around the first difference."""

    group: str
    name: str
    text: str
    decoded: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """How many texts were tried, by group, how many failed, and the first failures."""

    tried: dict[str, int]
    failed: dict[str, int]
    failures: tuple[Failure, ...]

    @property
    def is_lossless(self) -> bool:
        """Whether every text came back."""
        return not any(self.failed.values())

    def as_json(self) -> dict[str, Json]:
        """What `check.json` holds."""
        return {
            "lossless": self.is_lossless,
            "cases": sum(self.tried.values()),
            "groups": [
                {"group": group, "cases": tried, "failed": self.failed.get(group, 0)}
                for group, tried in sorted(self.tried.items())
            ],
            "failures": [asdict(failure) for failure in self.failures],
        }


@dataclass(frozen=True, kw_only=True)
class CompressionRow:
    """What text of one language and category costs in tokens (without EOD)."""

    language: str
    category: str
    documents: int
    bytes: int
    chars: int
    tokens: int


class _Tally:
    """Collects round trips into a `Check`."""

    def __init__(self) -> None:
        self._tried: dict[str, int] = {}
        self._failed: dict[str, int] = {}
        self._failures: list[Failure] = []

    def add(self, group: str, name: str, text: str, decoded: str) -> None:
        self._tried[group] = self._tried.get(group, 0) + 1
        if decoded == text:
            return
        self._failed[group] = self._failed.get(group, 0) + 1
        if len(self._failures) < MAX_REPORTED:
            start = max(0, _first_difference(text, decoded) - 20)
            self._failures.append(
                Failure(
                    group=group,
                    name=name,
                    text=text[start : start + 60],
                    decoded=decoded[start : start + 60],
                )
            )

    def check(self) -> Check:
        return Check(tried=self._tried, failed=self._failed, failures=tuple(self._failures))


def _first_difference(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def check_tokenizer(
    tokenizer: Tokenizer, heldout: Sequence[Path], *, seed: int
) -> tuple[Check, list[CompressionRow]]:
    """Round trips of the hard cases, random Unicode and all held-out documents; compression."""
    tally = _Tally()
    for group, texts in CASES.items():
        for number, text in enumerate(texts):
            tally.add(group, str(number), text, tokenizer.decode(tokenizer.encode(text)))
    for number, text in enumerate(random_texts(seed, RANDOM_CASES)):
        tally.add("random Unicode", str(number), text, tokenizer.decode(tokenizer.encode(text)))
    rows: dict[tuple[str, str], CompressionRow] = {}
    for path in heldout:
        for row in _documents(path):
            _add_document(tokenizer, row, tally, rows)
    return tally.check(), [rows[key] for key in sorted(rows)]


def _documents(path: Path) -> Iterator[dict[str, Json]]:
    table = read_table(path, columns=["doc_id", "language", "category", "text"])
    for batch in table.to_batches(max_chunksize=BATCH_DOCUMENTS):
        yield from batch.to_pylist()


def _add_document(
    tokenizer: Tokenizer,
    document: dict[str, Json],
    tally: _Tally,
    rows: dict[tuple[str, str], CompressionRow],
) -> None:
    text = document["text"]
    ids = tokenizer.encode(text)
    tally.add("held-out documents", document["doc_id"], text, tokenizer.decode(ids))
    key = (document["language"], document["category"])
    old = rows.get(key)
    rows[key] = CompressionRow(
        language=key[0],
        category=key[1],
        documents=1 + (old.documents if old else 0),
        bytes=len(text.encode()) + (old.bytes if old else 0),
        chars=len(text) + (old.chars if old else 0),
        tokens=len(ids) + (old.tokens if old else 0),
    )


def random_texts(seed: int, count: int) -> Iterator[str]:
    """Seeded strings of up to 40 characters from all of Unicode but surrogates."""
    source = random.Random(seed)
    planes = ((0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF))
    for _ in range(count):
        length = source.randrange(1, 41)
        yield "".join(chr(source.randint(*source.choice(planes))) for _ in range(length))
