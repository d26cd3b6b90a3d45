"""Logits, attention and norms against transformers and torch."""

import pytest
import torch
import torch.nn.functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from mapneo.model.attention import BLOCK_TOKENS, BlockedAttention, attend
from mapneo.model.cache import Cache
from mapneo.model.config import MICRO, ModelConfig
from mapneo.model.exchange import hugging_face_name
from mapneo.model.layers import RMSNorm
from mapneo.model.transformer import Transformer


def micro_model(*, context_tokens=300, **changes):
    shape = MICRO.model_copy(update={"init_std": 0.2, **changes})
    model = Transformer(ModelConfig.of(shape, vocabulary=100, context_tokens=context_tokens))
    model.draw_weights(3)
    return model


def peer_of(model):
    config = model.config
    peer = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.hidden,
            intermediate_size=config.ffn,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads,
            head_dim=config.head_dim,
            rms_norm_eps=config.norm_eps,
            max_position_embeddings=config.context_tokens,
            tie_word_embeddings=config.tied,
        )
    )
    weights = {hugging_face_name(name): weight for name, weight in model.named_parameters()}
    peer.load_state_dict(weights, strict=not config.tied)
    return peer.eval()


def ids_of(batch, tokens):
    return torch.randint(0, 100, (batch, tokens), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("changes", [{}, {"kv_heads": 1}, {"kv_heads": 4}, {"tied": True}])
def test_logits_equal_transformers_in_float32(changes):
    model = micro_model(**changes)
    ids = ids_of(2, 257)
    with torch.no_grad():
        ours, theirs = model(ids), peer_of(model)(input_ids=ids).logits
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_logits_equal_transformers_in_bfloat16_within_rounding():
    model = micro_model()
    ids = ids_of(2, 100)
    with torch.no_grad():
        exact = model(ids)
        theirs = peer_of(model).to(torch.bfloat16)(input_ids=ids).logits.float()
        model.compute_dtype = torch.bfloat16
        ours = model(ids)
    our_error = (ours - exact).square().mean().sqrt()
    their_error = (theirs - exact).square().mean().sqrt()
    assert our_error < 1.2 * their_error


def test_gradients_equal_transformers_in_float32():
    model = micro_model()
    peer = peer_of(model)
    ids = ids_of(2, 200)
    model(ids).square().mean().backward()
    peer(input_ids=ids).logits.square().mean().backward()
    theirs = dict(peer.named_parameters())
    for name, weight in model.named_parameters():
        expected = theirs[hugging_face_name(name)].grad
        torch.testing.assert_close(weight.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("tokens", [1, BLOCK_TOKENS - 1, BLOCK_TOKENS, 2 * BLOCK_TOKENS + 5])
def test_blocked_attention_equals_torchs_kernel(tokens):
    generator = torch.Generator().manual_seed(tokens)
    inputs = [
        torch.randn(2, 3, tokens, 8, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in range(3)
    ]
    weight = torch.randn(2, 3, tokens, 8, generator=generator, dtype=torch.float64)
    expected = F.scaled_dot_product_attention(*inputs, is_causal=True)
    expected_gradients = torch.autograd.grad((expected * weight).sum(), inputs)
    ours = BlockedAttention.attend(*inputs)
    gradients = torch.autograd.grad((ours * weight).sum(), inputs)
    torch.testing.assert_close(ours, expected)
    for gradient, other in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, other)


def test_attention_never_looks_ahead():
    query, key, value = (torch.randn(1, 2, 200, 8) for _ in range(3))
    before = attend(query, key, value)
    key[:, :, 150:], value[:, :, 150:] = 9.0, 9.0
    assert torch.equal(attend(query, key, value)[:, :, :150], before[:, :, :150])


def test_norm_and_its_gradients_equal_torchs():
    generator = torch.Generator().manual_seed(1)
    input = torch.randn(5, 7, 16, generator=generator, requires_grad=True)
    norm = RMSNorm(16, 1e-5)
    with torch.no_grad():
        norm.weight.normal_(generator=generator)
    expected = F.rms_norm(input, (16,), norm.weight, 1e-5)
    torch.testing.assert_close(norm(input), expected)
    weight = torch.randn(5, 7, 16, generator=generator)
    ours = torch.autograd.grad((norm(input) * weight).sum(), [input, norm.weight])
    theirs = torch.autograd.grad((expected * weight).sum(), [input, norm.weight])
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("pieces", [[1] * 12, [5, 1, 6], [12]])
def test_cache_gives_the_logits_of_the_whole_sequence(pieces):
    model = micro_model()
    ids = ids_of(2, 12)
    cache = Cache(model.config, batch=2, max_tokens=12, dtype=torch.float32)
    with torch.no_grad():
        parts = [model(part, cache) for part in torch.split(ids, pieces, dim=1)]
        torch.testing.assert_close(torch.cat(parts, 1), model(ids), rtol=1e-5, atol=1e-5)


def test_weights_depend_on_the_seed_alone():
    config = ModelConfig.of(MICRO, vocabulary=100, context_tokens=8)
    models = [Transformer(config) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        model.draw_weights(seed)
    first, same, other = (model.embedding.weight for model in models)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
