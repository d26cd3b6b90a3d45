"""What docs/rules.md says between its tables."""

HEAD = """
# Rules: what is measured, what drops a document

This page is made from the rulesets and the code: `python -m bench.rules_doc` writes it anew. Change
[`mapneo/curate/rulesets/`](../mapneo/curate/rulesets) or the signals, not this file.

- A **signal** is a number measured on a document. Its name ends in its unit. Its column in
  `measure/signals/` adds the edit chain and, where words or sentences are counted, the splitter:
  `word_count_words@keep+space`.
- A **rule** holds one signal against a smallest and a largest value. A verdict names its id.
- A **profile** is a file of rules for one language, with the edit chain and the splitters under
  which their signals are measured. Rules are in order: a verdict names the first that fails, and
  lists all.

How to read a row: *drop if `< 3 or > 10`* means that 3 and 10 pass; `≤` and `≥` mean that the bound
itself fails. A signal that was not measured (no word in the text, no annotation at the source)
neither passes nor fails; it is counted, and listed under `not_measured` in the verdict. A rule that
*only reports* is counted and shown like the others and drops nothing. A document whose language no
chosen profile judges is dropped by `language_not_wanted`.

Signals are measured once. With them stored, another bound or another profile is judged without
reading a text: see `mapneo judge --help`.
"""

PROFILES = """
Name one profile per language, or several that judge one after the other, in a recipe:
`judge.rulesets = ["matrix-en", "gopher", "matrix-zh"]`. A path that ends in `.toml` is a profile of
your own.
"""

CHAINS = """
Kept text is changed by *keep edits* only. A profile may measure a text that is edited further: what
its chain deletes is not counted, and still kept.
"""

EDITS = """
### Edits
Edits of kept text are recorded with the document, as spans of bytes. A recipe adds to the three
that are always applied: `measure.edits = ["repair_unicode", "redact_email"]`.
"""

SIGNALS = """
*Raw counts* is the formula over the counts of [`mapneo/text/counts.py`](../mapneo/text/counts.py);
*code* is where the first of them is counted. *Share* is a fraction from 0 to 1. Units of a text are
a splitter's words, or characters where the splitter is `characters`.
"""

TEXT_SIGNALS = """
### Signals of the text alone
One column per edit chain.
"""

WORD_SIGNALS = """
### Signals of words
One column per edit chain and word splitter.
"""

SENTENCE_SIGNALS = """
### Signals of sentences
One column per edit chain and sentence splitter.
"""

GAUGES = """
### Signals of their own
Each comes from a module of its own, or with the source; their columns carry no edit chain. All of a
group are measured if a profile needs one: by C4's line rules, as scores (models, lists and
annotations: null where there is none), or as the released code does it.
"""

RULES = """
One table per profile, in the order in which the first failing rule is named.
"""

RELEASED = """
## MAP-Neo's own edits and rules

The released cleaning code has {rules} edits and rules (11 more of its 133 ids are dedup and recall,
and belong to other stages). Many do not do what their names say. `matrix-released-*` are the live
rules exactly as shipped, for comparison; `matrix-en`, `matrix-rpv2` and `matrix-zh` hold the same
ids with the meaning intended. *Live*: runs and can fire. *Inert*: runs and can hardly ever fire as
written. *Dead*: code without effect. *Off*: commented out.
"""

LISTS = """
## Lists, annotations and models of your own

Some rules need what mapneo can't carry. Named in a recipe, it is read, and its contents are part of
the stage's fingerprint; left out, the signals are not measured. Paths are files or folders;
[formats.md](formats.md) says how they are written.

```toml
[measure]
edits = ["zh_line_bad_word"]                # deletes lines; needs the list for zh

[[measure.scores.bad_words]]                # a word or phrase a line; whole words only
path = "lists/en.txt"
language = "en"

[[measure.scores.bad_words]]
path = "lists/zh.txt"
language = "zh"

[[measure.scores.url_lists]]                # UT1's layout; categories by `url_categories`
path = "lists/ut1"

[[measure.scores.annotations]]              # RedPajama-V2: quality_signals/….signals.json.gz
path = "redpajama/quality_signals"
strip = "documents/"                        # a document's id is its file, then its row

[judge.overrides]
en_bad_word_token = { max = 5, report_only = false }
```
"""

SOURCES = """
## Other bounds, and other rules for some sources

A bound of a profile is overridden by rule id. What is different for one source, by its name or a
pattern, stands under `judge.sources`. Of those that match and say something of a rule the most
specific counts: a full name before patterns, a longer pattern before a shorter. A verdict lists the
rules whose outcome that changed under `source_rules`, so an exemption is never silent.

```toml
[judge]
rulesets = ["matrix-en", "gopher"]

[judge.overrides]
en_word_count_min = { min = 30 }

[judge.sources.gutenberg]
exempt = ["en_word_count_max"]

[judge.sources."books-*"]
overrides = { en_unique_word_fraction_min = { min = 0.05 } }
```
"""
