"""A small bilingual web, written by us: pages, copies, near-copies, spam, and broken files.

`write_web(folder)` is deterministic. Sentences are ours; code comes from the running Python's own
library, which is on every machine.
"""

import json
import random
import sysconfig
from pathlib import Path

HERE = Path(__file__).parent
NAVIGATION = '<nav><a href="/">Home</a> <a href="/a">Archive</a> <a href="/b">Contact</a></nav>'
FOOTER = "<footer><p>Copyright, all rights reserved. <a href='/p'>Privacy</a></p></footer>"


def sentences(language: str) -> list[str]:
    return (HERE / f"sentences_{language}.txt").read_text(encoding="utf-8").splitlines()


def article(language: str, number: int) -> list[str]:
    """Paragraphs of an article; the same number gives the same article."""
    draw = random.Random(f"{language}-{number}")
    chosen = draw.sample(sentences(language), 24)
    joint = " " if language == "en" else ""
    return [joint.join(chosen[i : i + 6]) for i in range(0, 24, 6)]


def page(title: str, paragraphs: list[str], charset: str = "utf-8") -> bytes:
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    html = (
        f'<!doctype html><html><head><meta charset="{charset}"><title>{title}</title></head>'
        f"<body>{NAVIGATION}<main><h1>{title}</h1>{body}</main>{FOOTER}</body></html>"
    )
    return html.encode(charset)


def write_web(folder: Path, articles: int = 60) -> None:
    """Write `articles` articles per language, and the trouble described above, under `folder`."""
    for language in ("en", "zh"):
        for number in range(articles):
            write(
                folder / f"{language}/page{number:03d}.html",
                page(f"{number}", article(language, number)),
            )
        copy = article(language, 0)
        write(folder / f"{language}/copy.html", page("0", copy))
        near = [*copy[:-1], copy[-1] + sentences(language)[number % 50]]
        write(folder / f"{language}/near.html", page("0", near))
    write(folder / "zh/legacy.html", page("旧", article("zh", 900), "gb18030"))
    rows = [
        {"text": "\n\n".join(article("en", 500 + i)), "url": f"https://example.org/{i}"}
        for i in range(30)
    ]
    lines = [json.dumps(row) for row in rows]
    lines.insert(7, '{"text": "torn')
    write(folder / "rows.jsonl", "\n".join(lines).encode())
    spam = "Buy now! Click here! " * 60
    write(folder / "spam.html", page("spam", [spam]))
    write(folder / "short.txt", b"Too short.")
    write(folder / "empty.html", b"")
    write(folder / "bytes.txt", bytes(range(128, 256)) * 20)
    write(folder / "broken.pdf", b"%PDF-1.7\nthis is not a PDF")
    library = Path(sysconfig.get_paths()["stdlib"])
    for name in (
        "argparse",
        "ast",
        "calendar",
        "cgi",
        "csv",
        "difflib",
        "heapq",
        "inspect",
        "string",
        "textwrap",
        "tarfile",
        "zipfile",
        "shutil",
        "random",
        "statistics",
        "fractions",
        "dataclasses",
        "enum",
        "functools",
        "typing",
    ):
        source = library / f"{name}.py"
        if source.exists():
            write(folder / f"code/{name}.py", source.read_bytes())


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
