"""The Hugging Face layout: read by transformers, byte-stable, and refused with a sentence."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from mapneo.core.errors import InputError
from mapneo.core.files import sha256_file
from mapneo.model.exchange import load_model, save_model
from tests.model.test_transformer import ids_of, micro_model, peer_of


@pytest.mark.parametrize("tied", [False, True])
def test_transformers_loads_the_export_and_agrees(tmp_path, tied):
    model = micro_model(tied=tied)
    save_model(model, tmp_path, eod=2)
    peer = AutoModelForCausalLM.from_pretrained(tmp_path)
    ids = ids_of(2, 40)
    with torch.no_grad():
        torch.testing.assert_close(model(ids), peer(input_ids=ids).logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tied", [False, True])
def test_out_and_in_gives_the_same_weights_and_the_same_bytes(tmp_path, tied):
    model = micro_model(tied=tied)
    save_model(model, tmp_path / "a", eod=2)
    back = load_model(tmp_path / "a")
    save_model(back, tmp_path / "b", eod=2)
    assert back.config == model.config
    for name, weight in model.named_parameters():
        assert torch.equal(weight, back.get_parameter(name))
    for name in ("config.json", "model.safetensors"):
        assert sha256_file(tmp_path / "a" / name) == sha256_file(tmp_path / "b" / name)


def test_a_model_that_transformers_saved_is_read(tmp_path):
    model = micro_model()
    peer_of(model).save_pretrained(tmp_path)
    ids = ids_of(1, 30)
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path)(ids), model(ids))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling"),
        ({"model_type": "mistral"}, "mistral"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "yarn"),
        ({"vocab_size": 64}, "shape"),
        ({"num_hidden_layers": 3}, "lacks model.layers.2"),
        ({"num_hidden_layers": 1}, "unknown tensor model.layers.1"),
    ],
)
def test_models_of_another_form_are_refused(tmp_path, change, word):
    save_model(micro_model(), tmp_path, eod=2)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=word):
        load_model(tmp_path)


def test_damaged_weights_are_named(tmp_path):
    save_model(micro_model(), tmp_path, eod=2)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(InputError, match="safetensors"):
        load_model(tmp_path)
