"""Log-likelihoods against a slow twin, and against the harness's own adapter for transformers."""

import pytest
import tokenizers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from mapneo.core.errors import DataError
from mapneo.evaluate import likelihood
from mapneo.evaluate.adapter import ModelAdapter
from mapneo.evaluate.likelihood import Likelihood, Request, likelihoods
from mapneo.model.config import ModelConfig
from mapneo.model.exchange import save_model
from mapneo.model.transformer import Transformer

EOD = 0
ALPHABET = " abcdefghijklmnopqrstuvwxyzABCD.:\n"
CONTEXT = 48


@pytest.fixture(scope="module")
def model():
    config = ModelConfig(
        layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn=48, init_std=0.3,
        vocabulary=len(ALPHABET) + 2, context_tokens=CONTEXT,
    )  # fmt: skip
    model = Transformer(config)
    model.draw_weights(3)
    return model


class Letters:
    """One id per letter; counts how often a text is read."""

    def encode_batch(self, texts):
        return [[ALPHABET.index(letter) + 2 for letter in text] for text in texts]


@torch.no_grad()
def slow(model, request):
    """One forward a request, softmax over everything."""
    ids = torch.tensor([request.context + request.continuation])
    table = torch.log_softmax(model(ids[:, :-1])[0], dim=-1)
    places = range(len(request.context), ids.shape[1])
    return Likelihood(
        log_prob=sum(float(table[place - 1, ids[0, place]]) for place in places),
        is_greedy=all(int(table[place - 1].argmax()) == ids[0, place] for place in places),
    )


def check(model, requests):
    for ours, request in zip(likelihoods(model, requests), requests, strict=True):
        theirs = slow(model, request)
        assert ours.log_prob == pytest.approx(theirs.log_prob, abs=1e-4)
        assert ours.is_greedy == theirs.is_greedy


ids = st.integers(0, len(ALPHABET) + 1)
requests = st.builds(
    lambda context, continuation: Request(context=tuple(context), continuation=tuple(continuation)),
    st.lists(ids, min_size=1, max_size=30),
    st.lists(ids, min_size=1, max_size=5),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(requests, min_size=1, max_size=12))
def test_equals_one_forward_per_request(model, asked):
    check(model, asked)


def test_rows_that_share_a_prefix_or_differ_in_where_the_context_ends(model, monkeypatch):
    monkeypatch.setattr(likelihood, "BATCH_TOKENS", 30)
    question = (0, 5, 6, 7, 8)
    check(
        model,
        [
            *(Request(context=question, continuation=(letter,)) for letter in range(29, 33)),
            Request(context=question, continuation=(9, 10, 29)),
            Request(context=(*question, 9), continuation=(10, 29)),
            Request(context=(*question, 9, 10), continuation=(29,)),
            Request(context=(0,) * CONTEXT, continuation=(1,)),
        ],
    )


def test_the_likeliest_continuation_is_greedy(model):
    with torch.no_grad():
        best = int(model(torch.tensor([[0, 4, 4]]))[0, -1].argmax())
    first, second = likelihoods(
        model,
        [
            Request(context=(0, 4, 4), continuation=(best,)),
            Request(context=(0, 4, 4), continuation=(best - 1,)),
        ],
    )
    assert first.is_greedy
    assert not second.is_greedy
    assert first.log_prob > second.log_prob


def test_a_model_reads_a_question_once_whatever_the_number_of_options(model, monkeypatch):
    read = []
    real = model.hidden_states
    monkeypatch.setattr(model, "hidden_states", lambda ids: read.append(len(ids)) or real(ids))
    question = (0, 5, 6, 7)
    likelihoods(model, [Request(context=question, continuation=(n,)) for n in range(20)])
    assert read == [1]


@pytest.mark.parametrize("request_", [((), (1,)), ((1,), ())])
def test_an_empty_side_is_refused(model, request_):
    context, continuation = request_
    with pytest.raises(DataError, match="at least one token"):
        likelihoods(model, [Request(context=context, continuation=continuation)])


def test_a_request_that_does_not_fit_is_refused_and_the_adapter_knows_before(model):
    adapter = ModelAdapter(model, Letters(), eod=EOD)
    longest = "a" * (CONTEXT - 1)
    assert adapter.fits((longest, "b"))
    assert not adapter.fits((longest, "bc"))
    adapter.loglikelihood([instance(longest, "b")])
    with pytest.raises(DataError, match="49 tokens does not fit into the model's context of 48"):
        adapter.loglikelihood([instance(longest, "bc")])


def instance(context, continuation):
    return Instance(request_type="loglikelihood", doc={}, arguments=(context, continuation), idx=0)


def test_what_the_adapter_cant_do_is_said(model):
    adapter = ModelAdapter(model, Letters(), eod=EOD)
    for method in (adapter.generate_until, adapter.loglikelihood_rolling):
        with pytest.raises(NotImplementedError, match=f"{method.__name__} requests, only"):
            method([])


class Merging:
    """Joins `b` and a blank behind it, as a tokenizer may over the end of a context."""

    def encode_batch(self, texts):
        return [[ord(letter) % 30 for letter in text.replace("b ", "#")] for text in texts]


def test_a_tokenizer_that_joins_context_and_continuation_leaves_the_context_as_it_is(model):
    adapter = ModelAdapter(model, Merging(), eod=EOD)
    joined, plain = adapter.requests([("ab", " c"), ("ab", "c")])
    assert joined.context == plain.context == (EOD, ord("a") % 30, ord("b") % 30)
    assert joined.continuation == (ord(" ") % 30, ord("c") % 30)


def test_equals_the_harness_with_transformers(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    save_model(model, tmp_path, eod=EOD)
    vocabulary = {"<s>": EOD, "?": 1, **{letter: n for n, letter in enumerate(ALPHABET, 2)}}
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")
    words.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", EOD)])
    peer = HFLM(
        pretrained=AutoModelForCausalLM.from_pretrained(tmp_path),
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=words, bos_token="<s>", eos_token="<s>", pad_token="<s>"
        ),
        add_bos_token=True,
        device="cpu",
        batch_size=3,
    )
    question = "which is a colour.\nA. run\nB. blue\nanswer:"
    asked = [instance(question, f" {letter}") for letter in "ABCD"]
    asked += [instance("a short one:", " a long answer."), instance("a", "b")]
    theirs = peer.loglikelihood(asked, disable_tqdm=True)
    ours = ModelAdapter(model, Letters(), eod=EOD).loglikelihood(asked)
    for (our_log_prob, our_greedy), (their_log_prob, their_greedy) in zip(
        ours, theirs, strict=True
    ):
        assert our_log_prob == pytest.approx(their_log_prob, abs=1e-4)
        assert our_greedy == their_greedy
