"""Train until the first checkpoint does not fit on the disk; test_resume gives it a small one."""

import sys
from pathlib import Path

from mapneo.core.errors import StorageError
from mapneo.model.config import MICRO
from mapneo.train import Pretraining, new_model, train
from tests.train.micro import micro_config, micro_quotas


def main(tokens: Path, output: Path) -> str | None:
    """None if all is well, else what is not."""
    run = Pretraining(
        quotas=micro_quotas(), tokens=tokens, output=output / "out", config=micro_config()
    )
    try:
        train(run, new_model(MICRO, run.quotas))
    except StorageError as error:
        left = [p.name for p in (output / "out" / "checkpoints").iterdir()]
        return None if "no space left" in str(error) and left == [] else f"{error} {left}"
    return "the checkpoint fitted: make the disk smaller"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
