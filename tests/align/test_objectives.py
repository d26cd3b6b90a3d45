"""Pair objectives against the formulas written out, and against transformers."""

import math

import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

from mapneo.align.objectives import BradleyTerry, DirectPreference, answer_nats
from mapneo.align.pairs import PairRows, stack_pairs
from mapneo.align.template import Encoded
from mapneo.model.exchange import load_reward_model, save_model
from mapneo.model.reward import RewardModel
from mapneo.train.loop import accumulate_gradient
from mapneo.train.objectives import target_nats, token_nats

EOD = 2


def encoded(prompt, answer):
    return Encoded(ids=(*prompt, *answer), scored=(False,) * len(prompt) + (True,) * len(answer))


PAIRS = [
    (encoded((2, 5, 6), (7, 8, 9, EOD)), encoded((2, 5, 6), (10, EOD))),
    (encoded((2, 11), (12, EOD)), encoded((2, 11), (13, 14, 15, 16, 17))),
    (encoded((2, 20, 21, 22), (23,)), encoded((2, 20, 21, 22), (24, 25))),
    (encoded((2, 30), (31, 32)), encoded((2, 30), (33, 34))),
]
REFERENCE = [(20.0, 11.0), (11.5, 30.0), (6.0, 11.0), (12.0, 11.0)]


def rows(numbers=range(4)):
    return stack_pairs([PAIRS[n] for n in numbers], [REFERENCE[n] for n in numbers], pad=EOD)


@torch.no_grad()
def alone(model, sequence):
    """-log p of the scored tokens of one unpadded sequence."""
    logits = model(torch.tensor([sequence.ids[:-1]]))[0].log_softmax(-1)
    places = [n for n, scored in enumerate(sequence.scored) if scored]
    return -sum(logits[n - 1, sequence.ids[n]] for n in places)


def test_answer_nats_count_the_answer_only_and_padding_changes_nothing(model):
    found = answer_nats(model, rows()).detach()
    for pair, nats in zip(PAIRS, found, strict=True):
        for side, value in zip(pair, nats, strict=True):
            assert float(value) == pytest.approx(alone(model, side).item(), abs=1e-4)


def test_dpo_is_the_formula_of_the_paper(model):
    terms = DirectPreference(0.3).terms(model, rows())
    losses, margins = [], []
    for (chosen, rejected), (ref_chosen, ref_rejected) in zip(PAIRS, REFERENCE, strict=True):
        better = ref_chosen - float(alone(model, chosen))
        worse = ref_rejected - float(alone(model, rejected))
        margins.append(0.3 * (better - worse))
        losses.append(-math.log(1 / (1 + math.exp(-margins[-1]))))
    assert terms.loss.item() == pytest.approx(sum(losses), abs=1e-4)
    assert terms.sums["margin"] == pytest.approx(sum(margins), abs=1e-4)
    assert terms.sums["accuracy"] == sum(m > 0 for m in margins)
    assert terms.sums["margin"] == pytest.approx(
        terms.sums["chosen_reward"] - terms.sums["rejected_reward"], abs=1e-4
    )


def test_at_the_reference_itself_the_dpo_loss_is_log_2(model):
    batch = rows()
    with torch.no_grad():
        reference = answer_nats(model, batch).double()
    same = PairRows(**{**vars(batch), "reference": reference})
    loss, means = accumulate_gradient(model, same, DirectPreference(0.1), 4)
    assert loss == pytest.approx(math.log(2), abs=1e-6)
    assert means["margin"] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("split", [1, 2, 3])
@pytest.mark.parametrize("kind", ["dpo", "reward"])
def test_the_split_of_an_update_changes_nothing(model, kind, split):
    objective = DirectPreference(0.3) if kind == "dpo" else BradleyTerry()
    trained = model if kind == "dpo" else reward_model(model)
    whole = accumulate_gradient(trained, rows(), objective, 4)
    expected = {n: w.grad.clone() for n, w in trained.named_parameters() if w.grad is not None}
    trained.zero_grad()
    parts = accumulate_gradient(trained, rows(), objective, split)
    assert parts[0] == pytest.approx(whole[0], abs=1e-6)
    assert parts[1] == pytest.approx(whole[1], abs=1e-5)
    for name, weight in trained.named_parameters():
        if weight.grad is not None:
            assert torch.allclose(weight.grad, expected[name], atol=1e-6), name


def reward_model(model):
    made = RewardModel(model.config)
    made.start_from(model, seed=5)
    return made


def test_a_reward_model_starts_from_the_policy_and_its_score_from_the_seed(model):
    made, again = reward_model(model), reward_model(model)
    assert torch.equal(made.embedding.weight, model.embedding.weight)
    assert torch.equal(made.score.weight, again.score.weight)
    ids = torch.tensor([[2, 5, 6, 7]])
    assert torch.equal(made.hidden_states(ids), model.hidden_states(ids))


def test_padding_that_is_also_the_end_token_does_not_move_the_score(model):
    made = reward_model(model)
    sequence = [2, 5, EOD, 7, EOD]
    plain = made(torch.tensor([sequence]), torch.tensor([4]))
    padded = made(torch.tensor([sequence + [EOD] * 9]), torch.tensor([4]))
    assert torch.allclose(plain, padded, atol=1e-6)


def test_bradley_terry_is_the_formula(model):
    made = reward_model(model)
    terms = BradleyTerry().terms(made, rows())
    expected = 0.0
    for pair in PAIRS:
        better, worse = (
            made(torch.tensor([side.ids]), torch.tensor([len(side.ids) - 1])).item()
            for side in pair
        )
        expected += math.log(1 + math.exp(worse - better))
    assert terms.loss.item() == pytest.approx(expected, abs=1e-4)


def test_the_exported_reward_model_scores_alike_in_transformers(model, tmp_path):
    made = reward_model(model)
    save_model(made, tmp_path, eod=EOD)
    assert torch.equal(load_reward_model(tmp_path).score.weight, made.score.weight)
    config = LlamaConfig.from_pretrained(tmp_path)
    theirs = LlamaForSequenceClassification.from_pretrained(tmp_path, config=config)
    ids = torch.tensor([[2, 5, 6, 7, 9], [2, 8, 9, 10, 11]])
    ours = made(ids, torch.tensor([4, 4]))
    assert theirs.config.num_labels == 1
    assert torch.allclose(theirs(ids).logits.squeeze(-1), ours, atol=1e-5)


def test_target_nats_has_the_values_of_token_nats_and_a_gradient():
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(2100, 8, generator=generator, requires_grad=True)
    weight = torch.randn(50, 8, generator=generator)
    targets = torch.randint(0, 50, (2100,), generator=generator)
    found = target_nats(hidden, weight, targets)
    assert torch.allclose(found, token_nats(hidden, weight, targets), atol=1e-4)
    weights = torch.rand(2100, generator=generator)
    (found * weights).sum().backward()
    mine, hidden.grad = hidden.grad, None
    expected = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="none")
    (expected * weights).sum().backward()
    assert torch.allclose(mine, hidden.grad, atol=1e-5)
