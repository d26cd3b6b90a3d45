"""Training: data order, loop, checkpoints, and the two pre-training stages.

    from mapneo.mix import read_quotas
    from mapneo.model.config import TINY
    from mapneo.train import Pretraining, TrainConfig, load_model, new_model, train

    run = Pretraining(quotas=quotas, tokens=encode_folder, output=folder, config=config)
    model = new_model(TINY, quotas)
    train(run, model)
    model = load_model(finished_stage / "model")

Names that need torch are imported when first used, so that settings can be read without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mapneo.train.config import AdamWConfig, PretrainConfig, TrainConfig

if TYPE_CHECKING:
    from mapneo.model.exchange import load_model, save_model
    from mapneo.train.pretrain import Pretraining, new_model, train

__all__ = [
    "AdamWConfig",
    "PretrainConfig",
    "Pretraining",
    "TrainConfig",
    "load_model",
    "new_model",
    "save_model",
    "train",
]

_HOMES = {
    "Pretraining": "mapneo.train.pretrain",
    "load_model": "mapneo.model.exchange",
    "new_model": "mapneo.train.pretrain",
    "save_model": "mapneo.model.exchange",
    "train": "mapneo.train.pretrain",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(_HOMES[name]), name)
