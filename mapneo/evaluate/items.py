"""Questions with options from a pack's file: every row is an item, dropped by a rule, or an error.

An item's id is `<pack>:<row>`, rows counted from 0 over all rows of the file.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import xxhash

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.sources.packs import ItemRows

OVER_CAP = "over_cap"
LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True, kw_only=True)
class Item:
    """A question; `answer` is the place of the right option."""

    item_id: str
    topic: str
    question: str
    options: tuple[str, ...]
    answer: int

    @property
    def letters(self) -> str:
        """The letters that stand before the options, from A."""
        return LETTERS[: len(self.options)]


@dataclass(frozen=True, kw_only=True)
class Items:
    """Items in file order; `rows` = items + all of `dropped`, by rule."""

    items: tuple[Item, ...]
    rows: int
    dropped: Mapping[str, int]

    def capped(self, at_most: int | None) -> "Items":
        """At most so many items: those whose ids have the smallest hashes, in file order."""
        if at_most is None or len(self.items) <= at_most:
            return self
        ids = sorted((item.item_id for item in self.items), key=_hash)
        chosen = set(ids[:at_most])
        return replace(
            self,
            items=tuple(item for item in self.items if item.item_id in chosen),
            dropped={**self.dropped, OVER_CAP: len(self.items) - at_most},
        )


def _hash(item_id: str) -> int:
    return xxhash.xxh3_64_intdigest(item_id.encode())


def read_items(pack: str, file: str, data: bytes, how: ItemRows) -> Items:
    """The questions in the bytes `data` of a pack's `file` (`.jsonl` or `.csv`, UTF-8).

    Raises:
        DataError: a row is not as `how` says; file, line and field are named.
    """
    items = []
    dropped: Counter[str] = Counter()
    rows = 0
    for row, (line, fields) in enumerate(_rows(file, data)):
        rows += 1
        reader = _Reader(where=f"pack {pack}: {file}, line {line}", fields=fields, how=how)
        rule = how.drop.get(reader.text(how.answer))
        if rule is None:
            items.append(reader.item(f"{pack}:{row}"))
        else:
            dropped[rule] += 1
    return Items(items=tuple(items), rows=rows, dropped=dropped)


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """One row, and where it stands."""

    where: str
    fields: Mapping[str, Json]
    how: ItemRows

    def text(self, name: str, *, may_be_empty: bool = False) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "should be text")
        text = value.strip()
        if not text and not may_be_empty:
            raise self._wrong(name, "is empty")
        return text

    def item(self, item_id: str) -> Item:
        how = self.how
        for name in how.empty:
            if self.text(name, may_be_empty=True):
                raise self._wrong(name, "should be empty")
        options = [self.text(name) for name in how.options]
        options[-1] = options[-1].removesuffix(how.last_option_end)
        answer = self.text(how.answer)
        if answer not in how.answers:
            raise self._wrong(how.answer, f"is {answer!r}, not one of {', '.join(how.answers)}")
        return Item(
            item_id=item_id,
            topic=self._topic(),
            question=self.text(how.question),
            options=tuple(options),
            answer=how.answers.index(answer),
        )

    def _topic(self) -> str:
        try:
            return self.how.topic.format_map(self.fields)
        except KeyError as error:
            raise self._wrong(str(error.args[0]), "is missing") from error

    def _wrong(self, field: str, what: str) -> DataError:
        return DataError(
            f"{self.where}: field {field} {what}; the file is not the one that the entry of the "
            "pack describes: correct the entry, or take the pack off fetch.packs"
        )


def _rows(file: str, data: bytes) -> Iterator[tuple[int, Mapping[str, Json]]]:
    """Each row with the number of its (last) line, from 1; blank lines are not rows."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 ({error}): fetch the pack anew") from error
    yield from _csv_rows(file, text) if file.endswith(".csv") else _json_rows(file, text)


def _csv_rows(file: str, text: str) -> Iterator[tuple[int, Mapping[str, Json]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for fields in reader:
            if None in fields:
                raise DataError(
                    f"{file}, line {reader.line_num} has more fields than the first line: "
                    "fetch the pack anew"
                )
            yield reader.line_num, fields
    except csv.Error as error:
        # The reader counts a line only once it is whole.
        line = reader.line_num + 1
        raise DataError(f"{file}, line {line} is not CSV ({error}): fetch the pack anew") from error


def _json_rows(file: str, text: str) -> Iterator[tuple[int, Mapping[str, Json]]]:
    for line, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        try:
            fields = json.loads(row)
        except ValueError as error:
            raise DataError(
                f"{file}, line {line} is not JSON ({error}): fetch the pack anew"
            ) from error
        if not isinstance(fields, dict):
            raise DataError(f"{file}, line {line} is not a JSON object: fetch the pack anew")
        yield line, fields
