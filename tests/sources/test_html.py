import gzip
import time

import pytest

from mapneo.core.errors import ConfigError
from mapneo.sources import html_peer
from mapneo.sources.documents import BrokenFileError, ReadOptions
from mapneo.sources.html import html_document, looks_like_html

PROSE = "A paragraph of real prose, long enough to be taken for content by any heuristic. "
SIMPLE = "为了保护专利权人的合法权益，鼓励发明创造，推动发明创造的应用，提高创新能力，制定本法。"
TRADITIONAL = (
    "為了保護專利權人的合法權益，鼓勵發明創造，推動發明創造的應用，提高創新能力，制定本法。"
)
JAPANESE = "この文書は日本語で書かれています。試験のための文章です。東京は日本の首都です。"
KOREAN = "이 문서는 한국어로 쓰여 있습니다. 시험을 위한 문장입니다. 서울은 한국의 수도입니다."


def page(body, head="", attributes=""):
    return (
        f"<!doctype html><html {attributes}><head><title>T</title>{head}</head>"
        f"<body><main><p>{PROSE}</p>{body}</main></body></html>"
    )


def read(html, options=None, **said):
    data = html if isinstance(html, bytes) else html.encode()
    return html_document(data, options or ReadOptions(), **said)


def text_of(body, **options):
    return read(page(body), ReadOptions(**options)).text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('Let <script type="math/tex">x^2</script> be.', "Let $x^2$ be."),
        ('<script type="math/tex; mode=display">\\sum x</script>', "$$\\sum x$$"),
        ('<script type="math/tex">% <![CDATA[\na < b %]]></script>', "$a < b$"),
        (
            "on <math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x_1"
            "</annotation></semantics></math> we",
            "on $x_1$ we",
        ),
        ('<math alttext="\\frac{a}{b}" display="block"><mi>a</mi></math>', "$$\\frac{a}{b}$$"),
        (
            'a <span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi>'
            '<annotation encoding="application/x-tex">\\alpha</annotation></semantics>'
            '</math></span><span class="katex-html" aria-hidden="true">αα</span></span> b',
            "a $\\alpha$ b",
        ),
        (
            '<span class="katex-display"><span class="katex"><math><annotation encoding='
            '"application/x-tex">E=mc^2</annotation></math></span></span>',
            "$$E=mc^2$$",
        ),
        (
            'w <span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: '
            'none;"><math alttext="{\\displaystyle n!}"><annotation encoding="application/x-tex">'
            '{\\displaystyle n!}</annotation></math></span><img class="mwe-math-fallback-image-'
            'inline" alt="{\\displaystyle n!}"></span> x',
            "w $n!$ x",
        ),
        ('by <img class="math" src="a.png" alt="\\pi r^2"> so', "by $\\pi r^2$ so"),
        ('<div class="math"><img src="a.png" alt="\\int f"></div>', "$$\\int f$$"),
        ('see <img class="latex" alt="$e^x$"> here', "see $e^x$ here"),
        (
            'q <span class="MathJax_Preview">p</span><span class="MathJax"><nobr>x2</nobr></span>'
            '<script type="math/tex">x^2</script> r',
            "q $x^2$ r",
        ),
    ],
)
def test_mathematics_comes_back_as_tex(body, expected):
    assert text_of(f"<p>{body}</p>").replace(PROSE.strip(), "").strip() == expected


def test_an_image_that_is_no_formula_is_silent_but_its_caption_is_not():
    body = "<figure><img src=a alt='a cat'><figcaption>Figure 1: a cat</figcaption></figure>"
    assert text_of(body).replace(PROSE.strip(), "").strip() == "Figure 1: a cat"


TABLE = (
    "<table><caption>Sizes</caption><tr><th>name<th>bytes</tr><tr><td>a|b<td>12</tr>"
    "<tr><td>c</tr></table>"
)


def test_tables_are_lines_or_markdown():
    assert "name\t\tbytes\na|b\t\t12" in text_of(TABLE)
    lines = text_of(TABLE, tables="markdown").splitlines()
    start = lines.index("Sizes")
    found = [line for line in lines[start + 1 :] if line]
    assert found == ["| name | bytes |", "| --- | --- |", "| a\\|b | 12 |", "| c |  |"]


def test_tables_that_lay_out_a_page_are_no_markdown():
    layout = "<table><tr><td><ul><li>menu</ul><td><p>text</p></tr><tr><td>x<td>y</tr></table>"
    assert "|" not in text_of(layout, tables="markdown")


