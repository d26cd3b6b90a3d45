"""Our own points: a known law with noise. `python -m tests.golden.scaling_points` writes them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from mapneo.scaling.laws import Chinchilla
from mapneo.scaling.points import Points
from mapneo.scaling.simulate import CHINCHILLA, simulate

FILE = Path(__file__).parent / "scaling" / "points.csv"
NOISE = 0.004


def points() -> Points:
    """48 runs: six sizes on eight token counts."""
    return simulate(
        Chinchilla(),
        CHINCHILLA,
        sizes=np.geomspace(5e7, 5e9, 6),
        tokens=np.geomspace(1e9, 2e11, 8),
        noise=NOISE,
        seed=20,
    )


def table() -> pa.Table:
    made = points()
    # Six digits, as such tables are published: enough, and the same on every machine.
    columns = {
        "parameters": made.parameters,
        "tokens": made.tokens,
        "loss": made.loss,
    }
    return pa.table({k: [float(f"{v:.6g}") for v in values] for k, values in columns.items()})


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    pyarrow.csv.write_csv(table(), FILE)
