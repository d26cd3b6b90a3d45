"""Redaction: recall on items planted in real documents, by kind and language; hits without them.

An item counts as found if nothing of it is left. The documents' own hits are shown per million
characters: in manuals most are addresses that really stand there, so a person must look at them
(`samples`).
"""

import random
from collections.abc import Callable
from typing import Any

from bench.texts import documents
from mapneo.curate.edits import EDITS
from mapneo.curate.redact import is_chinese_id

PLANTED_PER_KIND = 1000
SEED = 4
_SENTENCE_ENDS = {"en": ". ", "zh": "。"}
_CARRIERS = {
    "en": ("Please contact {} for details. ", "It was {}, as noted. ", "Details ({}) follow. "),
    "zh": ("请联系{}了解详情。", "其为{}，见上。", "详情（{}）如下。"),
}
_WORDS = ("anna", "wei", "support", "li.na", "j_smith", "zhang", "info", "o.brien", "chen88")
_HOSTS = ("acme", "mail.acme", "cs.tsinghua", "my-site", "a1b2", "qq", "163")
_TOPS = ("com", "org", "edu.cn", "co.uk", "io", "net", "cn", "museum")


def _email(rng: random.Random) -> str:
    name = rng.choice(_WORDS) + rng.choice(("", "", "+news", ".wang", "-x", "2024"))
    return f"{name}@{rng.choice(_HOSTS)}.{rng.choice(_TOPS)}"


def _obfuscated_email(rng: random.Random) -> str:
    at, dot = rng.choice(((" at ", " dot "), ("[at]", "[dot]"), ("＠", "."), ("#", ".")))
    return f"{rng.choice(_WORDS)}{at}acme{dot}com"


def _ipv4(rng: random.Random) -> str:
    first = rng.choice((47, 61, 93, 114, 139, 151, 185, 202, 218))
    return ".".join(map(str, (first, *(rng.randint(10, 254) for _ in range(3)))))


def _ipv6(rng: random.Random) -> str:
    groups = [f"{rng.randint(1, 0xFFFF):x}" for _ in range(6)]
    written = rng.choice(
        (":".join(groups), f"{groups[0]}::{groups[1]}", f"{groups[0]}:{groups[1]}::1")
    )
    return f"{rng.choice(('2400', '2a00', '2606', '240e'))}:{rng.randint(1, 0xFFFF):x}:{written}"


def _chinese_mobile(rng: random.Random) -> str:
    head = rng.choice(("130", "135", "138", "150", "159", "177", "186", "199"))
    rest = f"{rng.randint(0, 99_999_999):08}"
    gap = rng.choice(("", "", " ", "-"))
    return rng.choice(("", "", "+86 ", "+86", "86-")) + gap.join((head, rest[:4], rest[4:]))


def _chinese_landline(rng: random.Random) -> str:
    code, digits = rng.choice((("010", 8), ("021", 8), ("0571", 8), ("0755", 8), ("0731", 8)))
    number = str(rng.randint(6, 8)) + "".join(rng.choices("0123456789", k=digits - 1))
    form = rng.choice(("{}-{}", "({}) {}", "（{}）{}", "{} {}", "+86-{}-{}"))
    return form.format(code[1:] if form[0] == "+" else code, number)


