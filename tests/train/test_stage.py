"""The two stages on a micro artifact: files, facts, and phase 2 from phase 1's weights."""

import json
import subprocess
import sys

import pytest
import sentencepiece

from mapneo.core.engine import Engine
from mapneo.core.errors import ConfigError
from mapneo.core.executor import LocalExecutor
from mapneo.core.manifest import Manifest, record_files
from mapneo.core.progress import QuietProgress
from mapneo.core.stage import Artifact, Counts, Work
from mapneo.mix.quotas import write_quotas
from mapneo.model.config import MICRO
from mapneo.train import PretrainConfig, load_model
from mapneo.train.checkpoint import weights_sha256
from mapneo.train.stage import Pretrain
from tests.train.micro import micro_config, micro_quotas, write_tokens


def artifact(directory, stage):
    names = [p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()]
    fields = dict.fromkeys(("fingerprint", "outputs_digest", "started"), "")
    return Artifact(
        directory=directory,
        manifest=Manifest(
            stage=stage,
            version=1,
            config={},
            inputs={},
            seed=0,
            counts=Counts(),
            facts={},
            outputs=record_files(directory, names),
            shards=0,
            versions={},
            machine={},
            seconds=0.0,
            peak_memory_bytes=0,
            **fields,
        ),
    )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("inputs")
    for name in ("tokenizer", "encode", "mix"):
        (root / name).mkdir()
    write_tokens(root / "encode")
    one, two = micro_quotas(1), micro_quotas(2)
    write_quotas(
        root / "mix" / "quotas.json",
        type(one)(**{**vars(one), "vocabulary": 300, "phases": one.phases + two.phases}),
    )
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat", "法律 law", "def f(x): return x"] * 20),
        model_prefix=str(root / "tokenizer" / "tokenizer"),
        vocab_size=300,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return {name: artifact(root / name, name) for name in ("tokenizer", "encode", "mix")}


def work_in(output, inputs):
    output.mkdir(exist_ok=True)
    engine = Engine(output=output, stage_key=[], executor=LocalExecutor(1))
    return Work(
        output=output,
        inputs=inputs,
        engine=engine,
        progress=QuietProgress(),
        seed=1,
        fingerprint="f",
    )


def config(**changes):
    settings = {**micro_config().model_dump(), "model": MICRO, "sample_tokens": 5}
    return PretrainConfig.model_validate({**settings, **changes})


def test_two_phases_leave_what_formats_promises(inputs, tmp_path):
    stage = Pretrain(config(), 1)
    outcome = stage.run(work_in(tmp_path / "pretrain_1", inputs))
    assert stage.name == "pretrain_1"
    assert {
        "metrics.jsonl",
        "samples.json",
        "model/config.json",
        "model/model.safetensors",
        "checkpoints/step-12/state.json",
    } <= set(outcome.files)
    assert all((tmp_path / "pretrain_1" / name).is_file() for name in outcome.files)
    first = load_model(tmp_path / "pretrain_1" / "model")
    assert outcome.facts["weights_sha256"] == weights_sha256(first)
    rows = json.loads((tmp_path / "pretrain_1" / "samples.json").read_text())
    assert {row["language"] for row in rows} == {"en", "zh"}

    inputs = {**inputs, "pretrain_1": artifact(tmp_path / "pretrain_1", "pretrain_1")}
    schedule = {"kind": "half_life", "peak": 1e-3, "half_life_steps": 6}
    stage = Pretrain(config(model=None, schedule=schedule), 2)
    assert stage.inputs == ("tokenizer", "encode", "mix", "pretrain_1")
    outcome = stage.run(work_in(tmp_path / "pretrain_2", inputs))
    lines = (tmp_path / "pretrain_2" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["learning_rate"] == pytest.approx(1e-3 * 0.5 ** (1 / 6))
    assert json.loads(lines[0])["phase"] == 2
    assert outcome.facts["weights_sha256"] != weights_sha256(first)


def test_phase_2_refuses_an_architecture_and_phase_1_asks_for_one(inputs, tmp_path):
    with pytest.raises(ConfigError, match="remove pretrain_2.model"):
        Pretrain(config(), 2).run(work_in(tmp_path / "two", inputs))
    with pytest.raises(ConfigError, match="pretrain_1.model is missing"):
        Pretrain(config(model=None), 1).run(work_in(tmp_path / "one", inputs))


def test_settings_and_stages_are_read_without_torch():
    code = "import sys, mapneo.train.stage, mapneo.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
