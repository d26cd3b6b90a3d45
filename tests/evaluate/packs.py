"""Two small packs of our own, in the forms of the real ones."""

import hashlib
from pathlib import Path

from mapneo.sources.packs import ItemRows, load_packs

HOME = Path(__file__).parents[1] / "golden/packs"
WORDS, LAWS = HOME / "words.jsonl", HOME / "laws.csv"
WORDS_ROWS: ItemRows = load_packs()["mmlu"].rows
LAWS_ROWS: ItemRows = load_packs()["lawbench-knowledge"].rows


def recorded(path, rows, **changes):
    """A row of `packs.json` for a pack that lies at `path`."""
    row = {
        "ecosystem": "pypi",
        "package": "some-package",
        "version": "1.0",
        "archive_sha256": "0" * 64,
        "licence": "MIT",
        "publish": "text",
        "language": "en",
        "stands_for": "",
        "file": path.name,
        "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "rows": rows.model_dump(mode="json"),
        "absolute": str(path),
        "skipped": None,
    }
    return {**row, **changes}
