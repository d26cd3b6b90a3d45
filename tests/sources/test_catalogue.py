import pytest

from mapneo.core.errors import ConfigError
from mapneo.sources.catalogue import choose_sources, load_catalogue, parse_catalogue
from mapneo.sources.readers import READERS

ENTRY = """
[[source]]
name = "{name}"
ecosystem = "npm"
package = "p"
version = "1.0"
sha256 = "{digest}"
root = "package"
include = ["*.md"]
reader = "text"
category = "web"
licence = "MIT"
licence_class = "{licence_class}"
publish = "text"
language = "zh"
"""


def entry(name="a", licence_class="permissive", extra=""):
    return ENTRY.format(name=name, digest="0" * 64, licence_class=licence_class) + extra


def test_catalogue_that_ships_is_whole_and_honest():
    sources = load_catalogue()
    assert {source.reader for source in sources.values()} <= set(READERS)
    copyleft = ("GPL", "MPL", "GFDL", "-SA", "NC")
    for source in sources.values():
        if source.licence_class == "permissive":
            assert not any(mark in source.licence for mark in copyleft), source.name
        if source.licence_class == "noncommercial":
            assert source.publish == "never", source.name


def test_one_package_has_one_hash():
    hashes = {}
    for source in load_catalogue().values():
        key = (source.ecosystem, source.package, source.version, source.distribution)
        assert hashes.setdefault(key, source.sha256) == source.sha256, source.name


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'django-docs'"):
        choose_sources(["djngo-docs"], ["permissive"])
    with pytest.raises(ConfigError, match="known are"):
        choose_sources(["zzzzzzzz"], ["permissive"])


def test_licence_class_must_be_allowed():
    known = parse_catalogue(entry(licence_class="noncommercial"))
    with pytest.raises(ConfigError, match="a is noncommercial"):
        choose_sources(["a"], ["permissive", "share-alike"], known)
    assert choose_sources(["a", "a"], ["noncommercial"], known) == [known["a"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[source", "not valid TOML"),
        (entry() + entry(), "both named a"),
        (entry(extra="colour = 1"), "colour"),
        (entry().replace('"web"', '"webb"'), "category 'webb'"),
        (entry().replace("sha256", "# sha256"), "need a version and a sha256"),
        (entry().replace('"npm"', '"pypi"'), "distribution"),
        (entry().replace('"text"', '"json"', 1), "rows"),
        (entry(extra='distribution = "wheel"'), "distribution"),
    ],
)
def test_wrong_entry_is_named(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_catalogue(text)
