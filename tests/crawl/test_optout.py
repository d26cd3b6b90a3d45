import pytest

from mapneo.core.errors import ConfigError, InputError
from mapneo.sources.crawl.optout import OptOuts, read_opt_outs


@pytest.mark.parametrize(
    ("entry", "url", "listed"),
    [
        ("example.org", "http://example.org/", True),
        ("example.org", "https://www.example.org/a?b", True),
        ("example.org", "http://blog.example.org:8080/", True),
        ("example.org", "http://notexample.org/", False),
        ("*.example.org", "http://a.example.org/", True),
        ("EXAMPLE.org", "http://example.ORG/", True),
        ("例子.中国", "http://xn--fsqu00a.xn--fiqs8s/", True),
        ("example.org/people", "http://example.org/people/ann", True),
        ("example.org/people/", "https://example.org/people?x=1", True),
        ("example.org/people", "http://example.org/peopleware", False),
        ("example.org/people", "http://sub.example.org/people", False),
        ("https://example.org/%E4%BA%BA", "http://example.org/人/1", True),
        ("127.0.0.1", "http://127.0.0.1/", True),
    ],
)
def test_entries(entry, url, listed):
    assert (url in OptOuts([entry])) is listed


def test_file_with_comments(tmp_path):
    path = tmp_path / "no.txt"
    path.write_text("# people who asked\n\nexample.org  # by mail\nhttps://a.org/b\n")
    lists = read_opt_outs([path])
    assert "http://example.org/x" in lists
    assert "http://a.org/b/c" in lists
    assert "http://a.org/c" not in lists


@pytest.mark.parametrize("entry", ["two words", "/path/only", "http://"])
def test_what_names_no_host_is_refused(entry):
    with pytest.raises(ConfigError, match="opt-out list"):
        OptOuts([entry])


def test_missing_list(tmp_path):
    with pytest.raises(InputError, match=r"no\.txt"):
        read_opt_outs([tmp_path / "no.txt"])
