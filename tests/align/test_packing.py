import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mapneo.align.likelihood import sequence_nats
from mapneo.align.packing import PADDING, PackedBatches, epoch_order, fill_rows, pack_rows
from mapneo.align.template import Encoded
from mapneo.train.loop import accumulate_gradient
from mapneo.train.objectives import MaskedNextToken

EOD = 2


def sequences(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Encoded(
            ids=(EOD, *rng.integers(3, 300, length - 1).tolist()),
            scored=(False, *(rng.random(length - 1) < 0.6).tolist()),
        )
        for length in lengths
    ]


@given(
    st.lists(st.integers(2, 20), min_size=1, max_size=60), st.integers(20, 40), st.integers(0, 5)
)
def test_every_sequence_is_in_one_row_and_no_row_overflows(lengths, capacity, seed):
    [order] = epoch_order(len(lengths), 1, seed)
    rows = fill_rows(lengths, order, capacity)
    assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
    assert all(sum(lengths[number] for number in row) <= capacity for row in rows)


def test_epochs_are_shuffled_apart_and_the_last_may_be_a_part():
    first, second, part = epoch_order(40, 2.25, 7, "x")
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second
    assert len(part) == len(set(part)) == 10
    assert epoch_order(40, 2.25, 7, "x")[2] == part


@pytest.mark.parametrize("with_gradient", [True, False])
def test_a_packed_sequence_has_the_states_it_has_alone(model, with_gradient):
    parts = sequences([9, 30, 5, 20])
    packed = pack_rows(parts, [(0, 1), (2, 3)], row_tokens=63, pad=EOD)
    with torch.set_grad_enabled(with_gradient):
        states = model.hidden_states(packed.tokens, segments=packed.segments)
    for number, part in enumerate(parts):
        alone = model.hidden_states(torch.tensor([part.ids]))[0]
        mine = packed.segments == number
        assert torch.allclose(states[mine], alone, atol=1e-5)
    assert (packed.segments == PADDING).sum() == 2 * 64 - 64


def test_gradients_of_packed_rows_are_those_of_their_sequences(model):
    parts = sequences([9, 30, 5, 20])
    objective = MaskedNextToken()
    packed = pack_rows(parts, [(0, 1), (2, 3)], row_tokens=63, pad=EOD)
    loss, _ = accumulate_gradient(model, packed, objective, 1)
    ours = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    total, count = torch.zeros(()), 0
    for part in parts:
        ids, scored = torch.tensor(part.ids), torch.tensor(part.scored)
        logits = model(ids[None, :-1])[0]
        nats = torch.nn.functional.cross_entropy(logits, ids[1:], reduction="none")
        total = total + nats[scored[1:]].sum()
        count += int(scored[1:].sum())
    (total / count).backward()
    assert loss == pytest.approx((total / count).item(), abs=1e-5)
    for name, weight in model.named_parameters():
        assert torch.allclose(ours[name], weight.grad, atol=1e-5), name


def test_sequence_nats_are_those_of_each_alone(model):
    parts = sequences([9, 60, 5, 20, 64, 3])
    found = sequence_nats(model, parts, pad=EOD)
    for part, nats in zip(parts, found, strict=True):
        ids, scored = torch.tensor(part.ids), torch.tensor(part.scored)
        alone = torch.nn.functional.cross_entropy(
            model(ids[None, :-1])[0], ids[1:], reduction="none"
        )
        assert nats == pytest.approx(alone[scored[1:]].sum().item(), abs=1e-3)


def test_batches_are_a_function_of_the_step_and_name_what_they_hold():
    parts = sequences([9, 30, 5, 20, 40])
    batches = PackedBatches(
        sequences=parts,
        names=list("abcde"),
        rows=[(0, 1), (2, 3), (4,)],
        row_tokens=63,
        pad=EOD,
        rows_per_batch=2,
    )
    assert batches.steps == 2
    assert batches.documents(1) == ["a", "b", "c", "d"]
    assert batches.documents(2) == ["e"]
    assert torch.equal(batches.batch(2).tokens, batches.batch(2).tokens)
    assert batches.batch(2).tokens.shape == (1, 64)
