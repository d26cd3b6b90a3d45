"""Scores of documents from lists, models and annotations: signals that need more than the text.

Everything is optional; what is not given is not measured.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import model_validator

from mapneo.core.config import Config
from mapneo.curate.annotation_files import AnnotationSource
from mapneo.curate.annotation_store import AnnotationStore
from mapneo.curate.annotations import read_annotations
from mapneo.curate.bad_words import BadWordList, find_bad_words, load_bad_words
from mapneo.curate.edit_list import BadWords
from mapneo.curate.importance import ImportanceModel
from mapneo.curate.listed_links import listed_link_counts
from mapneo.curate.perplexity import (
    PerplexityModel,
    bucket_ordinals,
    check_models,
    perplexities,
)
from mapneo.curate.reference import ReferenceModel
from mapneo.curate.released.lists import Lists, read_lists
from mapneo.curate.score_list import SCORE_SIGNALS
from mapneo.curate.url_lists import UrlLists, compile_url_lists, look_up
from mapneo.curate.url_sources import UrlListSource

Floats = npt.NDArray[np.float64]


class ImportanceScore(Config):
    """A fitted importance model and the signal that it gives."""

    path: Path
    """File of `ImportanceModel.save`."""
    signal: Literal[
        "books_importance_log_weight",
        "openwebtext_importance_log_weight",
        "wikipedia_importance_log_weight",
        "target_importance_log_weight",
    ] = "target_importance_log_weight"
    languages: tuple[str, ...] = ()
    """ISO 639 codes of the documents that it scores; empty: all."""


class ReferenceScore(Config):
    """A trained classifier and the signal that it gives."""

    path: Path
    """File of `ReferenceModel.save`."""
    signal: Literal["wikipedia_reference_prob", "palm_quality_prob", "target_reference_prob"] = (
        "target_reference_prob"
    )
    languages: tuple[str, ...] = ()
    """ISO 639 codes of the documents that it scores; empty: all."""


class ScoresConfig(Config):
    """Lists and models to score documents with; annotations in `meta` are read in any case."""

    annotations: tuple[AnnotationSource, ...] = ()
    """Files of annotations beside the documents; the first that has a document counts."""

    url_lists: tuple[UrlListSource, ...] = ()
    """Where URL lists lie."""
    url_categories: tuple[str, ...] | None = None
    """Categories that count; None: `mapneo.curate.url_sources.DEFAULT_CATEGORIES`."""
    bad_words: tuple[BadWordList, ...] = ()
    """Lists of bad words; those of one language count as one."""
    perplexity: tuple[PerplexityModel, ...] = ()
    """KenLM models, at most one a language."""
    importance: tuple[ImportanceScore, ...] = ()
    """Importance models; at most one a signal and language."""
    reference: tuple[ReferenceScore, ...] = ()
    """Classifiers; at most one a signal and language."""

    @model_validator(mode="after")
    def _one_model_each(self) -> "ScoresConfig":
        taken: set[tuple[str, str]] = set()
        for signal, languages in self._claims():
            others = {language for name, language in taken if name == signal}
            if others and (not languages or "" in others or others.intersection(languages)):
                raise ValueError(f"two models give {signal} for the same language: keep one")
            taken.update((signal, language) for language in languages or ("",))
        return self

    def _claims(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        yield from (("ccnet_perplexity", (model.language,)) for model in self.perplexity)
        yield from ((model.signal, model.languages) for model in self.importance)
        yield from ((model.signal, model.languages) for model in self.reference)

    def files(self) -> tuple[Path, ...]:
        """The files and folders whose contents decide the scores, in the order of the settings."""
        pieces = (model.sentencepiece for model in self.perplexity)
        return (
            *(source.path for source in self.annotations),
            *(source.path for source in self.url_lists),
            *(listed.path for listed in self.bad_words),
            *(model.model for model in self.perplexity),
            *(path for path in pieces if path is not None),
            *(model.path for model in self.importance),
            *(model.path for model in self.reference),
        )


class Scored(NamedTuple):
    """Scores of a batch.

    Attributes:
        columns: each signal of `SCORE_SIGNALS`: float64, shape (rows,), NaN = not measured.
        url_category: string, null where no list holds the URL: its first category by name.
        reasons: counts by `<signal>:<why>`: `malformed` (an annotation that can't be read),
            `no_url`, `no_host` (a URL that names none), `no_word` (a model had nothing to score).
            Other nulls are for want of a list, a model or an annotation.
    """

    columns: dict[str, Floats]
    url_category: pa.Array
    reasons: dict[str, int]


@dataclass(frozen=True)
class Scorers:
    """What a `ScoresConfig` names, loaded; may be used by several threads."""

    config: ScoresConfig
    annotations: tuple[AnnotationStore, ...]
    lists: UrlLists | None
    bad_words: BadWords
    perplexity: tuple[PerplexityModel, ...]
    importance: tuple[tuple[ImportanceScore, ImportanceModel], ...]
    reference: tuple[tuple[ReferenceScore, ReferenceModel], ...]

    @cached_property
    def released(self) -> Lists:
        """The same lists as the released code reads them, read when first asked for."""
        return read_lists(self.config.bad_words, self.config.url_lists)


_loading = Lock()


def load_scorers(config: ScoresConfig, *, cache: Path | None = None) -> Scorers:
    """Load lists and models, once per process while their files do not change.

    Args:
        config: what to load.
        cache: folder for compiled URL lists; None compiles them anew in each process.

    Raises:
        ConfigError: a category is unknown or white, or the package `kenlm` is missing.
        InputError: a file is missing or can't be read.
    """
    stamps = tuple(
        (stat.st_size, stat.st_mtime_ns)
        for path in config.files()
        for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
        if file.is_file()
        for stat in (file.stat(),)
    )
    with _loading:
        return _load(config.model_dump_json(), cache, stamps)


@lru_cache(maxsize=4)
def _load(settings: str, cache: Path | None, stamps: tuple[tuple[int, int], ...]) -> Scorers:
    config = ScoresConfig.model_validate_json(settings)
    check_models(config.perplexity)
    lists = None
    if config.url_lists:
        lists = compile_url_lists(config.url_lists, config.url_categories, cache=cache)
    return Scorers(
        config,
        tuple(AnnotationStore(source) for source in config.annotations),
        lists,
        load_bad_words(config.bad_words),
        config.perplexity,
        tuple((model, ImportanceModel.load(model.path)) for model in config.importance),
        tuple((model, ReferenceModel.load(model.path)) for model in config.reference),
    )


def score_documents(documents: pa.Table, scorers: Scorers) -> Scored:
    """Score documents.

    Args:
        documents: a table with at least the columns text, url, language and meta of
            `mapneo.core.tables.DOCUMENT_SCHEMA`, languages filled.
        scorers: from `load_scorers`.
    """
    rows = documents.num_rows
    columns = {row.name: np.full(rows, np.nan) for row in SCORE_SIGNALS}
    annotated, malformed = read_annotations(documents["meta"])
    columns.update(annotated)
    reasons = Counter(malformed)
    url_category = pa.nulls(rows, pa.string())
    if scorers.lists is not None:
        held, columns["url_list_hits"] = look_up(documents["url"], scorers.lists)
        firsts = [names[0] if names else None for names in held.to_pylist()]
        url_category = pa.array(firsts, pa.string())
        reasons["url_list_hits:no_url"] += documents["url"].null_count
        reasons["url_list_hits:no_host"] += held.null_count - documents["url"].null_count
        columns["listed_link_count_links"] = listed_link_counts(documents["text"], scorers.lists)
    _fill_bad_words(documents, scorers.bad_words, columns, reasons)
    _fill_perplexity(documents, scorers.perplexity, columns, reasons)
    for importance, weigher in scorers.importance:
        chosen = _unscored(documents, columns[importance.signal], importance.languages)
        _fill(documents, chosen, importance.signal, weigher.log_weights, columns, reasons)
    for reference, classifier in scorers.reference:
        chosen = _unscored(documents, columns[reference.signal], reference.languages)
        _fill(documents, chosen, reference.signal, classifier.probabilities, columns, reasons)
    return Scored(columns, url_category, {name: n for name, n in sorted(reasons.items()) if n})


def _fill_bad_words(
    documents: pa.Table, bad_words: BadWords, columns: dict[str, Floats], reasons: Counter[str]
) -> None:
    hits, rates = columns["block_list_count_words"], columns["bad_words_per_1000_words"]
    for language, phrases in bad_words.items():
        chosen = _unscored(documents, rates, (language,))
        found = find_bad_words(documents["text"].take(pa.array(chosen)), phrases)
        counts = found.hits.astype(np.float64)
        rates[chosen] = 1000 * np.divide(
            counts, found.words, out=np.full(counts.shape, np.nan), where=found.words > 0
        )
        reasons["bad_words_per_1000_words:no_word"] += int((found.words == 0).sum())
        hits[chosen] = np.where(np.isnan(hits[chosen]), counts, hits[chosen])


def _fill_perplexity(
    documents: pa.Table,
    models: tuple[PerplexityModel, ...],
    columns: dict[str, Floats],
    reasons: Counter[str],
) -> None:
    values, buckets = columns["ccnet_perplexity"], columns["ccnet_bucket_ordinal"]
    for model in models:
        chosen = _unscored(documents, values, (model.language,))
        score = partial(perplexities, setting=model)
        _fill(documents, chosen, "ccnet_perplexity", score, columns, reasons)
        if model.head_max is not None and model.middle_max is not None:
            chosen = chosen[np.isnan(buckets[chosen])]
            buckets[chosen] = bucket_ordinals(values[chosen], model.head_max, model.middle_max)


def _unscored(
    documents: pa.Table, values: Floats, languages: tuple[str, ...]
) -> npt.NDArray[np.int64]:
    """Rows in one of the languages (none: in any) that have no value yet."""
    wanted = np.isnan(values)
    if languages:
        ours = pc.is_in(documents["language"], value_set=pa.array(languages, pa.string()))
        wanted &= np.asarray(ours)
    return np.flatnonzero(wanted)


def _fill(
    documents: pa.Table,
    chosen: npt.NDArray[np.int64],
    signal: str,
    score: Callable[[pa.ChunkedArray], Floats],
    columns: dict[str, Floats],
    reasons: Counter[str],
) -> None:
    if chosen.size:
        values = score(documents["text"].take(pa.array(chosen)))
        columns[signal][chosen] = values
        reasons[f"{signal}:no_word"] += int(np.isnan(values).sum())
