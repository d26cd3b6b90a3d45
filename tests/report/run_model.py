"""The model half of the made-up run: tokenizer, mix, metrics, samples, scores."""

import json
import math
import random
from pathlib import Path

from mapneo.core.files import write_json

KINDS = (
    # language, category, source, documents, text bytes
    ("en", "web", "python3.11-doc", 812, 9_900_000),
    ("en", "web", "git-doc", 412, 3_400_000),
    ("en", "paper", "statistics-papers", 61, 2_300_000),
    ("en", "math", "maths-word-problems", 1904, 4_100_000),
    ("zh", "law", "china-law", 1021, 7_700_000),
    ("zh", "web", "debian-handbook-zh", 240, 2_900_000),
    ("zh", "book", "classical-poetry", 3100, 4_400_000),
    ("code", "code", "numpy-source", 402, 6_200_000),
)


def write_tokenizer(run: Path, facts: dict[str, dict[str, object]]) -> None:
    groups = [
        {"group": group, "cases": cases, "failed": 0}
        for group, cases in (("indented code", 3), ("rare Han", 3), ("random Unicode", 500))
    ]
    check = {"lossless": True, "cases": 506, "groups": groups, "failures": []}
    write_json(run / "tokenizer/check.json", check)
    per_token = {"en": 3.9, "zh": 1.62, "code": 2.9}
    seen: dict[tuple[str, str], list[int]] = {}
    for language, category, _, documents, size in KINDS:
        total = seen.setdefault((language, category), [0, 0])
        total[0] += documents // 50 + 1
        total[1] += size // 50
    rows = [
        {
            "language": language,
            "category": category,
            "documents": documents,
            "bytes": size,
            "chars": size // (3 if language == "zh" else 1),
            "tokens": int(size // (3 if language == "zh" else 1) / per_token[language]),
        }
        for (language, category), (documents, size) in sorted(seen.items())
    ]
    write_json(run / "tokenizer/compression.json", {"rows": rows})
    facts["tokenizer"] = {"vocabulary": 16_000, "lossless": True, "round_trips": 506}
    encoded = [
        {**row, **{name: 48 * int(row[name]) for name in ("documents", "bytes", "tokens")}}
        for row in rows
    ]
    facts["encode"] = {"vocabulary": 16_000, "token_bytes": 2, "train": encoded, "heldout": rows}


def write_mix(run: Path) -> None:
    shares = {1: (0.22, 0.13, 0.08, 0.07, 0.14, 0.06, 0.12, 0.18),
              2: (0.12, 0.07, 0.12, 0.19, 0.10, 0.04, 0.06, 0.30)}  # fmt: skip
    rows = []
    for phase, windows in ((1, 24_000), (2, 8_000)):
        for (language, category, source, _, size), share in zip(KINDS, shares[phase], strict=True):
            available = size // 4 // 256
            quota = int(windows * share)
            rows.append(
                {
                    "phase": phase,
                    "rule": f"{language}/{category}",
                    "source": source,
                    "language": language,
                    "category": category,
                    "windows_available": available,
                    "asked_frac": share * 1.03,
                    "given_frac": share,
                    "quota_windows": quota,
                    "tokens": quota * 256,
                    "epochs": quota / available,
                    "epochs_before": 0.0,
                }
            )
    warnings = ["statistics-papers/en/paper is read 4.2 times over all phases (more than 4)"]
    write_json(run / "mix/plan.json", {"rows": rows, "warnings": warnings})
    write_json(run / "mix/quotas.json", {"seq_len": 256, "seed": 42, "phases": []})


def write_pretrain(folder: Path, phase: int, chance: random.Random) -> dict[str, object]:
    steps, windows = (750, 32) if phase == 1 else (250, 32)
    lines: list[dict[str, object]] = []
    for step in range(1, steps + 1):
        progress = step / steps
        loss = 3.1 + 6.4 * math.exp(-6 * progress) if phase == 1 else 3.1 - 0.35 * progress**0.5
        lines.append(
            {
                "step": step,
                "phase": phase,
                "tokens": step * windows * 256,
                "loss": loss + chance.gauss(0, 0.05),
                "loss_hex": float(loss).hex(),
                "learning_rate": _rate(step, steps, phase),
                "grad_norm": 0.6 + chance.random() * 0.3 + 2 * math.exp(-step / 20),
                "tokens_per_s": 14_000 + chance.gauss(0, 300),
                "seconds": 0.58,
            }
        )
        if step % (steps // 5) == 0:
            base = 1.2 + 1.9 * math.exp(-4 * progress) if phase == 1 else 1.22 - 0.12 * progress
            lines.append({"step": step, "heldout": {
                f"{language}/{category}": base * {"en": 1.1, "zh": 1.3, "code": 0.9}[language]
                + 0.05 * len(category) for language, category, *_ in KINDS}})  # fmt: skip
    folder.mkdir(parents=True)
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    write_json(
        folder / "samples.json",
        [
            {"prompt": "The Python interpreter", "language": "en",
             "continuation": " can be used to read the file and return the value of the object."},
            {"prompt": "第一条　为了", "language": "zh",
             "continuation": "规范行政机关的行为，保护公民、法人和其他组织的合法权益，制定本法。"},
            {"prompt": "def main():", "language": "en",
             "continuation": "\n    parser = argparse.ArgumentParser()\n    return 0\n"},
        ],
    )  # fmt: skip
    tokens = steps * windows * 256
    return {"parameters": 4_231_680, "steps": steps, "tokens": tokens, "loss": lines[-2]["loss"]}


def _rate(step: int, steps: int, phase: int) -> float:
    if phase == 2:
        return 1.5e-3 * 0.5 ** (2 * step / steps)
    warm = min(1.0, step / 50)
    return warm * (1.5e-4 + 0.5 * 1.35e-3 * (1 + math.cos(math.pi * step / steps)))


def write_choice(run: Path) -> None:
    packs = (("laws", "zh", "C-Eval, which can't be had", 3), ("words", "en", "", 4))
    rows = [
        {
            "pack": pack,
            "task": f"{pack}_letters_0shot",
            "language": language,
            "stands_for": stands_for,
            "model": model,
            "rows": 1000,
            "items": 380,
            "too_long": 20,
            "dropped": {"header_row": 2, "over_cap": 598},
            "correct": 380 // options,
            "predicted": {"A": 380 // 2, "B": 380 // 2},
            "accuracy": (380 // options) / 380,
            "low": 1 / options - 0.04,
            "high": 1 / options + 0.05,
            "chance": 1 / options,
            "above_chance": False,
        }
        for pack, language, stands_for, options in packs
        for model in ("pretrain_2", "sft_1")
    ]
    skipped = {"rivers": "pypi package rivers 2.1: no way to the package registry"}
    terms = {"package": "p", "version": "1.0", "licence": "MIT", "publish": "never"}
    write_json(
        run / "evaluate/choice.json",
        {
            "rows": rows,
            "skipped": skipped,
            "packs": dict.fromkeys(("laws", "words", "rivers"), terms),
            "harness": "0.4.13",
        },
    )


def write_evaluate(run: Path) -> None:
    base = {"unigram": 3.4, "bigram": 2.5, "five_gram": 1.74, "xz": 2.05, "xz_primed": 1.6,
            "pretrain_1": 1.58, "pretrain_2": 1.51, "sft_1": 1.55}  # fmt: skip
    factor = {"en": 1.0, "zh": 1.22, "code": 0.82}
    rows = []
    kinds = sorted({(language, category) for language, category, *_ in KINDS})
    for language, category in [*((name, "all") for name in factor), *kinds]:
        scale = factor[language] * (1 + 0.03 * (len(category) - 3))
        rows.append(
            {
                "language": language,
                "category": category,
                "documents": 40,
                "bytes": 400_000,
                "models": {
                    name: {
                        "bits_per_byte": value * scale,
                        "low": None if "xz" in name else value * scale * 0.96,
                        "high": None if "xz" in name else value * scale * 1.05,
                    }
                    for name, value in base.items()
                },
            }
        )
    write_json(run / "evaluate/bits_per_byte.json", {"rows": rows})
    write_choice(run)
    floors = [
        {
            "name": f"below_{rival}_{language}",
            "kind": "aim" if rival == "five_gram" else "floor",
            "passed": not (rival == "five_gram" and language == "zh"),
            "value": 0.02 if (rival, language) == ("five_gram", "zh") else -0.4,
            "bound": 0.0,
            "sentence": f"On held-out {language} text, the model needs fewer bits than {rival}.",
        }
        for language in factor
        for rival in ("unigram", "bigram", "five_gram")
    ]
    floors.append(
        {
            "name": "phase_2_below_phase_1",
            "kind": "floor",
            "passed": True,
            "value": -0.03,
            "bound": 0.0,
            "sentence": "On held-out text that phase 2 up-weights (code code, en math), the model "
            "after phase 2 needs 1.320 bits per byte, the model after phase 1 1.401.",
        }
    )
    write_json(run / "evaluate/floors.json", {"floors": floors})
