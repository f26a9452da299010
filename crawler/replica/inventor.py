"""Questions and answers that the replica invents while it runs, from the parts in a file."""

from __future__ import annotations

import random
import re
from html import escape
from pathlib import Path

import msgspec

from crawler.replica.world import ReplicaMember, format_paragraphs

_FIRST_NUMBER = re.compile(r"\d+")
#: Smallest and largest numbers of a sentence: residents, promises, thousands of pounds.
_NUMBERS = 12, 940
#: Numbers of weeks and months, and percentages.
_SMALL_NUMBERS = 3, 19


class InventedTopic(msgspec.Struct, frozen=True):
    """What a question is about."""

    words: str  #: as they stand in a sentence: ``night buses``
    category: str = "Other"


class InventedQuestion(msgspec.Struct, frozen=True):
    """A question that nobody asked."""

    title: str
    html: str
    asked_by: ReplicaMember
    topic: InventedTopic
    place: str


class _InventionParts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of sentence parts."""

    places: tuple[str, ...]
    titles: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    topic: tuple[InventedTopic, ...]


class Inventor:
    """Invents questions and answers. The same seed brings the same ones."""

    def __init__(self, members: tuple[ReplicaMember, ...], seed: int) -> None:
        """Read the sentence parts.

        Args:
            members: Those who ask.
            seed: Of the random choices.
        """
        text = Path(__file__).with_name("inventions.toml").read_bytes()
        self._parts = msgspec.toml.decode(text, type=_InventionParts)
        self._members = members
        self._random = random.Random(seed)  # noqa: S311  # nothing here is secret

    def choose_topic(self) -> InventedTopic:
        """Return one of the topics of the file."""
        return self._random.choice(self._parts.topic)

    def invent_question(self, topic: InventedTopic) -> InventedQuestion:
        """Return a question on a topic; its words are escaped in the HTML."""
        place = self._random.choice(self._parts.places)
        title = self._fill(self._random.choice(self._parts.titles), topic.words, place)
        text = self._fill(self._random.choice(self._parts.questions), topic.words, place)
        return InventedQuestion(
            title=title[:1].upper() + title[1:],
            html=format_paragraphs(escape(text, quote=False)),
            asked_by=self._random.choice(self._members),
            topic=topic,
            place=place,
        )

    def invent_answer(self, question: InventedQuestion) -> str:
        """Return an answer to a question, as HTML."""
        pattern = self._random.choice(self._parts.answers)
        text = self._fill(pattern, question.topic.words, question.place)
        return format_paragraphs(escape(text, quote=False))

    def correct_answer(self, html: str) -> str:
        """Return an answer of :meth:`invent_answer` with another number in its first place."""
        return _FIRST_NUMBER.sub(lambda found: str(int(found[0]) + 7), html, count=1)

    def _fill(self, pattern: str, topic: str, place: str) -> str:
        """Return a sentence with its parts; a topic may contain braces."""
        values = {
            "topic": topic,
            "place": place,
            "number": str(self._random.randint(*_NUMBERS)),
            "small": str(self._random.randint(*_SMALL_NUMBERS)),
        }
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], pattern)
