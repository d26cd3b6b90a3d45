"""From views to one HTML file that needs nothing else: no script, no network, no other file."""

import base64
import hashlib
from importlib import resources

import jinja2
from markupsafe import Markup

from mapneo.report.collect import Collected
from mapneo.report.sections.common import Gap

SECTIONS = (
    "funnel",
    "signals",
    "copies",
    "tokenizer",
    "mix",
    "training",
    "alignment",
    "evaluation",
    "claims",
    "lineage",
    "cost",
)
"""The sections below the head, in the order of the page; each has a template of its name.

One whose view is None is left out, with its entry in the contents.
"""


def environment() -> jinja2.Environment:
    """The templates, with all text escaped unless it is HTML that we made."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("mapneo.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["is_gap"] = lambda view: isinstance(view, Gap)
    return templates


def render(collected: Collected) -> str:
    """The page as HTML."""
    folder = resources.files("mapneo.report").joinpath("templates")
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The style sheet is ours; escaping would break it and its hash.
    return (
        environment()
        .get_template("page.html")
        .render(
            page=collected.page,
            say=collected.say,
            style=Markup(style),
            style_hash=digest,
            section_names=[n for n in SECTIONS if getattr(collected.page, n) is not None],
        )
    )
