"""The published points of the Chinchilla paper, where this machine has them."""

import os
from pathlib import Path

from mapneo.scaling.points import Points
from mapneo.scaling.read import read_points

VARIABLE = "MAPNEO_CHINCHILLA_POINTS"
BESIDE = Path(__file__).parent.parent.parent / "shared" / "data" / "chinchilla_points.csv"
OUTLIERS = 5
"""The highest losses, left out as in Besiroglu et al. 2024."""
PUBLISHED = {"A": 482.01, "B": 2085.43, "E": 1.8172, "alpha": 0.3478, "beta": 0.3658}
PUBLISHED_INTERVALS = {"E": (1.769, 1.871), "alpha": (0.317, 0.373), "beta": (0.331, 0.415)}
"""Parameters and 95 % intervals of Besiroglu et al. 2024, arXiv 2404.10102."""


def chinchilla_file() -> Path | None:
    """The file that `$MAPNEO_CHINCHILLA_POINTS` names, or the one beside the checkout, or None."""
    path = Path(os.environ.get(VARIABLE) or BESIDE)
    return path if path.is_file() else None


def chinchilla_points() -> Points | None:
    """The 240 points that the replication was fitted to, or None where the file is not there."""
    path = chinchilla_file()
    return None if path is None else read_points(path).without_highest_losses(OUTLIERS)
