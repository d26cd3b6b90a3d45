"""Interruptions: kill -9, torn and damaged checkpoints, other settings, losses that explode."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from mapneo.core.errors import ConfigError, TrainingError
from mapneo.core.progress import QuietProgress
from mapneo.model.config import MICRO
from mapneo.train import Pretraining, new_model, train
from mapneo.train.checkpoint import weights_sha256
from mapneo.train.metrics import read_metrics
from mapneo.train.pretrain import WindowBatches
from mapneo.train.windows import Order
from tests.train.killed_run import MOMENTS
from tests.train.micro import STEPS, WINDOWS, micro_config, micro_quotas, write_tokens


class Stop(Exception):
    """Ends a run inside the process."""


class Notes(QuietProgress):
    """Keeps what it was told."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


class StopsAfter(QuietProgress):
    """Raises once so many steps are done."""

    def __init__(self, steps):
        self.left = steps

    def advance(self, n=1, **numbers):
        self.left -= n
        if self.left < 0:
            raise Stop


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    root = tmp_path_factory.mktemp("encode")
    write_tokens(root)
    return root


@pytest.fixture(scope="module")
def undisturbed(tokens, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed")
    return train_micro(tokens, output), output


def train_micro(tokens, output, *, progress=None, **changes):
    run = Pretraining(
        quotas=micro_quotas(),
        tokens=tokens,
        output=output,
        config=micro_config(**changes),
        progress=progress or QuietProgress(),
    )
    return train(run, new_model(MICRO, run.quotas))


def exact_lines(output):
    """What a run recorded, without the clock."""
    lines = read_metrics(output / "metrics.jsonl")
    return [
        {k: v for k, v in line.items() if k not in {"seconds", "tokens_per_s"}} for line in lines
    ]


def test_metrics_hold_every_step_and_the_heldout_measurements(undisturbed):
    state, output = undisturbed
    lines = exact_lines(output)
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, STEPS + 1))
    assert [line["tokens"] for line in steps] == [n * WINDOWS * 16 for n in range(1, STEPS + 1)]
    assert all(float.fromhex(line["loss_hex"]) == line["loss"] for line in steps)
    assert steps[-1]["loss"] < steps[0]["loss"]
    measured = [line for line in lines if "heldout" in line]
    assert [line["step"] for line in measured] == [6, 12]
    assert set(measured[0]["heldout"]) == {"en/web", "zh/law"}
    assert (state.step, state.samples) == (STEPS, STEPS * WINDOWS)


def test_the_same_run_twice_gives_the_same_bits(tokens, undisturbed, tmp_path):
    state, output = undisturbed
    assert train_micro(tokens, tmp_path) == state
    assert exact_lines(tmp_path) == exact_lines(output)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_ends_as_if_undisturbed(tokens, undisturbed, tmp_path, moment):
    command = [sys.executable, "-m", "tests.train.killed_run", str(tokens), str(tmp_path), moment]
    killed = subprocess.run(command, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    state, output = undisturbed
    assert train_micro(tokens, tmp_path) == state
    assert exact_lines(tmp_path) == exact_lines(output)
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == {"step-8", "step-12"}


@pytest.mark.parametrize("steps", [0, 3, 4, 11])
def test_a_run_stopped_anywhere_ends_as_if_undisturbed(tokens, undisturbed, tmp_path, steps):
    with pytest.raises(Stop):
        train_micro(tokens, tmp_path, progress=StopsAfter(steps))
    state, output = undisturbed
    assert train_micro(tokens, tmp_path) == state
    assert exact_lines(tmp_path) == exact_lines(output)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"kind": "muon"}},
        {"precision": "bfloat16"},
        {"optimizer": {"kind": "muon"}, "precision": "bfloat16", "threads": 2},
    ],
    ids=["muon", "bfloat16", "muon, bfloat16, two threads"],
)
def test_other_arithmetic_goes_on_bit_by_bit_too(tokens, tmp_path, changes):
    whole = train_micro(tokens, tmp_path / "whole", **changes)
    with pytest.raises(Stop):
        train_micro(tokens, tmp_path / "cut", progress=StopsAfter(6), **changes)
    assert train_micro(tokens, tmp_path / "cut", **changes) == whole
    assert exact_lines(tmp_path / "cut") == exact_lines(tmp_path / "whole")


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root to mount a small disk"
)
def test_a_disk_too_full_for_a_checkpoint_is_one_sentence(tokens, tmp_path):
    mount = f"mount -t tmpfs -o size=200k none {tmp_path}"
    program = f"'{sys.executable}' -m tests.train.full_disk {tokens} {tmp_path}"
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mount} && exec {program}"],
        capture_output=True,
        text=True,
    )
    if "permission denied" in result.stderr or "unshare failed" in result.stderr:
        pytest.skip("this container may not mount a small disk")
    assert result.returncode == 0, result.stdout + result.stderr


