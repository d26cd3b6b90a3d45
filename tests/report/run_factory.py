"""Writes a run directory that looks like a finished one, without running any stage."""

import math
import random
from pathlib import Path

from mapneo.core.canonical import digest
from mapneo.core.counts import Counts
from mapneo.core.files import write_json
from mapneo.core.manifest import Manifest, outputs_digest, record_files
from mapneo.curate.stage_dedup import DedupConfig
from mapneo.pipeline import load_recipe, stages
from tests.report.run_align import write_alignment
from tests.report.run_copies import cluster_rows, copy_facts
from tests.report.run_model import (
    KINDS,
    write_evaluate,
    write_mix,
    write_pretrain,
    write_tokenizer,
)

RECIPE = Path(__file__).parents[2] / "recipes/tiny.toml"
STAGES = tuple(stage.name for stage in stages(load_recipe(RECIPE)))[:-1]
HOSTILE = (
    "<script>alert('x')</script> <img src=x onerror=alert(1)> javascript:alert(2) \u202egnirts"
)

INPUTS = {
    "fetch": (),
    "extract": ("fetch",),
    "measure": ("extract",),
    "judge": ("measure",),
    "dedup": ("measure", "judge"),
    "split": ("dedup",),
    "tokenizer": ("split",),
    "encode": ("split", "tokenizer"),
    "mix": ("encode",),
    "pretrain_1": ("tokenizer", "encode", "mix"),
    "pretrain_2": ("tokenizer", "encode", "mix", "pretrain_1"),
    "conversations": ("split",),
    "sft_1": ("tokenizer", "conversations", "pretrain_2"),
    "sft_2": ("tokenizer", "conversations", "sft_1"),
    "preference_0": ("tokenizer", "conversations", "sft_2"),
    "reward": ("tokenizer", "sft_2", "preference_0"),
    "preference_1": ("tokenizer", "conversations", "sft_2", "reward"),
    "dpo_1": ("tokenizer", "sft_2", "preference_1"),
    "answers": (
        *("tokenizer", "conversations", "reward"),
        *("pretrain_2", "sft_1", "sft_2", "dpo_1"),
    ),
    "evaluate": ("fetch", "split", "tokenizer", "encode", "mix", "pretrain_1", "pretrain_2"),
}
SECONDS = (41, 74, 28.4, 1.2, 19.7, 4.1, 46, 12.5, 0.3, 421, 168,
           9, 61, 58, 33, 40, 35, 52, 30, 83)  # fmt: skip

RULES = {
    "en": (
        ("en_lang_score", "language_score", 0.65, None, "frac"),
        ("en_word_count_min", "word_count_words", 50, None, "log"),
        ("en_word_count_max", "word_count_words", None, 100_000, "log"),
        ("en_mean_word_length", "mean_word_length_chars", 3, 10, "linear"),
        ("en_bullet_lines", "bullet_line_frac", None, 0.9, "frac"),
        ("en_top_2gram", "top_2gram_char_frac", None, 0.2, "frac"),
        ("en_dup_5gram", "dup_5gram_char_frac", None, 0.15, "frac"),
    ),
    "zh": (
        ("zh_lang_score", "language_score", 0.4, None, "frac"),
        ("zh_length_min", "nonspace_count_chars", 50, None, "log"),
        ("zh_digits", "digit_char_frac", None, 0.3, "frac"),
        ("zh_unique_chars", "unique_char_frac", 0.1, None, "frac"),
        ("zh_brackets", "bracketed_char_frac", None, 0.1, "frac"),
    ),
    "code": (("code_line_length", "mean_line_length_chars", None, 100, "linear"),),
}
EXCERPTS = {
    "en": "Next Previous Index Modules\nThis page was left blank on purpose. " * 3,
    "zh": "上一页　下一页　目录　索引\n本页故意留空。第一章　总则　第一条　为了规范……",
    "code": "x = [\n\t0x00, 0x01, 0x02,\n" + "\t0xff, 0xff, 0xff,\n" * 8,
}


def make_run(run: Path, *, seed: int = 7) -> Path:
    """A whole run below `run`; returns `run`."""
    chance = random.Random(seed)
    facts: dict[str, dict[str, object]] = {stage: {} for stage in STAGES}
    counts = {stage: Counts() for stage in STAGES}
    _data_stages(run, facts, counts, chance)
    write_tokenizer(run, facts)
    write_mix(run)
    for phase in (1, 2):
        facts[f"pretrain_{phase}"] = write_pretrain(run / f"pretrain_{phase}", phase, chance)
    write_evaluate(run)
    write_alignment(run, facts, counts, chance, HOSTILE)
    digests: dict[str, str] = {}
    for stage, seconds in zip(STAGES, SECONDS, strict=True):
        digests[stage] = _manifest(run / stage, facts[stage], counts[stage], digests, seconds)
    return run


