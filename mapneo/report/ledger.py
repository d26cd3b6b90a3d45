"""The one way a figure gets onto the page: cited from a file of the run, and written down.

`numbers.json` is the ledger as a file. An entry is *cited* (file, JSON pointer, value), a
*tally* (operation `members`: how many there are under that path), a *series* (file, paths, values)
or *derived* (operation, the entries it is made of, value). The page carries the entry's name in the
`data-n` attribute of the figure, so anybody can walk from a figure back to the manifest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mapneo.core.canonical import Json
from mapneo.core.errors import ManifestError
from mapneo.report.forms import Form, written
from mapneo.report.nodes import Node


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure on the page: the value, how it is written, and its entry in the ledger."""

    entry: str
    value: Json
    text: str

    def __html__(self) -> str:
        """The figure as HTML, linked to its entry."""
        machine = "" if self.value is None else self.value
        return Markup('<data value="{}" data-n="{}">{}</data>').format(
            machine, self.entry, self.text
        )

    def number(self) -> float:
        """The value for drawing and comparing; 0 if there is none.

        Raises:
            ManifestError: it is something else than a number.
        """
        if self.value is None:
            return 0.0
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise ManifestError(f"{self.text!r} should be a number (entry {self.entry})")
        return self.value


def _sum(values: Sequence[float]) -> float:
    return sum(values)


def _ratio(values: Sequence[float]) -> float | None:
    return values[0] / values[1] if values[1] else None


def _difference(values: Sequence[float]) -> float:
    return values[0] - values[1]


OPERATIONS: Mapping[str, Callable[[Sequence[float]], float | None]] = {
    "sum": _sum,
    "ratio": _ratio,
    "difference": _difference,
}
"""How a derived value follows from the values it is made of; beside these, `count` is how many."""


class Ledger:
    """Hands out figures and keeps their entries in the order of first use."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[str, Json] = {}
        self._names: dict[tuple[str, ...], str] = {}

    def cite(self, node: Node, form: Form = Form.COUNT) -> Figure:
        """The figure for a value read from a file."""
        entry = {"file": node.file, "path": node.pointer, "value": node.value}
        name = self._enter(("cite", node.file, node.pointer), entry)
        return Figure(entry=name, value=node.value, text=written(node.value, form))

    def derive(self, operation: str, of: Sequence[Figure | Node], form: Form) -> Figure:
        """The figure that follows from others by one of OPERATIONS.

        Raises:
            ManifestError: a value that should be a number is none.
        """
        figures = [self.cite(part) if isinstance(part, Node) else part for part in of]
        value = OPERATIONS[operation]([figure.number() for figure in figures])
        return self._derived(operation, figures, value, form)

    def count(self, nodes: Sequence[Node | Figure]) -> Figure:
        """How many values these are."""
        figures = [self.cite(part) if isinstance(part, Node) else part for part in nodes]
        return self._derived("count", figures, len(figures), Form.COUNT)

    def tally(self, node: Node, form: Form = Form.COUNT) -> Figure:
        """How many members the object or list `node` has."""
        value = len(node.value)
        entry = {"file": node.file, "path": node.pointer, "operation": "members", "value": value}
        name = self._enter(("members", node.file, node.pointer), entry)
        return Figure(entry=name, value=value, text=written(value, form))

    def series(self, nodes: Sequence[Node]) -> list[float]:
        """Values of a curve or a histogram: one entry for all points, which share a file."""
        values = [node.number() for node in nodes]
        if nodes:
            paths = [node.pointer for node in nodes]
            entry = {"file": nodes[0].file, "paths": paths, "values": values}
            self._enter(("series", nodes[0].file, *paths), entry)
        return values

    def as_json(self) -> Json:
        """All entries, as `numbers.json` holds them."""
        return {"figures": dict(self._entries)}

    def _derived(
        self, operation: str, figures: Sequence[Figure], value: float | None, form: Form
    ) -> Figure:
        parts = [figure.entry for figure in figures]
        entry = {"operation": operation, "of": parts, "value": value}
        name = self._enter(("derive", operation, *parts), entry)
        return Figure(entry=name, value=value, text=written(value, form))

    def _enter(self, key: tuple[str, ...], entry: Json) -> str:
        if key not in self._names:
            self._names[key] = f"n{len(self._entries) + 1}"
            self._entries[self._names[key]] = entry
        return self._names[key]
