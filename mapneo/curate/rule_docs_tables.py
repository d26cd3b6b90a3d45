"""Tables of docs/rules.md in Markdown."""

from collections.abc import Iterable, Sequence

from mapneo.curate.rules import Rule


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; columns that are empty in every row are left out."""
    cells = [[_cell(text) for text in row] for row in rows]
    kept = [index for index in range(len(heads)) if any(row[index] for row in cells)]
    lines = [[heads[index] for index in kept], ["---"] * len(kept)]
    lines += [[row[index] for index in kept] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Text that Markdown shows as it is; code is left alone."""
    text = text.replace("|", "\\|").replace("\n", " ")
    return text if "`" in text else text.replace("<", "&lt;").replace("*", "\\*")


def code(name: str) -> str:
    """A name as code; nothing if there is none."""
    return f"`{name}`" if name else ""


def drop_if(rule: Rule) -> str:
    """When a rule drops a document, such as `< 3 or > 10`; ≤ and ≥ if the bound fails too."""
    below, above = ("≤", "≥") if rule.exclusive else ("<", ">")
    sides = [
        f"{sign} {bound:,.12g}"
        for sign, bound in ((below, rule.min), (above, rule.max))
        if bound is not None
    ]
    return " or ".join(sides)