def _manifest(
    folder: Path,
    facts: dict[str, object],
    counts: Counts,
    digests: dict[str, str],
    seconds: float,
) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        (folder / f"shard-{number:02d}.parquet").write_bytes(bytes(1000 * (number + 1)))
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    outputs = record_files(folder, [name for name in names if name != "manifest.json"])
    made_of = digest([folder.name, sorted(outputs)])
    Manifest(
        stage=folder.name,
        version=1,
        fingerprint=made_of,
        config=DedupConfig().model_dump(mode="json") if folder.name == "dedup" else {},
        inputs={name: digests[name] for name in INPUTS[folder.name]},
        seed=42,
        counts=counts,
        facts=facts,
        outputs=outputs,
        outputs_digest=outputs_digest(outputs),
        shards=3,
        versions={"mapneo": "0.1.0", "python": "3.11.9", "torch": "2.13.0+cpu"},
        machine={
            "system": "Linux 6.1",
            "cpu": "a processor",
            "architecture": "x86_64",
            "cores": 2,
            "memory_bytes": 16_000_000_000,
        },
        started="2026-01-02T03:04:05+00:00",
        seconds=seconds,
        peak_memory_bytes=int(2e8 + 3e6 * seconds),
    ).write(folder)
    return outputs_digest(outputs)


def _rows(scale: float) -> list[dict[str, object]]:
    return [
        {
            "source": source,
            "category": category,
            "language": language,
            "documents": int(documents * scale),
            "bytes": int(size * scale),
        }
        for language, category, source, documents, size in KINDS
    ]


def _documents(rows: list[dict[str, object]]) -> int:
    return sum(int(str(row["documents"])) for row in rows)


def _data_stages(
    run: Path,
    facts: dict[str, dict[str, object]],
    counts: dict[str, Counts],
    chance: random.Random,
) -> None:
    arrived = _rows(1.0)
    total = _documents(arrived)
    _fetch(run, facts, counts)
    counts["extract"] = Counts(
        documents_in=total + 19,
        kept=total + 3,
        errors={"broken_html": 4, "undecodable": 9, "no_text_layer": 3},
    )
    counts["measure"] = Counts(documents_in=total + 3, kept=total, errors={"null_text": 3})
    facts["measure"] = {
        "kept": arrived,
        "scripts": [],
        "edits": [],
        "mixed": [{"language": "zh", "documents": 2}, {"language": "en", "documents": 3}],
        "unscored": [{"why": "annotations:no_row", "documents": 4}],
        "annotations": [
            {"path": "signals/<a>", "rows": 70, "duplicates": 1, "malformed": 2},
            {"documents": 60, "unused": 10},
        ],
    }
    reasons = _reasons(chance)
    judged = {row["rule"]: row["documents"] for row in reasons}
    kept = total - sum(judged.values())
    counts["judge"] = Counts(documents_in=total, kept=kept, dropped=judged)
    facts["judge"] = {"arrived": arrived, "kept": _rows(0.8), "reasons": reasons}
    copies = [
        {"language": language, "rule": rule, "documents": n, "bytes": 3000 * n}
        for language, rule, n in (
            ("en", "exact_document", 205),
            ("en", "minhash", 318),
            ("zh", "exact_document", 77),
            ("zh", "minhash", 140),
            ("code", "minhash", 12),
        )
    ]
    dropped = {
        rule: sum(row["documents"] for row in copies if row["rule"] == rule)
        for rule in ("exact_document", "minhash")
    }
    left = kept - sum(dropped.values())
    counts["dedup"] = Counts(documents_in=kept, kept=left, dropped=dropped)
    facts["dedup"] = {"arrived": _rows(0.8), "kept": _rows(0.68), "reasons": copies}
    facts["dedup"] |= copy_facts(copies)
    counts["split"] = Counts(documents_in=left, kept=left)
    facts["split"] = {"arrived": _rows(0.68), "kept": _rows(0.66), "heldout": _rows(0.02)}
    write_json(run / "judge/histograms.json", {"rows": _histograms(chance)})
    write_json(run / "judge/samples.json", {"rows": _samples(reasons)})
    write_json(run / "dedup/samples.json", {"rows": _copies(copies)})
    write_json(run / "dedup/cluster_samples.json", {"rows": cluster_rows(EXCERPTS, HOSTILE)})


