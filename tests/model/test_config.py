"""Published sizes, parameter counts and FLOPs against independent counters."""

import pytest
import torch
from pydantic import ValidationError
from torch.utils.flop_counter import FlopCounterMode

from mapneo.model.config import (
    MAP_NEO_2B,
    MAP_NEO_7B,
    MICRO,
    TINY,
    ModelConfig,
    ModelShape,
    forward_flops_per_token,
    parameters,
    training_flops_per_token,
)
from mapneo.model.transformer import Transformer

MICRO_MODEL = ModelConfig.of(MICRO, vocabulary=100, context_tokens=48)


@pytest.mark.parametrize(
    ("config", "published"), [(MAP_NEO_7B, 7_793_716_224), (MAP_NEO_2B, 2_244_552_704)]
)
def test_presets_have_the_published_parameter_counts(config, published):
    assert parameters(config) == published


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shape", [MICRO, TINY])
def test_parameter_formula_counts_what_the_model_holds(shape, tied):
    shape = shape.model_copy(update={"tied": tied})
    config = ModelConfig.of(shape, vocabulary=100, context_tokens=16)
    with torch.device("meta"):
        model = Transformer(config)
    assert parameters(config) == sum(weight.numel() for weight in model.parameters())


def test_7b_model_can_be_built_without_memory():
    with torch.device("meta"):
        model = Transformer(MAP_NEO_7B)
    assert sum(weight.numel() for weight in model.parameters()) == parameters(MAP_NEO_7B)


def test_flops_equal_torchs_counter():
    batch, tokens = 3, 48
    with torch.device("meta"):
        model = Transformer(MICRO_MODEL)
        ids = torch.zeros(batch, tokens, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        loss = model(ids).sum()
    assert counter.get_total_flops() == batch * tokens * forward_flops_per_token(
        MICRO_MODEL, tokens
    )
    with FlopCounterMode(display=False) as counter:
        loss.backward()
    backward = counter.get_total_flops()
    forward = batch * tokens * forward_flops_per_token(MICRO_MODEL, tokens)
    total = batch * tokens * training_flops_per_token(MICRO_MODEL, tokens)
    # torch recomputes the scores inside its attention backward: one product more than needed.
    scores = 2 * MICRO.layers * MICRO.heads * MICRO.head_dim * tokens * batch * tokens
    assert forward + backward in {total, total + scores}


def test_vocabulary_is_padded_to_64_rows():
    assert [
        ModelConfig.of(MICRO, vocabulary=n, context_tokens=8).vocabulary for n in (1, 64, 65)
    ] == [64, 64, 128]


@pytest.mark.parametrize("change", [{"kv_heads": 3}, {"head_dim": 7}, {"layres": 2}])
def test_impossible_shapes_are_refused(change):
    with pytest.raises(ValidationError):
        ModelShape(**{**MICRO.model_dump(), **change})
