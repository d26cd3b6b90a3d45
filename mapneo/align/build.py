"""From items to conversations: ask, answer, and for stage 2 a form, a system message, a last turn.

An *item* is something to ask about, with its reference answer: a passage and its source, a sentence
and its first word, a sum. Which use an item serves is decided by a hash of what it is about, so the
operands of a held-out sum, or a held-out document, occur in no training conversation.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

import xxhash

from mapneo.align import phrases
from mapneo.align.conversations import OWN_SOURCE, Conversation, Kind, Message, Use, turns
from mapneo.align.forms import PLAIN, phrase

REWARD_FRAC, DPO_FRAC, HELDOUT_FRAC, CHAT_FRAC = 0.12, 0.12, 0.06, 0.35
SYSTEM_FRAC, AGAIN_FRAC = 0.25, 0.25
SMALL_TALK_REPEATS = 6
OWN_LICENCE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something to ask about.

    `key` names what it is about: items of one key never serve two uses. `question` is asked,
    `answer` is the reference in plain form; `is_verified` says whether an answer can be checked.
    """

    key: str
    skill: str
    language: str
    question: str
    answer: str
    is_verified: bool
    doc_id: str | None = None
    cluster_id: str | None = None
    source: str = OWN_SOURCE
    licence: str = OWN_LICENCE
    publish: str = "text"
    is_heldout: bool = False

    @property
    def item_id(self) -> str:
        """Unique and stable: skill, language, what it is about, and a digest of the question."""
        text = f"{self.question}\0{self.answer}"
        return f"{self.skill}/{self.language}/{self.key}#{xxhash.xxh3_64_hexdigest(text.encode())}"


def use_of(item: Item, seed: int) -> Use:
    """What an item serves; items from held-out documents are held out and nothing else."""
    if item.is_heldout:
        return "heldout"
    place = share_of(f"{seed}\0{item.key}")
    if not item.is_verified:
        return "sft_1"
    if place < REWARD_FRAC:
        return "reward"
    if place < REWARD_FRAC + DPO_FRAC:
        return "dpo"
    if item.doc_id is None and place < REWARD_FRAC + DPO_FRAC + HELDOUT_FRAC:
        return "heldout"
    return "sft_2" if place >= 1 - CHAT_FRAC else "sft_1"


def share_of(name: str) -> float:
    """A number in [0, 1) that depends on nothing but the name."""
    return xxhash.xxh3_64_intdigest(name.encode()) / 2**64


def conversation(item: Item, kind: Kind, seed: int, repeat: int = 0) -> Conversation:
    """The item as a plain question, or as a chat with a form that was asked for.

    A closed set of facts is learned by repetition: `repeat` numbers the times, and draws another
    form each time.
    """
    name = f"{kind}/{item.item_id}" + (f"~{repeat}" if repeat else "")
    draw = Random(f"{seed}/{name}")
    messages, form = (
        _chat(item, draw) if kind == "chat" else (turns(item.question, item.answer), PLAIN)
    )
    return Conversation(
        conversation_id=name,
        kind=kind,
        skill=item.skill,
        language=item.language,
        about=item.key,
        messages=messages,
        reference=item.answer if item.is_verified else None,
        form=form if item.is_verified else None,
        doc_id=item.doc_id,
        cluster_id=item.cluster_id,
        source=item.source,
        licence=item.licence,
        publish=item.publish,
    )


def _chat(item: Item, draw: Random) -> tuple[tuple[Message, ...], str]:
    form = draw.choice(phrases.FORMS)
    answer = phrase(item.answer, form)
    way = draw.random()
    if way < SYSTEM_FRAC:
        system = phrases.ask_form(item.language, form, draw)
        return turns(item.question, answer, system=system), form
    if way < SYSTEM_FRAC + AGAIN_FRAC:
        again = phrases.ask_again(item.language, form, draw)
        return turns(item.question, item.answer, again, answer), form
    asked = phrases.ask_form(item.language, form, draw)
    separator = "\n" if "\n" in item.question else "" if item.language == "zh" else " "
    return turns(f"{item.question}{separator}{asked}", answer), form


def arithmetic_items(
    language: str, max_number: int, heldout: Literal["operands", "wording"]
) -> Iterator[Item]:
    """Every sum, and every difference that is not negative, in every wording.

    With `operands`, what is held out are numbers: whoever answers has learned to add. (a + b and
    b + a share a key.) With `wording`, a held-out question asks in a wording that this fact was
    not seen in: whoever answers knows the facts and reads the question.
    """
    for a in range(max_number + 1):
        for b in range(max_number + 1):
            for plus in (True, False) if a >= b else (True,):
                skill = "arithmetic_plus" if plus else "arithmetic_minus"
                for number, way in enumerate(phrases.ways(language, skill)):
                    fact = f"{a}{'+' if plus else '-'}{b}"
                    pair = f"{min(a, b)}+{max(a, b)}" if plus else fact
                    yield Item(
                        key=pair if heldout == "operands" else f"{fact}/{number}",
                        skill="arithmetic",
                        language=language,
                        question=way.format(a=a, b=b),
                        answer=str(a + b if plus else a - b),
                        is_verified=True,
                    )


def small_talk() -> list[Conversation]:
    """Greetings and the like, each several times so that they are not drowned."""
    return [
        _small_talk(language, asked, answer, repeat)
        for language in phrases.LANGUAGES
        for ways, answer in phrases.small_talk(language)
        for asked in ways
        for repeat in range(SMALL_TALK_REPEATS)
    ]


def _small_talk(language: str, asked: str, answer: str, repeat: int) -> Conversation:
    name = xxhash.xxh3_64_hexdigest(f"{asked}\0{answer}".encode())
    return Conversation(
        conversation_id=f"chat/small_talk/{language}/{name}#{repeat:02d}",
        kind="chat",
        skill="small_talk",
        language=language,
        about=name,
        messages=turns(asked, answer),
        reference=None,
        form=None,
        doc_id=None,
        cluster_id=None,
        source=OWN_SOURCE,
        licence=OWN_LICENCE,
        publish="text",
    )


def chosen(items: Iterable[Item], limit: int, seed: int) -> list[Item]:
    """At most `limit` items, as evenly over sources as there are items, drawn by hash.

    A function of the set of items alone: choosing from a part first changes nothing. Of items with
    one id (a sentence that a document says twice) the first counts.
    """
    by_source: dict[str, list[tuple[float, str, Item]]] = defaultdict(list)
    for item in {item.item_id: item for item in items}.values():
        entry = (share_of(f"{seed}\0{item.item_id}"), item.item_id, item)
        by_source[item.source].append(entry)
    ranked = [
        (rank, *entry)
        for entries in by_source.values()
        for rank, entry in enumerate(sorted(entries, key=lambda each: each[:2]))
    ]
    ranked.sort(key=lambda each: each[:3])
    return [item for *_, item in ranked[:limit]]
