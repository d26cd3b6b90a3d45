r"""Text to tokens without loss: train, check, encode.

>>> text = ["if x:\n    return 1\n", "你好，世界。\n"] * 50
>>> tokenizer = Tokenizer(train_tokenizer(text, TokenizerConfig(vocabulary=284)))
>>> tokenizer.decode(tokenizer.encode("\tif ▁:\r\n")) == "\tif ▁:\r\n"
True
>>> check, _ = check_tokenizer(tokenizer, heldout=[], seed=1)
>>> check.is_lossless
True
"""

from mapneo.tokenizer.check import Check, CompressionRow, check_tokenizer
from mapneo.tokenizer.config import EncodeConfig, SampleWeight, TokenizerConfig
from mapneo.tokenizer.lossless import escape, restore
from mapneo.tokenizer.tokenizer import Tokenizer
from mapneo.tokenizer.train import train_tokenizer

__all__ = [
    "Check",
    "CompressionRow",
    "EncodeConfig",
    "SampleWeight",
    "Tokenizer",
    "TokenizerConfig",
    "check_tokenizer",
    "escape",
    "restore",
    "train_tokenizer",
]
