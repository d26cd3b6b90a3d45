"""Chunked loss, accumulation, optimizer groups, precision: against torch's plain forms."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mapneo.model.config import MICRO, ModelConfig
from mapneo.model.transformer import Transformer
from mapneo.train import objectives
from mapneo.train.config import AdamWConfig, MuonConfig
from mapneo.train.documents import HeldoutDocument
from mapneo.train.heldout import bits_per_byte, document_nats
from mapneo.train.loop import accumulate_gradient, train_step
from mapneo.train.machine import compute_dtype, use_threads
from mapneo.train.objectives import NextToken, cross_entropy_sum, token_nats
from mapneo.train.optim import build_optimizer
from tests.train.micro import micro_config


def micro_model(context_tokens=32):
    model = Transformer(ModelConfig.of(MICRO, vocabulary=60, context_tokens=context_tokens))
    model.draw_weights(1)
    return model


def random_ids(*shape):
    return torch.randint(3, 60, shape, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("targets", [1, 7, 8, 50])
def test_chunked_loss_and_gradients_equal_torchs_cross_entropy(monkeypatch, targets):
    monkeypatch.setattr(objectives, "CHUNK_TARGETS", 8)
    generator = torch.Generator().manual_seed(targets)
    hidden = torch.randn(targets, 12, generator=generator, requires_grad=True)
    weight = torch.randn(30, 12, generator=generator, requires_grad=True)
    wanted = torch.randint(0, 30, (targets,), generator=generator)
    ours = cross_entropy_sum(hidden, weight, wanted)
    theirs = F.cross_entropy(hidden @ weight.T, wanted, reduction="sum")
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(
        torch.autograd.grad(3 * ours, [hidden, weight]),
        torch.autograd.grad(3 * theirs, [hidden, weight]),
        rtol=1e-5,
        atol=1e-5,
    )
    nats = F.cross_entropy(hidden @ weight.T, wanted, reduction="none")
    torch.testing.assert_close(token_nats(hidden, weight, wanted), nats)


def test_chunked_loss_stays_finite_for_impossible_targets():
    hidden, weight = torch.tensor([[1000.0]]), torch.tensor([[1.0], [-1.0]])
    assert cross_entropy_sum(hidden, weight, torch.tensor([1])).item() == pytest.approx(2000.0)


@pytest.mark.parametrize("micro_batch", [1, 2, 3, 4])
def test_the_split_into_micro_batches_does_not_change_the_gradient(micro_batch):
    batch = random_ids(4, 33)
    whole, split = micro_model(), micro_model()
    expected, _ = accumulate_gradient(whole, batch, NextToken(), 4)
    loss, _ = accumulate_gradient(split, batch, NextToken(), micro_batch)
    assert loss == pytest.approx(expected, rel=1e-6)
    for one, other in zip(whole.parameters(), split.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-7)


def test_gradient_equals_that_of_the_mean_loss_over_whole_logits():
    batch = random_ids(3, 20)
    ours, plain = micro_model(), micro_model()
    loss, _ = accumulate_gradient(ours, batch, NextToken(), 3)
    expected = F.cross_entropy(plain(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-7)


def test_bfloat16_keeps_float32_weights_and_gradients_and_a_near_loss():
    batch = random_ids(4, 33)
    exact, rounded = micro_model(), micro_model()
    rounded.compute_dtype = torch.bfloat16
    expected, _ = accumulate_gradient(exact, batch, NextToken(), 4)
    loss, _ = accumulate_gradient(rounded, batch, NextToken(), 4)
    assert loss == pytest.approx(expected, rel=5e-3)
    for weight in rounded.parameters():
        assert weight.dtype == weight.grad.dtype == torch.float32


def test_matrices_decay_and_norms_do_not():
    model = micro_model()
    optimizer = build_optimizer(model, AdamWConfig(weight_decay=0.1))
    decay = {id(w): g["weight_decay"] for g in optimizer.groups for w in g["params"]}
    for name, weight in model.named_parameters():
        assert decay[id(weight)] == (0.0 if "norm" in name else 0.1)
    assert len(decay) == len(list(model.parameters()))


def test_muon_takes_the_matrices_of_the_blocks_and_adamw_the_rest():
    model = micro_model()
    muon, adamw = build_optimizer(model, MuonConfig(kind="muon")).members
    names = {id(weight): name for name, weight in model.named_parameters()}
    taken = {names[id(w)] for g in muon.param_groups for w in g["params"]}
    left = {names[id(w)] for g in adamw.param_groups for w in g["params"]}
    assert taken == {n for n in names.values() if n.startswith("blocks.") and "norm" not in n}
    assert left == set(names.values()) - taken


def test_a_muon_update_is_a_near_orthogonal_step_of_the_momentum():
    config = micro_config(max_grad_norm=1e9, optimizer=MuonConfig(kind="muon", rate_factor=1.0))
    model = micro_model()
    optimizer = build_optimizer(model, config.optimizer)
    optimizer.set_rate(0.1)
    weight = model.get_parameter("blocks.0.ffn.up.weight")
    before = weight.detach().clone()
    train_step(model, optimizer, random_ids(4, 33), NextToken(), config)
    step = (before - weight.detach()).double()
    left, sizes, right = torch.linalg.svd(weight.grad.double(), full_matrices=False)
    scale = 0.1 * max(1, weight.shape[0] / weight.shape[1]) ** 0.5
    alignment = (left.T @ step @ right.T).diagonal() / scale
    strong = sizes > 0.1 * sizes.max()
    assert ((alignment[strong] > 0.6) & (alignment[strong] < 1.3)).all()


def test_updates_equal_hand_written_adamw():
    config = micro_config(max_grad_norm=1e9)
    model, rate = micro_model(), 1e-2
    optimizer = build_optimizer(model, config.optimizer)
    optimizer.set_rate(rate)
    name = "blocks.0.ffn.up.weight"
    weight = model.get_parameter(name).detach().double()
    mean, square = torch.zeros_like(weight), torch.zeros_like(weight)
    for t in range(1, 4):
        train_step(model, optimizer, random_ids(4, 33), NextToken(), config)
        gradient = model.get_parameter(name).grad.double()
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.95 * square + 0.05 * gradient**2
        step = mean / (1 - 0.9**t) / ((square / (1 - 0.95**t)).sqrt() + 1e-8)
        weight = weight * (1 - rate * 0.1) - rate * step
    torch.testing.assert_close(
        model.get_parameter(name).detach().double(), weight, rtol=1e-5, atol=1e-6
    )


def test_long_gradients_are_cut_to_the_norm():
    model, config = micro_model(), micro_config(max_grad_norm=1e-3)
    result = train_step(
        model, build_optimizer(model, config.optimizer), random_ids(4, 33), NextToken(), config
    )
    norm = math.sqrt(sum(float(w.grad.square().sum()) for w in model.parameters()))
    assert result.grad_norm > 1e-3
    assert norm == pytest.approx(1e-3, rel=1e-3)


def heldout(tokens, group="en/web", size=10):
    language, category = group.split("/")
    return HeldoutDocument(
        doc_id="d", language=language, category=category, bytes=size, tokens=np.asarray(tokens)
    )


def test_document_nats_equal_one_document_at_a_time():
    model = micro_model(context_tokens=32)
    documents = [heldout(random_ids(n).tolist()) for n in (1, 5, 31, 32, 20)]
    nats = document_nats(model, documents, eod=2)
    for document, value in zip(documents, nats, strict=True):
        ids = torch.tensor([[2, *document.tokens.tolist()]])
        logs = torch.log_softmax(model(ids[:, :-1]), -1)
        expected = -logs.gather(2, ids[:, 1:, None]).sum()
        assert value == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("overlap", [0, 8, 31])
def test_long_documents_count_every_token_once_in_overlapping_windows(overlap):
    model = micro_model(context_tokens=32)
    ids = [2, *random_ids(75).tolist()]
    expected, done = 0.0, 0
    while done < 75:
        start = max(0, done - overlap)
        end = min(75, start + 32)
        logs = torch.log_softmax(model(torch.tensor([ids[start:end]])), -1)[0]
        expected -= sum(float(logs[n - start, ids[n + 1]].detach()) for n in range(done, end))
        done = end
    (value,) = document_nats(model, [heldout(ids[1:])], eod=2, overlap_tokens=overlap)
    assert value == pytest.approx(expected, rel=1e-5)


def test_bits_per_byte_pools_each_group():
    documents = [heldout([5], size=10), heldout([5], size=30), heldout([5], "zh/law", 2)]
    nats = np.array([10.0, 30.0, 4.0]) * math.log(2)
    assert bits_per_byte(documents, nats) == pytest.approx({"en/web": 1.0, "zh/law": 2.0})


def test_precision_is_what_was_asked_for():
    assert compute_dtype("float32") == torch.float32
    assert compute_dtype("bfloat16") == torch.bfloat16
    assert compute_dtype("auto") in {torch.float32, torch.bfloat16}


def test_threads_are_set_and_default_to_all_cores():
    before = torch.get_num_threads()
    assert use_threads(1) == torch.get_num_threads() == 1
    assert use_threads(0) >= 1
    use_threads(before)