def damage_weights(path):
    weights = path / "__0_0.distcp"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)


def remove_weights(path):
    (path / "__0_0.distcp").unlink()


def cut_state(path):
    (path / "state.json").write_text('{"step": 8, ')


def lose_field(path):
    state = json.loads((path / "state.json").read_text())
    del state["samples"]
    (path / "state.json").write_text(json.dumps(state))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (damage_weights, "is damaged"),
        (remove_weights, "is missing"),
        (cut_state, "can't be read"),
        (lose_field, "can't be read"),
    ],
)
def test_a_harmed_checkpoint_is_named_and_the_one_before_is_used(
    tokens, undisturbed, tmp_path, harm, words
):
    with pytest.raises(Stop):
        train_micro(tokens, tmp_path, progress=StopsAfter(9))
    harm(tmp_path / "checkpoints" / "step-8")
    progress = Notes()
    state = train_micro(tokens, tmp_path, progress=progress)
    assert progress.notes[0].startswith("step-8 is not used")
    assert words in progress.notes[0]
    assert progress.notes[1] == "goes on from step-4"
    assert state == undisturbed[0]
    assert exact_lines(tmp_path) == exact_lines(undisturbed[1])


def test_checkpoints_of_other_settings_are_not_used(tokens, tmp_path):
    train_micro(tokens, tmp_path / "a")
    train_micro(tokens, tmp_path / "b", max_grad_norm=0.5)
    progress = Notes()
    state = train_micro(tokens, tmp_path / "a", max_grad_norm=0.5, progress=progress)
    assert "other settings" in progress.notes[0]
    assert (
        state.weights_sha256
        == json.loads((tmp_path / "b" / "checkpoints" / "step-12" / "state.json").read_text())[
            "weights_sha256"
        ]
    )


def test_only_the_newest_checkpoints_stay(tokens, tmp_path):
    train_micro(tokens, tmp_path, checkpoint_every=2, keep_checkpoints=3, heldout_max_bytes=0)
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == {
        "step-8",
        "step-10",
        "step-12",
    }


def test_a_loss_that_is_not_a_number_names_step_and_documents(tokens, tmp_path):
    run = Pretraining(quotas=micro_quotas(), tokens=tokens, output=tmp_path, config=micro_config())
    model = new_model(MICRO, run.quotas)
    with torch.no_grad():
        model.get_parameter("blocks.1.ffn.up.weight")[0, 0] = float("nan")
    before = weights_sha256(model)
    with pytest.raises(TrainingError, match=r"step 1: loss nan.*documents: (en|zh)/\d+"):
        train(run, model)
    assert weights_sha256(model) == before


def test_documents_of_a_step_are_those_its_tokens_come_from(tokens):
    order = Order(micro_quotas(), 1)
    batches = WindowBatches(tokens, order, WINDOWS)
    expected = []
    for window in order.locate_many(range(WINDOWS, 2 * WINDOWS)):
        language = order.buckets[window.bucket].language
        # Micro documents are 50 tokens long, so positions tell them.
        expected += [
            f"{language}/{p // 50 * 50}" for p in (window.window * 16, window.window * 16 + 16)
        ]
    assert batches.documents(2) == list(dict.fromkeys(expected))


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_together_hold_the_batch_of_one_process(tokens, world):
    order = Order(micro_quotas(), 1)
    whole = WindowBatches(tokens, order, WINDOWS).batch(3)
    parts = [
        WindowBatches(tokens, order, WINDOWS, rank=rank, world=world).batch(3)
        for rank in range(world)
    ]
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 11}, "11 steps of 8 windows are 88.*96 windows.*steps to 12"),
        ({"micro_batch": 3}, "not a multiple of micro_batch 3"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_with_the_numbers(tokens, tmp_path, changes, words):
    with pytest.raises(ConfigError, match=words):
        train_micro(tokens, tmp_path, **changes)
