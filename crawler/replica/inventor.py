"""Questions and answers that the replica invents while it runs, from the parts in a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from random import Random
from typing import Generic, TypeVar

import msgspec

from crawler.replica.world import ReplicaMember, format_paragraphs

_T = TypeVar("_T")

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


class _Deck(Generic[_T]):
    """Draws things in a random order, each once before any again."""

    def __init__(self, things: Sequence[_T], random: Random) -> None:
        self._things = things
        self._random = random
        self._left: list[_T] = []

    def draw(self) -> _T:
        """Return the next thing."""
        if not self._left:
            self._left = self._random.sample(self._things, len(self._things))
        return self._left.pop()


class Inventor:
    """Invents questions and answers. The same seed brings the same ones."""

    def __init__(self, members: tuple[ReplicaMember, ...], seed: int) -> None:
        """Read the sentence parts.

        Args:
            members: Those who ask.
            seed: Of the random choices.
        """
        text = Path(__file__).with_name("inventions.toml").read_bytes()
        parts = msgspec.toml.decode(text, type=_InventionParts)
        self._random = Random(seed)  # noqa: S311  # nothing here is secret
        self._members = _Deck(members, self._random)
        self._places = _Deck(parts.places, self._random)
        self._titles = _Deck(parts.titles, self._random)
        self._questions = _Deck(parts.questions, self._random)
        self._answers = _Deck(parts.answers, self._random)
        self._topics = _Deck(parts.topic, self._random)

    def choose_topic(self) -> InventedTopic:
        """Return one of the topics of the file."""
        return self._topics.draw()

    def invent_question(self, topic: InventedTopic) -> InventedQuestion:
        """Return a question on a topic; its words are escaped in the HTML."""
        place = self._places.draw()
        title = self._fill(self._titles.draw(), topic.words, place)
        text = self._fill(self._questions.draw(), topic.words, place)
        return InventedQuestion(
            title=title[:1].upper() + title[1:],
            html=format_paragraphs(escape(text, quote=False)),
            asked_by=self._members.draw(),
            topic=topic,
            place=place,
        )

    def invent_answer(self, question: InventedQuestion) -> str:
        """Return an answer to a question, as HTML."""
        text = self._fill(self._answers.draw(), question.topic.words, question.place)
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
