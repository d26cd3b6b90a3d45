"""kill -9 at ten random moments: the run goes on each time and ends with the same bytes."""

import random

from bench.kills import (
    ALIGNMENT_STAGES,
    TRAINING_STAGES,
    command,
    digests,
    final_losses,
    run_and_kill,
    run_to_the_end,
)

KILLS = 10


def test_ten_kills_change_no_byte_and_no_loss(micro, fresh):
    words = command(fresh.folder / "micro.toml", fresh.folder / "runs")
    words += ["fetch.data=" + str(micro.folder / "web")]
    draw = random.Random()
    seed = draw.randrange(2**32)
    draw.seed(seed)
    hits = 0
    for _ in range(KILLS):
        hits += run_and_kill(words, draw.uniform(1.0, 5.0), fresh.environment)
    run_to_the_end(words, fresh.environment)
    whole, cut = micro.folder / "runs/micro", fresh.folder / "runs/micro"
    assert digests(cut) == digests(whole), f"seed {seed}, {hits} kills hit"
    assert final_losses(cut) == final_losses(whole), f"seed {seed}, {hits} kills hit"
    assert set(final_losses(cut)) == set(TRAINING_STAGES)
    said = digests(whole, ALIGNMENT_STAGES)
    assert digests(cut, ALIGNMENT_STAGES) == said, f"seed {seed}, {hits} kills hit"
    assert hits >= 3, f"only {hits} of {KILLS} kills met a running process (seed {seed})"


def test_one_worker_and_two_give_the_same_bytes(micro, fresh):
    words = command(fresh.folder / "micro.toml", fresh.folder / "runs", "--workers", "1")
    words += ["--until", "mix", "fetch.data=" + str(micro.folder / "web")]
    run_to_the_end(words, fresh.environment)
    assert digests(fresh.folder / "runs/micro") == digests(micro.folder / "runs/micro")
