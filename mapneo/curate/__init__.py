r"""Curation: language, edits, signals, rules, exact and near duplicates, the held-out split.

For use as a library:

    >>> from mapneo.curate import dedup, judge, measure
    >>> signals = measure(["Far too short."])
    >>> signals["word_count_words@keep+folded"][0].as_py()
    3.0
    >>> judge(signals)["verdict"][0].as_py()
    'dropped'
    >>> dedup(["one and the same text", "one  and the same\ntext"])["kind"].to_pylist()
    ['exact_document', 'exact_document']
"""

from mapneo.curate.library import as_documents, dedup, judge, measure

__all__ = ["as_documents", "dedup", "judge", "measure"]
