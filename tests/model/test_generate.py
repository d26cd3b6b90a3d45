"""Continuations: against recomputing the whole sequence, and the same every time."""

import pytest
import torch

from mapneo.model.generate import Sampling, generate
from tests.model.test_transformer import micro_model


def test_greedy_continuation_equals_recomputing_everything():
    model = micro_model()
    ids = [5, 17, 3]
    expected = list(ids)
    with torch.no_grad():
        for _ in range(20):
            expected.append(int(model(torch.tensor([expected]))[0, -1].argmax()))
    assert generate(model, ids, Sampling(max_new_tokens=20)) == expected[3:]


def test_sampling_repeats_with_the_seed_and_differs_without():
    model = micro_model()
    settings = [Sampling(max_new_tokens=30, temperature=1.0, seed=seed) for seed in (1, 1, 2)]
    first, same, other = (generate(model, [5], each) for each in settings)
    assert first == same
    assert first != other


def test_generation_ends_at_the_stop_token_and_at_the_context():
    model = micro_model(context_tokens=48)
    whole = generate(model, [5], Sampling(max_new_tokens=1000))
    assert len(whole) == model.config.context_tokens - 1
    stop = whole[7]
    assert (
        generate(model, [5], Sampling(max_new_tokens=50), stop=stop) == whole[: whole.index(stop)]
    )


def test_padding_rows_are_never_chosen():
    model = micro_model()
    sampling = Sampling(max_new_tokens=40, temperature=50.0)
    assert max(generate(model, [5], sampling)) >= 10
    assert max(generate(model, [5], sampling, vocabulary=10)) < 10


@pytest.mark.parametrize("length", [0, 300])
def test_empty_and_overlong_prompts_are_refused(length):
    with pytest.raises(ValueError, match="1 to 299 tokens"):
        generate(micro_model(), [5] * length, Sampling())
