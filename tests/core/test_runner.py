import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mapneo.core.errors import LockError, ManifestError
from mapneo.core.lock import exclusive
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run

from .toy import Square, SquareConfig, Sum, SumConfig, Watch, WatchConfig, total


def run(directory: Path, *stages, seed: int = 1) -> dict[str, str]:
    job = Run(directory=directory, seed=seed, workers=2)
    steps = list(job.execute(stages, progress=lambda step: QuietProgress()))
    return {step.stage.name: step.state for step in steps}


def chain(**settings: int) -> tuple[Square, Sum]:
    sums = {k: settings.pop(k) for k in ("sign", "round_to") if k in settings}
    return Square(SquareConfig(**settings)), Sum(SumConfig(**sums))


def test_a_second_run_does_nothing(tmp_path):
    assert run(tmp_path, *chain()) == {"square": "run", "sum": "run"}
    assert run(tmp_path, *chain()) == {"square": "done", "sum": "done"}
    assert total(tmp_path / "sum") == sum(n * n for n in range(40))


def test_a_changed_setting_runs_what_depends_on_it_and_is_named(tmp_path):
    run(tmp_path, *chain())
    job = Run(directory=tmp_path, seed=1, workers=1)
    square, sums = job.plan(chain(power=3))
    assert square.reasons == ("square.power: 2 → 3",)
    assert (square.state, sums.state) == ("run", "waits")
    square, sums = job.plan(chain(sign=-1))
    assert (square.state, sums.state) == ("done", "run")
    assert run(tmp_path, *chain(sign=-1)) == {"square": "done", "sum": "run"}
    assert total(tmp_path / "sum") < 0


def test_equal_contents_do_not_wake_the_stages_behind(tmp_path):
    run(tmp_path, *chain())
    assert run(tmp_path, Square(SquareConfig(pool="processes")), chain()[1]) == {
        "square": "run",
        "sum": "done",
    }


def test_fewer_shards_leave_no_file_of_the_old_run(tmp_path):
    run(tmp_path, *chain(shards=4))
    run(tmp_path, *chain(shards=2))
    names = sorted(p.name for p in (tmp_path / "square").rglob("*") if p.is_file())
    assert names == ["manifest.json", "s-0.json", "s-0.parquet", "s-1.json", "s-1.parquet"]
    assert total(tmp_path / "sum") == sum(n * n for n in range(20))


class Clock(Sum):
    name = "clock"
    reads_manifests = True


def test_a_stage_that_shows_manifests_follows_a_new_one_of_equal_contents(tmp_path):
    clock = Clock(SumConfig())
    run(tmp_path, *chain(), clock)
    assert run(tmp_path, *chain(), clock)["clock"] == "done"
    (tmp_path / "square/squares/s-1.parquet").unlink()
    states = run(tmp_path, *chain(), clock)
    assert states == {"square": "run", "sum": "done", "clock": "run"}


def test_a_removed_output_is_made_again(tmp_path):
    run(tmp_path, *chain())
    (tmp_path / "square/squares/s-1.parquet").unlink()
    step = Run(directory=tmp_path, seed=1, workers=1).plan(chain())[0]
    assert "squares/s-1.parquet" in step.reasons[0]
    assert run(tmp_path, *chain()) == {"square": "run", "sum": "done"}


def test_a_torn_manifest_is_a_clear_error(tmp_path):
    run(tmp_path, *chain())
    (tmp_path / "sum/manifest.json").write_text('{"stage": "sum"}')
    with pytest.raises(ManifestError, match="sum/manifest.json"):
        run(tmp_path, *chain())


def test_changed_files_outside_the_run_are_noticed(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    watch = Watch(WatchConfig(folder=str(folder)))
    assert run(tmp_path / "r", watch) == {"watch": "run"}
    assert run(tmp_path / "r", watch) == {"watch": "done"}
    (folder / "new").touch()
    assert run(tmp_path / "r", watch) == {"watch": "run"}


def test_another_seed_runs_everything(tmp_path):
    run(tmp_path, *chain())
    assert run(tmp_path, *chain(), seed=2)["square"] == "run"


HOLD = """
import sys, time
from pathlib import Path
from mapneo.core.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_can_not_write_one_directory_and_a_killed_holder_frees_it(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LockError, match=str(holder.pid)), exclusive(tmp_path):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    deadline = time.monotonic() + 5
    while True:
        try:
            with exclusive(tmp_path):
                break
        except LockError:
            assert time.monotonic() < deadline
