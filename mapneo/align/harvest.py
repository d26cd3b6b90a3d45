"""Items to ask about, harvested from documents: one shard of the split at a time."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from mapneo.align import passages, phrases
from mapneo.align.build import Item
from mapneo.core.tables import read_table

COLUMNS = (
    "doc_id cluster_id source category language text licence publish meta".split()  # noqa: SIM905
)
MAX_PER_DOCUMENT = 12
"""Items of one skill from one document, so that one long document does not become a skill."""

MAX_CHARS = 20_000
"""Of a longer document, only the start is asked about."""


def harvest(path: Path, *, is_heldout: bool, max_bytes: int, seed: int) -> Iterator[Item]:
    """All items that the documents of a shard offer; documents that may not be shown offer none."""
    for document in read_table(path, columns=list(COLUMNS)).to_pylist():
        language = document["language"]
        if language not in phrases.LANGUAGES or document["publish"] != "text":
            continue
        maker = _Maker(document, is_heldout=is_heldout, seed=seed)
        yield from maker.origins(max_bytes)
        yield from maker.edges()
        yield from maker.explanations(max_bytes)


class _Maker:
    """Makes the items of one document."""

    def __init__(self, document: dict[str, Any], *, is_heldout: bool, seed: int) -> None:
        self._document = document
        self._language: str = document["language"]
        self._text: str = document["text"][:MAX_CHARS]
        self._lines = passages.prose_lines(self._text, self._language)
        self._is_heldout = is_heldout
        self._draw = Random(f"{seed}/{document['doc_id']}")

    def origins(self, max_bytes: int) -> Iterator[Item]:
        """Passages, to be told their source."""
        found = list(passages.passages(self._lines, self._language, max_bytes))
        for text in self._some(found):
            question = phrases.ask(self._language, "origin", self._draw, text=text)
            yield self._item("origin", text, question, self._document["source"], is_verified=True)

    def edges(self) -> Iterator[Item]:
        """Sentences, to be told their first or last word (Chinese: character)."""
        for sentence in self._some(passages.sentences(self._lines, self._language)):
            words = passages.words(sentence, self._language)
            if not 4 <= len(words) <= 24:
                continue
            side = self._draw.choice(("first", "last"))
            question = phrases.ask(self._language, side, self._draw, text=sentence)
            answer = words[0] if side == "first" else words[-1]
            yield self._item("word", sentence, question, answer, is_verified=True)

    def explanations(self, max_bytes: int) -> Iterator[Item]:
        """A term's first sentence, questions that a page answers itself, articles of a statute."""
        is_law = self._document["category"] == "law"
        if not is_law and (found := passages.definition(self._document, self._lines, max_bytes)):
            question = phrases.ask(self._language, "definition", self._draw, title=found[0])
            yield self._item("definition", found[0], question, found[1], is_verified=False)
        for asked, answer in self._some(
            list(passages.questions(self._text, self._lines, self._language, max_bytes))
        ):
            yield self._item("faq", asked, asked, answer, is_verified=False)
        if is_law and self._language == "zh":
            for law, number, text in self._some(list(passages.articles(self._text, max_bytes))):
                parts = {"law": law, "article": number}
                question = phrases.ask(self._language, "article", self._draw, **parts)
                yield self._item("article", law + number, question, text, is_verified=False)

    def _some(self, found: list[Any]) -> list[Any]:
        """All, or so many of them drawn at random, in their order."""
        if len(found) <= MAX_PER_DOCUMENT:
            return found
        places = sorted(self._draw.sample(range(len(found)), MAX_PER_DOCUMENT))
        return [found[place] for place in places]

    def _item(
        self, skill: str, about: str, question: str, answer: str, *, is_verified: bool
    ) -> Item:
        document = self._document
        return Item(
            key=f"{document['doc_id']}/{about}",
            skill=skill,
            language=self._language,
            question=question,
            answer=answer,
            is_verified=is_verified,
            doc_id=document["doc_id"],
            cluster_id=document["cluster_id"],
            source=document["source"],
            licence=document["licence"],
            publish=document["publish"],
            is_heldout=self._is_heldout,
        )