def _fetch(run: Path, facts: dict[str, dict[str, object]], counts: dict[str, Counts]) -> None:
    sources: dict[str, dict[str, object]] = {
        source: {
            "ecosystem": "apt" if index % 2 else "pypi",
            "package": source,
            "version": f"1.{index}",
            "archive_sha256": digest(source) * 2,
            "licence": ("MIT", "PSF-2.0", "CC-BY-4.0", "Apache-2.0")[index % 4],
            "licence_class": "permissive",
            "publish": "ids" if index == 4 else "text",
            "category": category,
            "rows": None,
            "files": documents,
            "bytes": 3 * size,
            "skipped": None,
        }
        for index, (_, category, source, documents, size) in enumerate(KINDS)
    }
    sources["debian-faq"] = {
        **sources["git-doc"],
        "files": 0,
        "bytes": 0,
        "version": None,
        "archive_sha256": None,
        "skipped": "this system has no apt-get",
    }
    write_json(run / "fetch/sources.json", sources)
    facts["fetch"] = {"sources": sources}
    files = sum(documents for _, _, _, documents, _ in KINDS)
    counts["fetch"] = Counts(documents_in=files + 40, kept=files, dropped={"over_cap": 40})


def _reasons(chance: random.Random) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {"language": "de", "rule": "language_not_wanted", "documents": 31, "bytes": 90_000,
         "fired": 31, "alone": 31, "reported": 0},
        {"language": "und", "rule": "language_not_wanted", "documents": 6, "bytes": 2_000,
         "fired": 6, "alone": 6, "reported": 0},
    ]  # fmt: skip
    for language, rules in RULES.items():
        for rule, *_ in rules:
            only_reports = rule == "en_top_2gram"
            n = 0 if only_reports else chance.randrange(3, 240)
            fired = n + chance.randrange(60)
            rows.append(
                {
                    "language": language,
                    "rule": rule,
                    "documents": n,
                    "bytes": n * 1700,
                    "fired": fired,
                    "alone": n // 2,
                    "reported": fired if only_reports else 0,
                }
            )
    return rows


def _histograms(chance: random.Random) -> list[dict[str, object]]:
    rows = []
    for language, rules in RULES.items():
        for rule, signal, low, high, scale in rules:
            edges = {
                "log": [10 ** (7 * i / 40) for i in range(41)],
                "linear": [i / 2 for i in range(41)],
                "frac": [i / 40 for i in range(41)],
            }[scale]
            peak = {"log": 18, "linear": 10, "frac": 3 if high else 33}[scale]
            counts = [int(900 * math.exp(-(((i - peak) / 5) ** 2)) * chance.uniform(0.7, 1.2))
                      for i in range(40)]  # fmt: skip
            rows.append(
                {
                    "language": language,
                    "rule": rule,
                    "signal": signal,
                    "min": low,
                    "max": high,
                    "scale": scale,
                    "edges": edges,
                    "counts": counts,
                    "beyond": chance.randrange(10, 200),
                    "not_measured": chance.randrange(3),
                }
            )
    return rows


def _samples(reasons: list[dict[str, object]]) -> list[dict[str, object]]:
    signals = {rule: (signal, low, high) for rules in RULES.values()
               for rule, signal, low, high, _ in rules}  # fmt: skip
    rows: list[dict[str, object]] = []
    for number, reason in enumerate(reasons):
        language, rule = str(reason["language"]), str(reason["rule"])
        signal, low, high = signals.get(rule, (None, None, None))
        bound = low if low is not None else high
        rows += [
            {
                "language": language,
                "rule": rule,
                "doc_id": f"git-doc/pages/{number}/{copy}.html",
                "source": "git-doc",
                "category": "web",
                "signal": signal,
                "side": None if bound is None else "min" if low is not None else "max",
                "value": None if bound is None else bound * (0.5 if low is not None else 1.7),
                "bound": bound,
                "survivor": None,
                "excerpt": EXCERPTS.get(language, "Inhalt Zurück Weiter")[:300],
            }
            for copy in range(2)
        ]
    rows[0]["excerpt"] = HOSTILE
    rows[0]["doc_id"] = f"git-doc/{HOSTILE}.html"
    return rows


def _copies(reasons: list[dict[str, object]]) -> list[dict[str, object]]:
    return [
        {
            "language": reason["language"],
            "rule": reason["rule"],
            "doc_id": f"git-doc/copies/{number}.html",
            "source": "git-doc",
            "category": "web",
            "signal": None,
            "side": None,
            "value": 1.0 if reason["rule"] == "exact_document" else 0.91,
            "bound": 0.8,
            "survivor": f"git-doc/first/{number}.html",
            "excerpt": EXCERPTS[str(reason["language"])][:300],
        }
        for number, reason in enumerate(reasons)
    ]
