"""Many continuations at once are those of each alone."""

import torch

from mapneo.model.generate import Sampling, generate, generate_many, stream
from tests.model.test_transformer import micro_model

PROMPTS = [[5, 17, 3], [9], [1, 2, 3], [8, 8], [30, 31, 32], [7]]


def test_each_gets_what_it_gets_alone_greedy_and_sampled():
    model = micro_model()
    for temperature in (0.0, 1.3):
        many = generate_many(
            model,
            PROMPTS,
            Sampling(max_new_tokens=12, temperature=temperature),
            seeds=[100 + n for n in range(len(PROMPTS))],
            batch=2,
        )
        for number, prompt in enumerate(PROMPTS):
            sampling = Sampling(max_new_tokens=12, temperature=temperature, seed=100 + number)
            assert many[number] == generate(model, prompt, sampling)


def test_rows_end_apart_at_any_of_the_stop_ids():
    model = micro_model()
    whole = generate_many(model, PROMPTS, Sampling(max_new_tokens=20), seeds=[0] * 6)
    stop = (whole[0][4], whole[2][9])
    found = generate_many(model, PROMPTS, Sampling(max_new_tokens=20), seeds=[0] * 6, stop=stop)
    for full, cut in zip(whole, found, strict=True):
        ends = [full.index(token) for token in stop if token in full]
        assert cut == full[: min(ends, default=20)]


def test_a_stream_gives_the_same_ids_one_by_one():
    model = micro_model()
    sampling = Sampling(max_new_tokens=9, temperature=0.7, seed=3)
    steps = stream(model, [5, 6], sampling)
    assert [next(steps) for _ in range(3)] == generate(model, [5, 6], sampling)[:3]


def test_sampled_frequencies_are_the_model_s_probabilities():
    model = micro_model()
    draws = 4000
    sampling = Sampling(max_new_tokens=1, temperature=1.0)
    found = generate_many(model, [[5, 6]] * draws, sampling, seeds=range(draws), batch=500)
    counts = torch.bincount(torch.tensor(found).flatten(), minlength=model.config.vocabulary)
    with torch.no_grad():
        expected = model(torch.tensor([[5, 6]]))[0, -1].softmax(-1)
    # Total variation distance of an exact sampler is about sqrt(V / (2 pi n)) here.
    assert float((counts / draws - expected).abs().sum() / 2) < 0.12
