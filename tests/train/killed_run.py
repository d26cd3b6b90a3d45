"""Trains on the micro tokens and kills itself, for good, at a named moment.

python -m tests.train.killed_run <tokens> <output> <moment>
"""

import os
import signal
import sys
from pathlib import Path

from mapneo.model.config import MICRO
from mapneo.train import Pretraining, checkpoint, metrics, new_model, train
from tests.train.micro import micro_config, micro_quotas


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_step_7():
    write = metrics.Metrics.write

    def write_half_a_line(self, line):
        if line["step"] == 7:
            self._file.write('{"step": 7, "lo')
            self._file.flush()
            die()
        write(self, line)

    metrics.Metrics.write = write_half_a_line


def die_before_second_state():
    write_json = checkpoint.write_json

    def write_or_die(path, value):
        if value["step"] == 8:
            die()
        write_json(path, value)

    checkpoint.write_json = write_or_die


def die_after_second_rename():
    sync = checkpoint._sync

    def sync_or_die(directory):
        if (directory / "step-8").exists():
            die()
        sync(directory)

    checkpoint._sync = sync_or_die


MOMENTS = {
    "at step 7": die_at_step_7,
    "before the second state.json": die_before_second_state,
    "after the second rename": die_after_second_rename,
}

if __name__ == "__main__":
    tokens, output, moment = sys.argv[1:]
    MOMENTS[moment]()
    run = Pretraining(
        quotas=micro_quotas(), tokens=Path(tokens), output=Path(output), config=micro_config()
    )
    train(run, new_model(MICRO, run.quotas))
