"""What a pre-training stage does: start model, training, export, samples, facts."""

import torch

from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.core.files import files_below, write_json
from mapneo.core.stage import Outcome, Work
from mapneo.mix import Quotas, read_quotas
from mapneo.model.config import parameters, training_flops_per_token
from mapneo.model.exchange import load_model, save_model
from mapneo.model.generate import Sampling
from mapneo.model.transformer import Transformer
from mapneo.train.checkpoint import TrainState
from mapneo.train.config import PretrainConfig
from mapneo.train.metrics import read_metrics
from mapneo.train.pretrain import Pretraining, new_model, train
from mapneo.train.samples import continue_prompts

SAMPLE_TEMPERATURE = 0.8


def run_phase(work: Work, config: PretrainConfig, phase: int) -> Outcome:
    """Train `phase` to its end; leaves metrics, checkpoints, the exported model and samples.

    Raises:
        ConfigError: phase 1 states no architecture, or phase 2 does, or sizes don't fit.
        TrainingError: the loss is not finite.
    """
    quotas = read_quotas(work.inputs["mix"].file("quotas.json").path)
    model = _start_model(work, config, quotas, phase)
    run = Pretraining(
        quotas=quotas,
        tokens=work.inputs["encode"].directory,
        output=work.output,
        config=config,
        phase=phase,
        fingerprint=work.fingerprint,
        progress=work.progress,
    )
    state = train(run, model)
    save_model(model, work.output / "model", eod=quotas.eod)
    rows = continue_prompts(
        model,
        work.inputs["tokenizer"].file("tokenizer.model").path,
        config.prompts,
        Sampling(
            max_new_tokens=config.sample_tokens, temperature=SAMPLE_TEMPERATURE, seed=work.seed
        ),
    )
    write_json(work.output / "samples.json", rows)
    files = ("metrics.jsonl", "samples.json", *files_below(work.output, "model", "checkpoints"))
    return Outcome(facts=_facts(work, model, quotas, state), files=files)


def _start_model(work: Work, config: PretrainConfig, quotas: Quotas, phase: int) -> Transformer:
    if phase > 1:
        before = f"pretrain_{phase - 1}"
        if config.model is not None:
            raise ConfigError(
                f"pretrain_{phase} goes on with the weights of {before}: "
                f"remove pretrain_{phase}.model"
            )
        return load_model(work.inputs[before].directory / "model")
    if config.model is None:
        raise ConfigError("pretrain_1.model is missing: state layers, hidden, heads, …")
    return new_model(config.model, quotas)


def _facts(work: Work, model: Transformer, quotas: Quotas, state: TrainState) -> dict[str, Json]:
    lines = read_metrics(work.output / "metrics.jsonl")
    steps = [line for line in lines if "loss" in line]
    heldout = [line["heldout"] for line in lines if "heldout" in line]
    tokens = steps[-1]["tokens"]
    flops = training_flops_per_token(model.config, quotas.seq_len) * tokens
    seconds = sum(line["seconds"] for line in steps)
    return {
        "parameters": parameters(model.config),
        "steps": state.step,
        "tokens": tokens,
        "loss": steps[-1]["loss"],
        "loss_hex": state.loss_hex,
        "weights_sha256": state.weights_sha256,
        "threads": torch.get_num_threads(),
        "precision": str(model.compute_dtype).removeprefix("torch."),
        "heldout_first": heldout[0] if heldout else {},
        "heldout_last": heldout[-1] if heldout else {},
        "flops": flops,
        "tokens_per_s": round(tokens / seconds, 1),
    }
