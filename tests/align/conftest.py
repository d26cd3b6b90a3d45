"""Micro models are faster on one thread: threads that share cores wait for each other."""

import pytest
import torch

from mapneo.align.template import ChatTemplate
from mapneo.model.config import MICRO, ModelConfig
from mapneo.model.transformer import Transformer
from mapneo.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def tokenizer():
    text = [
        "The answer is 42. What is 1 + 2?\n",
        '{"answer": 7}\n',
        "答案是四。你好，世界。\n",
    ] * 60
    return Tokenizer(train_tokenizer(text, TokenizerConfig(vocabulary=300)))


@pytest.fixture(scope="package")
def template(tokenizer):
    return ChatTemplate(tokenizer)


@pytest.fixture
def model(tokenizer):
    made = Transformer(ModelConfig.of(MICRO, vocabulary=tokenizer.vocabulary, context_tokens=64))
    made.draw_weights(3)
    return made
