"""What all sections share: their context, and a plain word where something is missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from markupsafe import Markup

from mapneo.core.errors import ManifestError
from mapneo.report.forms import Form
from mapneo.report.ledger import Figure, Ledger
from mapneo.report.nodes import Node, RunFiles
from mapneo.report.strings import Strings

LANGUAGE_ORDER = ("en", "zh", "code")
PRETRAIN_STAGES = ("pretrain_1", "pretrain_2")

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Context:
    """The run that is shown, the ledger of its figures, and the page's strings."""

    run: RunFiles
    ledger: Ledger
    say: Strings

    def cite(self, node: Node, form: Form = Form.COUNT) -> Figure:
        """The figure for a value read from a file."""
        return self.ledger.cite(node, form)

    def total(self, parts: Sequence[Node | Figure], form: Form = Form.COUNT) -> Figure:
        """The sum of figures."""
        return self.ledger.derive("sum", parts, form)

    def share(self, part: Node | Figure, whole: Node | Figure) -> Figure:
        """`part` in percent of `whole`."""
        return self.ledger.derive("ratio", [part, whole], Form.SHARE)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Stands where something can't be shown, and says why."""

    sentence: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A figure with the length of the bar beside it (0 to 1) and the bar's language, if any."""

    figure: Figure
    bar_frac: float
    language: str = ""

    @property
    def bar_percent(self) -> str:
        """Length of the bar as SVG wants it."""
        return f"{100 * min(1.0, max(0.0, self.bar_frac)):.2f}%"


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One of the figures that a reader should see first."""

    label: str
    body: Markup
    note: Markup | str = ""


def attempt(make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Gap:
    """What `make` gives, or the reason why the run can't give it."""
    try:
        return make(*args, **kwargs)
    except ManifestError as error:
        return Gap(sentence=str(error))


def by_language(languages: Sequence[str]) -> list[str]:
    """English, Chinese and code first, then the others by name; each once."""
    unique = sorted(set(languages))
    return [
        *(n for n in LANGUAGE_ORDER if n in unique),
        *(n for n in unique if n not in LANGUAGE_ORDER),
    ]
