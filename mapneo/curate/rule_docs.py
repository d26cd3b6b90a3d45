"""The page docs/rules.md, made from the rulesets and the signals themselves."""

import inspect
from collections.abc import Iterable, Sequence
from types import ModuleType

from mapneo.curate import rule_docs_text as prose
from mapneo.curate.edits import CHAINS, EDITS, KEEP_EDITS, EditRule
from mapneo.curate.gauges import ORIGINS, gauges
from mapneo.curate.rule_docs_released import released_parts
from mapneo.curate.rule_docs_tables import code, drop_if, table
from mapneo.curate.rules import Ruleset, load_ruleset, ruleset_names
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
    "_per_1000_words": "per 1,000 words",
    "_log_weight": "nats",
    "_chars": "characters",
    "_words": "words",
    "_tokens": "tokens",
    "_first_lines": "0 or 1",
    "_lines": "lines",
    "_sentences": "sentences",
    "_bytes": "bytes",
    "_hits": "hits",
    "_links": "links",
    "_pages": "0 or 1",
    "_nats": "nats",
    "_frac": "share",
    "_prob": "probability",
    "_score": "probability",
    "_perplexity": "perplexity",
    "_ordinal": "rank",
    "_bucket": "rank",
    "_importance": "nats",
    "_category": "number of a category",
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
        table(("splitter", "a word is"), _named(SPLITTER_DEFINITIONS.items())),
        "## Sentence splitters",
        table(("splitter", "a sentence is"), _named(SENTENCE_DEFINITIONS.items())),
        "## Edit chains",
        prose.CHAINS,
        table(("chain", "edits, in order"), [(code(c), _edits(e)) for c, e in CHAINS.items()]),
        prose.EDITS,
        _edit_table(),
        "## Signals",
        prose.SIGNALS,
        *(part for over, text in _OVER for part in (text, _signal_table(over))),
        prose.GAUGES,
        *(part for origin in ("", *ORIGINS) for part in _gauge_part(origin)),
        "## Rules",
        prose.RULES,
        *(part for profile in profiles for part in _profile_part(profile)),
        *released_parts(profiles),
        prose.SOURCES,
        prose.LISTS,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def unit_of(name: str) -> str:
    """The unit that the end of a signal's name stands for, or a dash if it names none."""
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "–")


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
                code(profile.language),
                code(profile.edits),
                ", ".join(map(code, _splitters(profile))),
                code(profile.sentences),
                f"{len(profile.rules)}" + (f", {reports} only report" if reports else ""),
                profile.description,
            )
        )
    return table(heads, rows)


def _splitters(profile: Ruleset) -> tuple[str, ...]:
    """The profile's word splitter, then those that single rules name."""
    named = (rule.words for rule in profile.rules if rule.words is not None)
    return tuple(dict.fromkeys((profile.splitter, *named)))


def _signal_table(over: Over) -> str:
    heads = ("signal", "unit", "definition", "source", "raw counts", "splitters", "code")
    rows = [
        (
            code(name),
            unit_of(name),
            signal.definition,
            signal.source,
            code(_formula(signal)),
            _splitters_of(signal),
            _link(counted_in(signal.numerator[0])),
        )
        for name, signal in signals().items()
        if signal.over == over
    ]
    return table(heads, rows)


def _splitters_of(signal: Signal) -> str:
    """Which word splitters give a signal: those, or all but those that do not."""
    if signal.over != "words":
        return ""
    missing = [name for name in SPLITTERS if name not in signal.splitters]
    if len(missing) < len(signal.splitters):
        return f"all but {', '.join(map(code, missing))}" if missing else "all"
    return ", ".join(map(code, signal.splitters))


def _formula(signal: Signal) -> str:
    above = " + ".join(signal.numerator)
    if signal.denominator is None:
        return above
    return f"{f'({above})' if len(signal.numerator) > 1 else above} / {signal.denominator}"


def _gauge_part(origin: str) -> tuple[str, str]:
    heads = ("signal", "unit", "definition", "source")
    rows = [
        (code(name), unit_of(name), gauge.definition, gauge.source)
        for name, gauge in gauges().items()
        if gauge.origin == origin
    ]
    title = f"Measured with {code(origin)}" if origin else "Measured on every document"
    return f"#### {title}", table(heads, rows)


def _edit_table() -> str:
    heads = ("edit", "what it does", "source", "for")
    rows = [
        (code(name), edit.definition, edit.source, _use(name, edit)) for name, edit in EDITS.items()
    ]
    return table(heads, rows)


def _use(name: str, edit: EditRule) -> str:
    if name in KEEP_EDITS:
        return "all kept text"
    if not edit.is_for_kept_text:
        return "measuring only"
    skipped = ", ".join(sorted(edit.skipped_categories))
    return "kept text on wish, and measuring" + (
        f"; kept {skipped} is left alone" if skipped else ""
    )


def _profile_part(profile: Ruleset) -> tuple[str, str, str]:
    heads = ["rule", "signal", "drop if", "source", "note"]
    rows = [
        (
            code(rule.id),
            code(profile.column(rule)),
            drop_if(rule) + (" (only reports)" if rule.report_only else ""),
            rule.source,
            rule.note,
        )
        for rule in profile.rules
    ]
    about = f"{profile.description} Judges `{profile.language}`; " + (
        f"{len(rows)} rules:" if rows else "it has no rules, so every document is kept."
    )
    return f"### {profile.name}", about.strip(), table(heads, rows) if rows else ""


def _edits(names: Sequence[str]) -> str:
    return ", ".join(map(code, names)) if names else "none: the text as it is kept"


def _named(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(code(name), definition) for name, definition in rows]


def _link(path: str) -> str:
    return f"[{path.rsplit('/', 1)[-1]}](../{path})"