def _us_phone(rng: random.Random) -> str:
    area = rng.choice((212, 312, 415, 512, 617, 702))
    form = rng.choice(
        ("({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "{} {} {}", "+1 {} {} {}", "1-{}-{}-{}")
    )
    return form.format(area, rng.randint(220, 989), f"{rng.randint(0, 9999):04}")


def _foreign_phone(rng: random.Random) -> str:
    number = rng.randint(0, 9999)
    return rng.choice(
        (f"+44 20 7946 {number:04}", f"+49 30 2345{number:04}", f"+33 1 42 68 {number // 100:02} "
         f"{number % 100:02}", f"+81-3-3213-{number:04}", f"+852 2345 {number:04}")
    )  # fmt: skip


def _unusual_phone(rng: random.Random) -> str:
    """Forms that people use and our shapes may not know."""
    digits = f"{rng.randint(60_000_000, 89_999_999)}"
    return rng.choice(
        (f"138.{digits[:4]}.{digits[4:]}", f"138 {digits[:3]} {digits[3:]}",
         f"010{digits}", f"010-{digits}-801", f"010—{digits}", f"415555{digits[:4]}",
         f"020 7946 {digits[:4]}", f"(+86)138{digits}")
    )  # fmt: skip


def _chinese_id(rng: random.Random) -> str:
    province = rng.choice(("110105", "310104", "440106", "510107", "330106"))
    born = f"{rng.randint(1940, 2012)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    body = f"{province}{born}{rng.randint(0, 999):03}"
    return next(body + check for check in "0123456789X" if is_chinese_id(body + check))


KINDS: dict[str, tuple[str, Callable[[random.Random], str]]] = {
    "e-mail": ("redact_email", _email),
    "e-mail, obfuscated": ("redact_email", _obfuscated_email),
    "IPv4": ("redact_ip", _ipv4),
    "IPv6": ("redact_ip", _ipv6),
    "phone, Chinese mobile": ("redact_phone", _chinese_mobile),
    "phone, Chinese land line": ("redact_phone", _chinese_landline),
    "phone, North American": ("redact_phone", _us_phone),
    "phone, other with +": ("redact_phone", _foreign_phone),
    "phone, unusual form": ("redact_phone", _unusual_phone),
    "Chinese identity number": ("redact_chinese_id", _chinese_id),
}


def measure() -> list[dict[str, Any]]:
    """A row per language and kind with recall, and one per language and edit with own hits."""
    rows: list[dict[str, Any]] = []
    for language in _SENTENCE_ENDS:
        texts = documents(language, 40_000_000)
        for kind, (name, make) in KINDS.items():
            found = sum(_is_found(texts, language, name, make, n) for n in range(PLANTED_PER_KIND))
            rows.append(
                {
                    "language": language,
                    "kind": kind,
                    "planted": PLANTED_PER_KIND,
                    "recall_frac": found / PLANTED_PER_KIND,
                }
            )
        chars = sum(map(len, texts))
        for name in sorted({name for name, _ in KINDS.values()}):
            hits = sum(1 for text in texts for _ in EDITS[name].find(text))
            rows.append(
                {
                    "language": language,
                    "edit": name,
                    "chars": chars,
                    "hits": hits,
                    "hits_per_million_chars": hits / chars * 1e6,
                }
            )
    return rows


def _is_found(
    texts: list[str], language: str, name: str, make: Callable[[random.Random], str], number: int
) -> bool:
    """Plant one item behind a sentence of a document and look whether the edit covers it."""
    rng = random.Random(f"{SEED} {language} {name} {make.__name__} {number}")
    text = rng.choice(texts)[:20_000]
    item = make(rng)
    ends = [n for n in range(len(text)) if text.startswith(_SENTENCE_ENDS[language], n)] or [-1]
    place = rng.choice(ends) + 1
    before, after = rng.choice(_CARRIERS[language]).split("{}")
    start = place + len(before)
    planted = text[:place] + before + item + after + text[place:]
    return any(
        span.start <= start and start + len(item) <= span.end for span in EDITS[name].find(planted)
    )


def samples(language: str, name: str, count: int = 20) -> list[str]:
    """Hits of an edit in the untouched documents, each with what stands around it."""
    found = [
        f"{text[max(span.start - 40, 0) : span.start]}⟦{text[span.start : span.end]}⟧"
        f"{text[span.end : span.end + 25]}"
        for text in documents(language, 40_000_000)
        for span in EDITS[name].find(text)
    ]
    return random.Random(SEED).sample(found, min(count, len(found)))
