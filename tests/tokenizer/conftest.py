import pytest

from mapneo.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer

from .documents import documents

SMALL = TokenizerConfig(vocabulary=1200)


@pytest.fixture(scope="session")
def model_bytes():
    texts = [item["text"] for rows in documents().values() for item in rows]
    return train_tokenizer(texts, SMALL)


@pytest.fixture(scope="session")
def tokenizer(model_bytes):
    return Tokenizer(model_bytes)
