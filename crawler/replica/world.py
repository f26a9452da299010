"""An invented world: meetings, members, questions and answers, and when each can be seen. Pure.

A world starts at a time that its maker chooses. What is there from the start is the baseline,
which alerts nobody. Everything else appears, or is taken down, a fixed time later.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from html import unescape
from typing import Protocol
from zoneinfo import ZoneInfo

LONDON_TIME_ZONE = ZoneInfo("Europe/London")
LISTING_PATH = "/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"
MAYOR = "The Mayor"
HOLDING_TEXT = "Officers are drafting a response which will be sent shortly."
REPLICA_NOTICE = "Replica for tests and demonstration: invented people, invented text"

#: The stages of a world, counted from its start: new questions, first answers, and answers that
#: replace or correct earlier ones.
STAGES = (timedelta(hours=6), timedelta(hours=20), timedelta(hours=30))


@dataclass(frozen=True, kw_only=True)
class ReplicaMember:
    """An invented member of the assembly."""

    name: str  #: with honours, without "AM"
    party: str


@dataclass(frozen=True, kw_only=True)
class ReplicaMeeting:
    """A meeting."""

    name: str
    date: date  #: in London
    session: str


@dataclass(frozen=True, kw_only=True)
class ReplicaAnswer:
    """One answer, visible from ``after`` until ``until`` (both counted from the start)."""

    after: timedelta
    date: date
    html: str
    until: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class ReplicaQuestion:
    """One question with all its answers, now and later."""

    slug: str
    title: str
    asked_by: ReplicaMember
    organisation: str  #: as the page prints it: on a supplementary, that of its parent
    asked_of: str
    meeting: ReplicaMeeting
    html: str
    after: timedelta
    answers: tuple[ReplicaAnswer, ...]
    reference: str | None = None  #: None on supplementaries
    category: str | None = None
    parent: str | None = None  #: title of the question that a supplementary belongs to
    old_path: str | None = None  #: its path in the design of 2014, if it has one

    @property
    def path(self) -> str:
        """Its path on the site."""
        return f"{LISTING_PATH}/{self.slug}"

    @property
    def text(self) -> str:
        """The question's text on one line, as the search uses it."""
        return strip_markup(self.html)


@dataclass(frozen=True, kw_only=True)
class ReplicaSnapshot:
    """What can be seen at one time: the questions with their answers at that time."""

    questions: tuple[ReplicaQuestion, ...]

    def find_by_slug(self, slug: str) -> ReplicaQuestion | None:
        """Return the question at a path of today's design, None if there is none."""
        return next((q for q in self.questions if q.slug == slug), None)

    def find_by_old_path(self, path: str) -> ReplicaQuestion | None:
        """Return the question at a path of the design of 2014, None if there is none."""
        return next((q for q in self.questions if q.old_path == path), None)

    def has_follow_ups(self, question: ReplicaQuestion) -> bool:
        """Return whether a supplementary to ``question`` can be seen."""
        return any(
            q.parent == question.title and q.meeting == question.meeting for q in self.questions
        )


@dataclass(frozen=True, kw_only=True)
class ReplicaWorld:
    """Everything that can be seen, now and later."""

    start: datetime
    stages: tuple[timedelta, ...]
    meetings: tuple[ReplicaMeeting, ...]
    members: tuple[ReplicaMember, ...]
    questions: tuple[ReplicaQuestion, ...]

    def published_at(self, item: ReplicaQuestion | ReplicaAnswer) -> datetime:
        """Return when ``item`` can first be seen; for the baseline, the start of the world."""
        return self.start + item.after

    def take_snapshot(self, now: datetime) -> ReplicaSnapshot:
        """Return what can be seen at ``now``; before the start, the baseline."""
        age = max(now - self.start, timedelta(0))
        return ReplicaSnapshot(
            questions=tuple(
                replace(q, answers=tuple(_find_visible_answers(q.answers, age)))
                for q in self.questions
                if q.after <= age
            )
        )

    def has_file(self, path: str) -> bool:
        """Return whether an answer links to the file at ``path``."""
        link = f'href="{path}"'
        return any(link in a.html for q in self.questions for a in q.answers)


class ServedWorld(Protocol):
    """What a site needs of a world."""

    def take_snapshot(self, now: datetime) -> ReplicaSnapshot:
        """Return what can be seen at ``now``."""

    def has_file(self, path: str) -> bool:
        """Return whether an answer links to the file at ``path``."""


def _find_visible_answers(
    answers: Iterable[ReplicaAnswer], age: timedelta
) -> Iterator[ReplicaAnswer]:
    for answer in answers:
        if answer.after <= age and (answer.until is None or age < answer.until):
            yield answer


# ------------------------------------------------------------------ helpers of the world builders

_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)
_BLOCK = re.compile(r"<(?:div|p|span|style|script|table|ul)\b")
_PUNCTUATION = re.compile(r"[^a-z0-9\s-]")
_SEPARATORS = re.compile(r"[\s-]+")

#: Words that Drupal's Pathauto leaves out of an address.
_STOP_WORDS = re.compile(
    r"\b(?:an?|as|at|before|but|by|for|from|in|into|is|like|of|off|on|onto|per|since|than|that|the"
    r"|this|to|up|via|with)\b"
)


def format_paragraphs(text: str) -> str:
    """Return ``text`` as HTML: parts between empty lines become ``<p>`` unless they are blocks."""
    pieces = (piece.strip() for piece in text.strip().split("\n\n"))
    return "\n".join(p if _BLOCK.match(p) else f"<p>{p}</p>" for p in pieces)


def strip_markup(html: str) -> str:
    """Return ``html`` as one line of plain text."""
    return " ".join(unescape(_TAG.sub("", html)).split())


def build_slug(title: str, taken: set[str]) -> str:
    """Return the last part of an address made from ``title``, and add it to ``taken``.

    Small words and punctuation are removed. If the address is taken, a counter is added, which
    starts at 0 as Pathauto's does. So a slug does not identify a title or a reference.
    """
    plain = unicodedata.normalize("NFKD", title.lower().replace("\u2011", "-"))
    words = _STOP_WORDS.sub(" ", _PUNCTUATION.sub("", plain))
    stem = _SEPARATORS.sub("-", words).strip("-")
    chosen, counter = stem, 0
    while chosen in taken:
        chosen, counter = f"{stem}-{counter}", counter + 1
    taken.add(chosen)
    return chosen
