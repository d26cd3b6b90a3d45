"""`make prove`: proofs too long for the suite, each recorded in bench/results/.

kills    the demo, killed -9 at three random moments, ends with the same bytes and losses
workers  the demo's data stages with one worker and with two give the same bytes
language labels, script and mixed pages beside real pages of known language (no run needed)

alignment  the stages from conversations to answers, killed -9 three times, end with the same bytes;
         they start from a copy of the finished run that `--whole` names

words    Chinese words are those of jieba, token for token, on seven thousand real documents

scaling  intervals of fitted laws cover the known law at the nominal rate (no run needed)

profiles the demo's documents judged by every profile: kept share, and how often each rule fires

dedup_truth   planted copies of known similarity are found as often as theory says, and rightly
dedup_real    near-duplicates of real manuals, beside figures measured with other code
dedup_memory  80 M keys become edges under a limit of 2 GB
crawl    a crawl of thousands of pages on loopback, killed -9 three times, ends with the same pages

bad_input  texts of 100 MB, such as a single line, end in a verdict, in time that grows as they do

malformed  torn, lying and endless files through fetch and extract: outcomes by kind, peak memory

One proof: `python -m bench.prove kills`. Material already in the cache is not fetched again. With
`kills --whole runs/tiny` a finished, undisturbed demo stands for the first run; with
`--until pretrain_1` the killed run ends there and is compared up to there.
"""

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import (
    bad_input,
    dedup_memory,
    dedup_real,
    dedup_truth,
    language,
    malformed,
    profiles,
    scaling_coverage,
)
from bench.kills import (
    ALIGNMENT_STAGES,
    command,
    digests,
    final_losses,
    run_and_kill,
    run_to_the_end,
)
from bench.result import record
from bench.words import agreement
from mapneo.pipeline import load_recipe, stages
from mapneo.runs import open_run

RECIPE = Path(__file__).parent.parent / "recipes" / "tiny.toml"
KILLS = 3


def prove_kills(folder: Path, whole: Path | None, until: str) -> list[dict[str, Any]]:
    """Undisturbed against killed three times."""
    if whole is None:
        whole = folder / "whole"
        run_to_the_end(command(RECIPE, folder, "--name", "whole"))
    finished = open_run(whole).manifests
    seconds = {name: manifest.seconds for name, manifest in finished.items()}
    order = [stage.name for stage in stages(load_recipe(RECIPE))]
    stop_seconds = sum(seconds[name] for name in order[: order.index(until) + 1])
    draw = random.Random(time.time_ns())
    moments = [draw.uniform(2, stop_seconds / (KILLS + 2)) for _ in range(KILLS)]
    words = command(RECIPE, folder, "--name", "cut", "--until", until)
    hits = [run_and_kill(words, seconds) for seconds in moments]
    run_to_the_end(words)
    cut = folder / "cut"
    losses = final_losses(cut)
    return [
        {
            "undisturbed_seconds": stop_seconds,
            "killed_after_seconds": [round(moment, 1) for moment in moments],
            "kills_that_hit": sum(hits),
            "data_and_tokenizer_identical": digests(whole) == digests(cut),
            "until": until,
            "final_losses_identical": losses.items() <= final_losses(whole).items(),
            "final_losses": losses,
            "digests": digests(cut),
        }
    ]


