"""In and out of the Hugging Face layout: `config.json` + `model.safetensors`.

A language model is a LlamaForCausalLM there, a reward model a LlamaForSequenceClassification.

The same weights always give the same bytes: keys are sorted and nothing records time or version.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from mapneo.core.canonical import Json
from mapneo.core.errors import InputError
from mapneo.core.files import atomic_file, read_json, write_json
from mapneo.model.config import ModelConfig
from mapneo.model.reward import RewardModel
from mapneo.model.transformer import Decoder, Transformer

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"

_BLOCK_NAMES = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn.gate": "mlp.gate_proj",
    "ffn.up": "mlp.up_proj",
    "ffn.down": "mlp.down_proj",
}
_TOP_NAMES = {
    "embedding": "model.embed_tokens",
    "norm": "model.norm",
    "head": "lm_head",
    "score": "score",
}
_FIELD_NAMES = {
    "layers": "num_hidden_layers",
    "hidden": "hidden_size",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "ffn": "intermediate_size",
    "rope_theta": "rope_theta",
    "norm_eps": "rms_norm_eps",
    "tied": "tie_word_embeddings",
    "init_std": "initializer_range",
    "vocabulary": "vocab_size",
    "context_tokens": "max_position_embeddings",
}
_LANGUAGE_MODEL: dict[str, Json] = {"architectures": ["LlamaForCausalLM"]}
_REWARD_MODEL: dict[str, Json] = {
    "architectures": ["LlamaForSequenceClassification"],
    "id2label": {"0": "reward"},
    "label2id": {"reward": 0},
}
_FIXED: dict[str, Json] = {
    "model_type": "llama",
    "hidden_act": "silu",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "rope_scaling": None,
    "torch_dtype": "float32",
    "use_cache": True,
}


def save_model(
    model: Decoder, directory: Path, *, eod: int, end_of_turn: int | None = None
) -> None:
    """Write `config.json` and `model.safetensors` (float32).

    `eod` ends and begins documents and pads; a chat model's answers also end at `end_of_turn`.
    """
    kind = _REWARD_MODEL if isinstance(model, RewardModel) else _LANGUAGE_MODEL
    fields = {theirs: getattr(model.config, ours) for ours, theirs in _FIELD_NAMES.items()}
    ends = eod if end_of_turn is None else [end_of_turn, eod]
    tokens = {"bos_token_id": eod, "eos_token_id": ends, "pad_token_id": eod}
    weights = {
        hugging_face_name(name): weight.detach().contiguous()
        for name, weight in model.named_parameters()
    }
    with atomic_file(directory / WEIGHTS_NAME) as temporary:
        safetensors.torch.save_file(weights, temporary, metadata={"format": "pt"})
    write_json(directory / CONFIG_NAME, {**_FIXED, **kind, **fields, **tokens})


def load_model(directory: Path) -> Transformer:
    """The language model in `directory`, float32, ready to evaluate or to train on.

    Raises:
        InputError: not a Llama-form model, or its weights don't fit its configuration.
    """
    model = Transformer(read_config(directory, _LANGUAGE_MODEL))
    load_weights(model, directory)
    return model


def load_reward_model(directory: Path) -> RewardModel:
    """The reward model in `directory`, float32.

    Raises:
        InputError: not a Llama-form reward model, or its weights don't fit its configuration.
    """
    model = RewardModel(read_config(directory, _REWARD_MODEL))
    load_weights(model, directory)
    return model


def read_config(
    directory: Path, kind: Mapping[str, Json] = MappingProxyType(_LANGUAGE_MODEL)
) -> ModelConfig:
    """The architecture that `config.json` states; `kind` holds the fields of the wanted class.

    Raises:
        InputError: the file is missing, or asks for something other than the plain Llama form.
    """
    path = directory / CONFIG_NAME
    if not path.exists():
        raise InputError(f"{path} is missing: name a folder in the Hugging Face layout")
    values = read_json(path)
    for name, value in {**_FIXED, "architectures": kind["architectures"]}.items():
        if name in {"torch_dtype", "use_cache", "attention_dropout"}:
            continue
        if values.get(name, value) != value:
            raise InputError(f"{path}: {name} is {values[name]!r}, only {value!r} is supported")
    values = {**values, **_nested_rope(path, values)}
    values.setdefault("num_key_value_heads", values.get("num_attention_heads"))
    if "head_dim" not in values and "hidden_size" in values:
        values["head_dim"] = values["hidden_size"] // values["num_attention_heads"]
    defaults = {"rope_theta", "rms_norm_eps", "tie_word_embeddings", "initializer_range"}
    missing = set(_FIELD_NAMES.values()) - defaults - set(values)
    if missing:
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}")
    return ModelConfig(
        **{ours: values[theirs] for ours, theirs in _FIELD_NAMES.items() if theirs in values}
    )


def _nested_rope(path: Path, values: Json) -> dict[str, Json]:
    """The rotary base where newer `transformers` versions write it."""
    rope = values.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        raise InputError(f"{path}: rope_type {rope['rope_type']!r} is not supported, only default")
    return {"rope_theta": rope["rope_theta"]} if "rope_theta" in rope else {}


def load_weights(model: Decoder, directory: Path) -> None:
    """Copy the weights in `directory` into `model`.

    Raises:
        InputError: a tensor is missing, superfluous, or of another shape; each case is named.
    """
    path = directory / WEIGHTS_NAME
    try:
        stored = safetensors.torch.load_file(path)
    except (FileNotFoundError, SafetensorError) as error:
        raise InputError(f"{path} can't be read as safetensors: {error}") from error
    wanted = {hugging_face_name(name): weight for name, weight in model.named_parameters()}
    if model.config.tied:
        stored.pop("lm_head.weight", None)
    _check_tensors(path, wanted, stored)
    with torch.no_grad():
        for name, weight in wanted.items():
            weight.copy_(stored[name])


def _check_tensors(path: Path, wanted: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> None:
    odd = sorted(set(wanted) ^ set(stored))
    if odd:
        side = "lacks" if odd[0] in wanted else "has an unknown tensor"
        raise InputError(f"{path} {side} {odd[0]} ({len(odd)} tensors differ from {CONFIG_NAME})")
    for name, weight in wanted.items():
        if weight.shape != stored[name].shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(stored[name].shape)}, "
                f"{CONFIG_NAME} asks for {tuple(weight.shape)}"
            )


def hugging_face_name(name: str) -> str:
    """Our parameter name in LlamaForCausalLM's terms."""
    block = re.fullmatch(r"blocks\.(\d+)\.(.+)\.weight", name)
    if block:
        return f"model.layers.{block[1]}.{_BLOCK_NAMES[block[2]]}.weight"
    return f"{_TOP_NAMES[name.removesuffix('.weight')]}.weight"
