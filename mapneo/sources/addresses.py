"""Addresses of files: what is remote."""


def is_remote(address: str) -> bool:
    """Whether an address names something that fsspec opens, not a local path."""
    return "://" in address