def prove_workers(folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """One worker against two."""
    for workers in ("1", "2"):
        words = command(RECIPE, folder, "--name", f"w{workers}", "--workers", workers)
        run_to_the_end([*words, "--until", "mix"])
    one, two = digests(folder / "w1"), digests(folder / "w2")
    return [{"stages": len(one), "identical": one == two, "digests": two}]


def prove_alignment(folder: Path, whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Conversations, SFT, pairs, reward model, DPO and answers, killed three times."""
    if whole is None:
        raise SystemExit("name a finished run: python -m bench.prove alignment --whole runs/tiny")
    cut = folder / "cut"
    shutil.copytree(whole, cut)
    order = [stage.name for stage in stages(load_recipe(RECIPE))]
    again = order[order.index("conversations") : order.index("answers") + 1]
    for name in order[order.index("conversations") :]:
        shutil.rmtree(cut / name)
    seconds = sum(open_run(whole).manifests[name].seconds for name in again)
    draw = random.Random(time.time_ns())
    moments = [draw.uniform(5, seconds / (KILLS + 1)) for _ in range(KILLS)]
    words = command(RECIPE, folder, "--name", "cut", "--until", "answers")
    hits = [run_and_kill(words, moment) for moment in moments]
    run_to_the_end(words)
    losses = final_losses(cut)
    return [
        {
            "undisturbed_seconds": round(seconds, 1),
            "killed_after_seconds": [round(moment, 1) for moment in moments],
            "kills_that_hit": sum(hits),
            "answers_and_pairs_identical": digests(whole, ALIGNMENT_STAGES)
            == digests(cut, ALIGNMENT_STAGES),
            "final_losses_identical": losses == final_losses(whole),
            "final_losses": losses,
            "digests": digests(cut, ALIGNMENT_STAGES),
        }
    ]


def prove_words(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Chinese words beside jieba's: documents cut otherwise, by source."""
    return agreement()


def prove_bad_input(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Texts of 100 MB under every splitter, then judged."""
    return bad_input.measure()


def prove_agreement(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Signals and verdicts beside datatrove 0.10.1's own functions, on the same words."""
    from bench import agreement  # datatrove is no dependency of the other proofs

    return agreement.measure()


def prove_redaction(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Planted e-mail, IP, phone and identity numbers found; hits on untouched documents."""
    from bench import redaction

    return redaction.measure()


def prove_language(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Language labels, script and mixed pages beside real pages of known language."""
    return language.measure()


def prove_scaling(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Points drawn from known laws with noise: how often intervals hold the known values."""
    return scaling_coverage.measure()


def prove_crawl(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """A crawl of thousands of real pages on loopback, killed three times, against undisturbed."""
    from bench import crawl  # Scrapy is no dependency of the other proofs

    return crawl.measure()


def prove_profiles(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """The demo's documents before curation, judged by every profile; rules in a second result."""
    record(
        "prove_profile_rules",
        command="python -m bench.prove profiles",
        what="Every rule that fires: of how many documents, and where it alone drops",
        rows=profiles.rule_rows(),
    )
    return profiles.measure()


def prove_dedup_truth(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Planted copies of known Jaccard similarity: hits beside theory, precision once verified."""
    return dedup_truth.measure()


def prove_dedup_real(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Shares of exact and near copies in real manuals, beside figures measured with other code."""
    return list(dedup_real.measure())


def prove_dedup_memory(folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """80 M keys become the right edges under a limit of 2 GB, with a peak below 500 MB."""
    return dedup_memory.prove(folder)


def prove_malformed(_folder: Path, _whole: Path | None, _until: str) -> list[dict[str, Any]]:
    """Torn, lying and endless files through fetch and extract: outcomes by kind, peak memory."""
    return malformed.measure()


PROOFS: dict[str, Callable[[Path, Path | None, str], list[dict[str, Any]]]] = {
    "kills": prove_kills,
    "workers": prove_workers,
    "alignment": prove_alignment,
    "words": prove_words,
    "bad_input": prove_bad_input,
    "language": prove_language,
    "agreement": prove_agreement,
    "redaction": prove_redaction,
    "scaling": prove_scaling,
    "profiles": prove_profiles,
    "dedup_truth": prove_dedup_truth,
    "dedup_real": prove_dedup_real,
    "dedup_memory": prove_dedup_memory,
    "malformed": prove_malformed,
    "crawl": prove_crawl,
}


def main() -> None:
    """Run the named proofs, or all; each is recorded, whatever came of it.

    Exits with an error if a row says that its bar was missed (`passed` is false).
    """
    parser = argparse.ArgumentParser(prog="bench.prove", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"any of {list(PROOFS)}; default: all")
    parser.add_argument("--whole", type=Path, help="a finished, undisturbed demo run")
    parser.add_argument("--until", default="report", help="stage at which the killed run ends")
    options = parser.parse_args()
    missed = []
    for name in options.names or list(PROOFS):
        if name == "alignment" and options.whole is None and not options.names:
            print("alignment: skipped, as no finished run is named (--whole)")
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows = PROOFS[name](Path(folder), options.whole, options.until)
        path = record(
            f"prove_{name}",
            command=f"python -m bench.prove {name}",
            what=PROOFS[name].__doc__ or "",
            rows=rows,
        )
        print(f"{name}: {rows} → {path.name}")
        missed += [f"{name}: {row}" for row in rows if row.get("passed") is False]
    if missed:
        raise SystemExit("missed:\n" + "\n".join(missed))


if __name__ == "__main__":
    main()
