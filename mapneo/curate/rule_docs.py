"""The page docs/rules.md, made from the rulesets and the signals themselves."""

import inspect
from collections.abc import Iterable, Sequence
from types import ModuleType

from mapneo.curate import rule_docs_text as prose
from mapneo.curate.edits import CHAINS
from mapneo.curate.gauges import gauges
from mapneo.curate.rules import Rule, Ruleset, load_ruleset, ruleset_names
from mapneo.curate.signal_list import SPLITTERS, Over
from mapneo.curate.signals import (
    SENTENCE_DEFINITIONS,
    SPLITTER_DEFINITIONS,
    Signal,
    signals,
)
from mapneo.text import characters, lines, ngrams, passages, sentences, walk, words

_UNITS = {
    "_per_char": "per character",
    "_per_word": "per word",
    "_per_token": "per token",
    "_log_weight": "nats",
    "_chars": "characters",
    "_words": "words",
    "_tokens": "tokens",
    "_lines": "lines",
    "_sentences": "sentences",
    "_bytes": "bytes",
    "_hits": "hits",
    "_nats": "nats",
    "_frac": "share",
    "_prob": "probability",
    "_score": "probability",
    "_perplexity": "perplexity",
    "_ordinal": "rank",
}
"""What the end of a signal's name says about its unit."""

_COUNTERS: tuple[ModuleType, ...] = (characters, lines, passages, sentences, words, walk)
"""Where raw counts are made, the first to name one first; what none names is made in `ngrams`."""

_OVER: tuple[tuple[Over, str], ...] = (
    ("text", prose.TEXT_SIGNALS),
    ("words", prose.WORD_SIGNALS),
    ("sentences", prose.SENTENCE_SIGNALS),
)


def rules_markdown() -> str:
    """The whole page.

    Raises:
        ConfigError: a ruleset that comes with mapneo is wrong.
    """
    profiles = [load_ruleset(name) for name in ruleset_names()]
    parts = [
        prose.HEAD,
        "## Profiles",
        prose.PROFILES,
        _profile_table(profiles),
        "## Word splitters",
        _table(("splitter", "a word is"), _named(SPLITTER_DEFINITIONS.items())),
        "## Sentence splitters",
        _table(("splitter", "a sentence is"), _named(SENTENCE_DEFINITIONS.items())),
        "## Edit chains",
        prose.CHAINS,
        _table(("chain", "edits, in order"), [(_code(c), _edits(e)) for c, e in CHAINS.items()]),
        "## Signals",
        prose.SIGNALS,
        *(part for over, text in _OVER for part in (text, _signal_table(over))),
        prose.GAUGES,
        _gauge_table(),
        "## Rules",
        prose.RULES,
        *(part for profile in profiles for part in _profile_part(profile)),
        prose.SOURCES,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def unit_of(name: str) -> str:
    """The unit that the end of a signal's name stands for, or a dash if it names none."""
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "–")


def drop_if(rule: Rule) -> str:
    """When a rule drops a document, such as `< 3 or > 10`; ≤ and ≥ if the bound fails too."""
    below, above = ("≤", "≥") if rule.exclusive else ("<", ">")
    sides = [
        f"{sign} {bound:,.12g}"
        for sign, bound in ((below, rule.min), (above, rule.max))
        if bound is not None
    ]
    return " or ".join(sides)


def counted_in(count: str) -> str:
    """File of the kernels that make a raw count."""
    for module in _COUNTERS:
        text = inspect.getsource(module)
        if f"TEXT.{count}]" in text or f"TEXT.{count}," in text or f"UNITS.{count}]" in text:
            return _file(module)
    return _file(ngrams)


def _file(module: ModuleType) -> str:
    return module.__name__.replace(".", "/") + ".py"


def _profile_table(profiles: Iterable[Ruleset]) -> str:
    heads = ("profile", "language", "edit chain", "words", "sentences", "rules", "what it is")
    rows = []
    for profile in profiles:
        reports = sum(rule.report_only for rule in profile.rules)
        rows.append(
            (
                f"[`{profile.name}`](#{profile.name})",
                _code(profile.language),
                _code(profile.edits),
                ", ".join(map(_code, _splitters(profile))),
                _code(profile.sentences),
                f"{len(profile.rules)}" + (f", {reports} only report" if reports else ""),
                profile.description,
            )
        )
    return _table(heads, rows)


def _splitters(profile: Ruleset) -> tuple[str, ...]:
    """The profile's word splitter, then those that single rules name."""
    named = (rule.words for rule in profile.rules if rule.words is not None)
    return tuple(dict.fromkeys((profile.splitter, *named)))


def _signal_table(over: Over) -> str:
    heads = ("signal", "unit", "definition", "source", "raw counts", "splitters", "code")
    rows = [
        (
            _code(name),
            unit_of(name),
            signal.definition,
            signal.source,
            _code(_formula(signal)),
            _splitters_of(signal),
            _link(counted_in(signal.numerator[0])),
        )
        for name, signal in signals().items()
        if signal.over == over
    ]
    return _table(heads, rows)


def _splitters_of(signal: Signal) -> str:
    """Which word splitters give a signal: those, or all but those that do not."""
    if signal.over != "words":
        return ""
    missing = [name for name in SPLITTERS if name not in signal.splitters]
    if len(missing) < len(signal.splitters):
        return f"all but {', '.join(map(_code, missing))}" if missing else "all"
    return ", ".join(map(_code, signal.splitters))


def _formula(signal: Signal) -> str:
    above = " + ".join(signal.numerator)
    if signal.denominator is None:
        return above
    return f"{f'({above})' if len(signal.numerator) > 1 else above} / {signal.denominator}"


def _gauge_table() -> str:
    heads = ("signal", "unit", "definition", "source", "measured")
    rows = [
        (
            _code(name),
            unit_of(name),
            gauge.definition,
            gauge.source,
            f"with {_code(gauge.origin)}" if gauge.origin else "always",
        )
        for name, gauge in gauges().items()
    ]
    return _table(heads, rows)


def _profile_part(profile: Ruleset) -> tuple[str, str, str]:
    heads = ["rule", "signal", "drop if", "source", "note"]
    rows = [
        (
            _code(rule.id),
            _code(profile.column(rule)),
            drop_if(rule) + (" (only reports)" if rule.report_only else ""),
            rule.source,
            rule.note,
        )
        for rule in profile.rules
    ]
    about = f"{profile.description} Judges `{profile.language}`; " + (
        f"{len(rows)} rules:" if rows else "it has no rules, so every document is kept."
    )
    return f"### {profile.name}", about.strip(), _table(heads, rows) if rows else ""


def _edits(names: Sequence[str]) -> str:
    return ", ".join(map(_code, names)) if names else "none: the text as it is kept"


def _named(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(_code(name), definition) for name, definition in rows]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; columns that are empty in every row are left out."""
    cells = [[_cell(text) for text in row] for row in rows]
    kept = [index for index in range(len(heads)) if any(row[index] for row in cells)]
    lines = [[heads[index] for index in kept], ["---"] * len(kept)]
    lines += [[row[index] for index in kept] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Text that Markdown shows as it is; code is left alone."""
    text = text.replace("|", "\\|").replace("\n", " ")
    return text if "`" in text else text.replace("<", "&lt;").replace("*", "\\*")


def _code(name: str) -> str:
    return f"`{name}`" if name else ""


def _link(path: str) -> str:
    return f"[{path.rsplit('/', 1)[-1]}](../{path})"
