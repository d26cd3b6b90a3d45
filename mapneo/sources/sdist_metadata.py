"""A build back-end that answers pip's question about an sdist without running the sdist.

To download a source archive pip asks the archive's build back-end for its metadata, which runs
code of that archive. Nothing of it is wanted here: the archive is only a container of text. So
pip is shown this file as `setuptools.build_meta` and `hatchling.build`; it hands out the
`PKG-INFO` that every sdist carries, and builds nothing. This file is read as text and copied: it
imports nothing of mapneo.

Source: PEP 517 (hooks of a build back-end), PEP 643 (PKG-INFO of an sdist).
"""

import email.parser
import sys
from pathlib import Path


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:
    """Nothing is needed to copy a file."""
    return []


def prepare_metadata_for_build_wheel(directory: str, config_settings: object = None) -> str:
    """Copy `PKG-INFO` to a dist-info folder below `directory`; returns that folder's name."""
    text = Path("PKG-INFO").read_text(encoding="utf-8", errors="replace")
    headers = email.parser.HeaderParser().parsestr(text)
    name = f"{headers['Name'].replace('-', '_')}-{headers['Version']}.dist-info"
    folder = Path(directory) / name
    folder.mkdir()
    (folder / "METADATA").write_text(text, encoding="utf-8")
    return name


__legacy__ = sys.modules[__name__]
