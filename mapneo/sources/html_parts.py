"""What plain-text extraction would lose or garble, put into the tree as text before it.

Mathematics becomes its TeX: from `script type="math/tex"` (MathJax 2), annotations in MathML
(KaTeX, MediaWiki, MathJax 3), `alttext` of MathML (LaTeXML), and alternative texts of formula
images (Sphinx, MediaWiki, WordPress). Tables may become Markdown, code blocks may be fenced.

A page without any of it costs one search of its source.
"""

import re

from resiliparse.parse.html import HTMLTree

from mapneo.sources.documents import ReadOptions
from mapneo.sources.html_tree import Node, by_tag, elements

MATHS = "script[type^='math/tex'], img.math, img.tex, img.latex, .math > img, .MathJax"
"""What a page with mathematics has, beside `math` elements."""
_RENDERED = (
    ".MathJax_Preview", ".MathJax", ".MathJax_Display", ".MathJax_SVG", ".MathJax_SVG_Display",
    ".MathJax_CHTML", ".mjx-chtml", ".katex-html", "mjx-assistive-mml ~ *",
)  # fmt: skip
_FORMULA_IMAGES = (
    "img.math", "img.tex", "img.latex", "img.mwe-math-fallback-image-inline",
    "img.mwe-math-fallback-image-display", "div.math > img", "span.math > img",
)  # fmt: skip
_TEX_ENCODINGS = ("application/x-tex", "application/x-latex", "latex", "tex")
_DISPLAY_CLASS = re.compile(r"katex-display|\bdisplay\b|fallback-image-display|\bmath-display")
_CDATA = re.compile(r"\A%?\s*<!\[CDATA\[|%?\s*\]\]>\Z")
_STYLE_WRAP = re.compile(r"\{\\(?:displaystyle|textstyle)\s+(.*)\}", re.DOTALL)
_LANGUAGE_CLASS = re.compile(
    r"(?:^|\s)(?:language|lang|highlight-source|highlight|brush:?|sourceCode)[- ]?([A-Za-z0-9+#_]+)"
)
_NOT_LANGUAGES = frozenset(("default", "none", "text", "notranslate", "highlight", "source"))


def prepare(tree: HTMLTree, options: ReadOptions, *, has_maths: bool) -> None:
    """Put maths, and what the options ask for, into the tree as text; changes the tree.

    `has_maths` is False if nothing in the body matches MATHS.
    """
    body: Node = tree.body
    maths = by_tag(body, "math")
    if maths or has_maths:
        _put_maths(tree, maths)
    if options.tables == "markdown":
        _put_tables(tree)
    if options.code == "fenced":
        _put_fences(tree)


def _put_maths(tree: HTMLTree, formulas: list[Node]) -> None:
    body: Node = tree.body
    for script in elements(body, "script[type^='math/tex']"):
        is_display = "mode=display" in script.getattr("type", "")
        _replace(tree, script, script.text, is_display=is_display)
    for maths in formulas:
        tex = _tex_of(maths)
        if tex:
            display = maths.getattr("display", "") == "block"
            _replace(tree, *_formula(maths, tex), is_display=display or _in_display(maths))
    for image in elements(body, ", ".join(_FORMULA_IMAGES)):
        tex = image.getattr("alt", "").strip()
        if tex and image.parent is not None:
            _replace(tree, image, tex, is_display=_in_display(image))
    for element in elements(body, ", ".join(_RENDERED)):
        element.remove()


def _tex_of(maths: Node) -> str:
    for note in by_tag(maths, "annotation"):
        if note.getattr("encoding", "").lower() in _TEX_ENCODINGS:
            return str(note.text)
    return str(maths.getattr("alttext", "") or "")


def _formula(maths: Node, tex: str) -> tuple[Node, str]:
    """The element that shows a formula in all its forms, and its TeX."""
    shown = maths
    node = maths.parent
    while node is not None and node.tag in ("span", "mjx-container"):
        name = node.getattr("class", "")
        if "katex" in name or "mwe-math" in name or node.tag == "mjx-container":
            shown = node
        node = node.parent
    return shown, tex


def _in_display(node: Node) -> bool:
    """Whether the node or one just around it is set apart as a formula of its own."""
    for _ in range(5):
        if node is None or node.tag in ("p", "body"):
            return False
        if node.tag == "div" and "math" in node.getattr("class", ""):
            return True
        if _DISPLAY_CLASS.search(node.getattr("class", "")) or node.hasattr("display"):
            return True
        node = node.parent
    return False


def _replace(tree: HTMLTree, node: Node, tex: str, *, is_display: bool) -> None:
    tex = _CDATA.sub("", tex.strip()).strip().strip("$").strip()
    wrapped = _STYLE_WRAP.fullmatch(tex)
    if wrapped:
        tex = wrapped.group(1).strip()
    if not tex or node.parent is None:
        return
    mark = "$$" if is_display else "$"
    node.parent.replace_child(tree.create_text_node(f"{mark}{tex}{mark}"), node)


def _put_tables(tree: HTMLTree) -> None:
    body: Node = tree.body
    make: Node = tree
    for table in by_tag(body, "table"):
        if table.parent is None or table.query_selector("table, pre, ul, ol") is not None:
            continue  # layout, or cells that are more than one line of text
        rows = [[_cell(cell) for cell in elements(row, "td, th")] for row in by_tag(table, "tr")]
        rows = [row for row in rows if row]
        width = max(map(len, rows), default=0)
        if len(rows) < 2 or width < 2:
            continue
        rows = [row + [""] * (width - len(row)) for row in rows]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|" + " --- |" * width)
        block = make.create_element("pre")
        block.append_child(make.create_text_node("\n".join(lines)))
        caption = table.query_selector("caption")
        if caption is not None:
            heading = make.create_element("p")
            heading.append_child(make.create_text_node(_cell(caption)))
            table.parent.insert_before(heading, table)
        table.parent.replace_child(block, table)


def _cell(cell: Node) -> str:
    return " ".join(str(cell.text).split()).replace("|", "\\|")


def _put_fences(tree: HTMLTree) -> None:
    body: Node = tree.body
    make: Node = tree
    for block in by_tag(body, "pre"):
        text = block.text
        if not text.strip():
            continue
        fence = "```"
        while fence in text:
            fence += "`"
        end = "" if text.endswith("\n") else "\n"
        block.prepend(make.create_text_node(f"{fence}{_language(block)}\n"))
        block.append(make.create_text_node(f"{end}{fence}"))


def _language(block: Node) -> str:
    """Programming language that the block, its code element or its wrapper is marked with."""
    inside = block.query_selector("code")
    for node in (block, inside, block.parent, block.parent.parent if block.parent else None):
        name = node.getattr("class", "") if node is not None and node.type == block.type else ""
        found = _LANGUAGE_CLASS.search(name or "")
        if found and found.group(1).lower() not in _NOT_LANGUAGES:
            return found.group(1).lower()
    return ""