def test_code_keeps_its_lines_and_may_be_fenced():
    code = "<div class='highlight-python'><pre>def f():\n    return 1</pre></div>"
    assert "def f():\n    return 1" in text_of(code)
    assert "```python\ndef f():\n    return 1\n```" in text_of(code, code="fenced")
    assert "````\na ``` b\n````" in text_of("<pre>a ``` b</pre>", code="fenced")
    inside = "<pre><code class='language-rust'>fn main() {}</code></pre>"
    assert "```rust\nfn main() {}\n```" in text_of(inside, code="fenced")


def test_what_a_page_says_of_itself_is_metadata():
    head = (
        '<link rel="canonical" href="https://example.org/a"><meta http-equiv="Content-Language" '
        'content="zh-CN, en"><meta property="og:locale" content="zh_TW"><link rel="license" '
        'href="/terms"><meta name="DC.rights" content="CC BY 4.0">'
    )
    body = (
        '<a rel="nofollow license" href="https://creativecommons.org/licenses/by/4.0/">x</a>'
        '<a href="https://creativecommons.org/">about</a>'
    )
    found = read(page(body, head, 'lang="zh-Hans"'), languages="fr")
    assert found.url == "https://example.org/a"
    assert found.meta["language_hints"] == ["fr", "zh-hans", "zh-cn", "en", "zh-tw"]
    assert found.meta["licence_links"] == [
        "https://creativecommons.org/licenses/by/4.0/", "https://example.org/terms", "CC BY 4.0",
    ]  # fmt: skip
    plain = read(page("", "<meta name=description content=x>")).meta
    assert not {"language_hints", "licence_links"} & set(plain)


@pytest.mark.parametrize("declared", ["", "utf-8", "iso-8859-1", "gb2312", "big5", "shift_jis"])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gbk", SIMPLE), ("gb18030", SIMPLE + "𠮷"), ("big5", TRADITIONAL), ("euc_jp", JAPANESE),
        ("shift_jis", JAPANESE), ("euc_kr", KOREAN), ("utf-16", SIMPLE), ("utf-16-le", SIMPLE),
        ("utf-8", SIMPLE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["page", "server"])
def test_pages_are_read_whatever_they_or_the_server_say(encoding, text, declared, where):
    head = f"<meta charset={declared}>" if declared and where == "page" else ""
    html = page(f"<p>{text * 8}</p>", head).encode(encoding)
    found = read(html, charset=declared or None if where == "server" else None)
    assert text * 8 in found.text


def test_clutter_in_the_main_element_goes_but_not_a_wrapper_of_the_text():
    body = (
        "<div class='related-links'><p>Other page</p></div><div class='social-bar'>Tweet</div>"
        "<div class='post promoted'><p>Kept</p></div>"
    )
    text = text_of(body)
    assert "Kept" in text
    assert "Other page" not in text
    assert "Tweet" not in text
    whole = f"<html><body><main class='x related-y'><p>{PROSE * 5}</p></main></body></html>"
    assert PROSE.strip() in read(whole).text
    wrapped = (
        f"<html><body><main><div class='related'><p>{PROSE * 5}</p></div></main></body></html>"
    )
    assert PROSE.strip() in read(wrapped).text


def test_the_headline_above_the_main_element_is_kept_if_it_is_the_pages():
    def html(heading):
        return (
            f"<html><head><title>News today - Site</title></head><body><h1>{heading}</h1>"
            f"<article><p>{PROSE * 3}</p></article></body></html>"
        )

    assert read(html("News today")).text.startswith("News today\n\n")
    assert "Site of sites" not in read(html("Site of sites")).text


def test_thousands_of_formulas_links_and_headings_take_no_time():
    many = (
        '<a class=headerlink href=#>¶</a><script type="math/tex">x</script>'
        "<a rel=license href=/l>l</a><h1>h</h1><math alttext=y></math>"
    )
    start = time.process_time()
    found = read(page(many * 1500))
    assert time.process_time() - start < 20
    assert found.text.count("$x$") == found.text.count("$y$") == 1500
    assert found.meta["licence_links"] == ["/l"]


def test_trafilatura_by_choice():
    pytest.importorskip("trafilatura", reason="the optional package trafilatura is not installed")
    found = read(page("<nav>Home</nav>"), ReadOptions(html="trafilatura"))
    assert found.text.startswith(PROSE.strip())
    with pytest.raises(BrokenFileError):
        read("<html><body><script>x()</script></body></html>", ReadOptions(html="trafilatura"))


def test_trafilatura_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "trafilatura", None)
    with pytest.raises(ConfigError, match=r"mapneo\[trafilatura\]"):
        html_peer.trafilatura_text("<p>x", ReadOptions())


def test_bytes_of_unsaid_type_are_seen():
    assert looks_like_html(b"\n <!DOCTYPE html><html>")
    assert not looks_like_html(gzip.compress(b"<html>"))
