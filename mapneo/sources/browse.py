"""What `mapneo fetch` shows and does: the catalogue, the cache, and fetching by name."""

from collections.abc import Sequence

from mapneo.core.cache import cache_directory
from mapneo.core.canonical import Json
from mapneo.core.errors import ConfigError
from mapneo.sources.cache import cache_use, clear_cache
from mapneo.sources.catalogue import LicenceClass, choose_sources, load_catalogue
from mapneo.sources.clients import NotOfferedError
from mapneo.sources.fetch import fetch_source
from mapneo.sources.forms import load_open_sets
from mapneo.sources.packs import fetch_pack, load_packs

EVERY_CLASS: tuple[LicenceClass, ...] = ("permissive", "share-alike", "noncommercial")


def rows(names: Sequence[str], *, listing: bool, cache: bool, clear: bool) -> list[dict[str, Json]]:
    """Do what was asked and give rows to print.

    Raises:
        ConfigError: nothing was asked, or a name is not in the catalogue.
        FetchError: a package can't be had.
    """
    if listing:
        return _catalogue_rows()
    if clear:
        clear_cache(cache_directory())
        return _cache_rows()
    if cache:
        return _cache_rows()
    if not names:
        raise ConfigError("name a source, or use --list to see them, --cache to see the cache")
    return [_fetch(name) for name in names]


def _catalogue_rows() -> list[dict[str, Json]]:
    return (
        [
            {
                "source": source.name,
                "from": f"{source.ecosystem} {source.package}",
                "category": source.category,
                "licence": source.licence,
                "class": source.licence_class,
                "publish": source.publish,
            }
            for source in load_catalogue().values()
        ]
        + [
            {
                "source": pack.name,
                "from": f"{pack.ecosystem} {pack.package}",
                "category": "pack",
                "licence": pack.licence,
                "class": "evaluation",
                "publish": pack.publish,
            }
            for pack in load_packs().values()
        ]
        + [
            {
                "source": f"form {known.name}",
                "from": f"open set {known.title}",
                "category": known.category,
                "licence": known.licence,
                "class": known.licence_class,
                "publish": known.publish,
            }
            for known in load_open_sets().values()
        ]
    )


def _cache_rows() -> list[dict[str, Json]]:
    cache = cache_directory()
    uses = cache_use(cache)
    total = {
        "path": str(cache),
        "files": sum(use.files for use in uses),
        "bytes": sum(use.size_bytes for use in uses),
    }
    parts = [{"path": use.relative, "files": use.files, "bytes": use.size_bytes} for use in uses]
    return [*parts, total]


def _fetch(name: str) -> dict[str, Json]:
    if name in load_packs():
        return _fetch_pack(name)
    [source] = choose_sources([name], EVERY_CLASS)
    try:
        unpacked = fetch_source(source, cache_directory())
    except NotOfferedError as error:
        return {"source": name, "version": None, "files": 0, "bytes": 0, "state": str(error)}
    size = sum(file.size_bytes for file in unpacked.files)
    return {
        "source": name,
        "version": unpacked.version,
        "files": len(unpacked.files),
        "bytes": size,
        "state": "in the cache",
    }


def _fetch_pack(name: str) -> dict[str, Json]:
    pack = load_packs()[name]
    try:
        size = fetch_pack(pack, cache_directory()).stat().st_size
    except NotOfferedError as error:
        return {"source": name, "version": None, "files": 0, "bytes": 0, "state": str(error)}
    return {
        "source": name,
        "version": pack.version,
        "files": 1,
        "bytes": size,
        "state": "in the cache",
    }
