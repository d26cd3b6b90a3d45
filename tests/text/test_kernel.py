import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np

from mapneo.text import kernel as kernel_module
from mapneo.text.hashing import find_slot, mix64, salt_keys, table_size


def test_cached_code_of_another_room_state_is_not_used(tmp_path: Path):
    """A kernel is compiled again when anything in the room changes, not just its own file."""
    (tmp_path / "probe.py").write_text(
        textwrap.dedent(
            """
            import sys
            from mapneo.text import kernel
            kernel.room_stamp = lambda: sys.argv[1]
            @kernel.kernel
            def double(x):
                return x + x
            assert double(2) == 4
            print(sum(double.stats.cache_hits.values()))
            """
        )
    )
    root = str(Path(kernel_module.__file__).parents[2])

    def hits(stamp: str) -> str:
        command = [sys.executable, str(tmp_path / "probe.py"), stamp]
        environment = {"PYTHONPATH": root, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        return subprocess.check_output(command, env=environment, text=True).strip()

    assert [hits("a"), hits("a"), hits("b")] == ["0", "1", "0"]


def test_mix64_gives_the_published_values_of_splitmix64():
    # First outputs of splitmix64 with seed 0 (Vigna's reference program).
    golden = 0x9E3779B97F4A7C15
    outputs = [int(mix64(np.uint64(golden * k % 2**64))) for k in (1, 2, 3)]
    assert outputs == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_a_full_house_of_colliding_keys_is_told_apart():
    size = table_size(100)
    keys = np.zeros(size, dtype=np.uint64)
    wanted = [np.uint64(1 + size * k) for k in range(100)]
    for key in wanted:
        keys[find_slot(keys, size - 1, key)] = key
    assert len({find_slot(keys, size - 1, key) for key in wanted}) == 100


def test_salted_keys_stay_equal_or_different_and_move_when_one_key_changes():
    keys = np.array([5, 9, 5, 7], dtype=np.uint64)
    salted, other = keys.copy(), keys.copy()
    other[3] = 11
    salt_keys(salted)
    salt_keys(other)
    assert salted[0] == salted[2]
    assert len(set(salted.tolist())) == 3
    assert 0 not in salted
    assert not set(salted.tolist()) & set(other.tolist())
