"""An invented world: meetings, members, questions and answers, and when each can be seen. Pure.

A world begins at a ``start`` that its maker chooses. What is there from the start is the silent
baseline; everything else appears (or is taken down) a fixed time later.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

LONDON_TIME_ZONE = ZoneInfo("Europe/London")
LISTING_PATH = "/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"
MAYOR = "The Mayor"
HOLDING_TEXT = "Officers are drafting a response which will be sent shortly."
REPLICA_NOTICE = "Replica for tests and demonstration: invented people, invented text"

#: When a world's later events happen, counted from its start: new questions, the first answers,
#: and the answers that replace or correct what was there before.
STAGES = (timedelta(hours=6), timedelta(hours=20), timedelta(hours=30))


@dataclass(frozen=True, kw_only=True)
class ReplicaMember:
    """An invented member of the assembly."""

    name: str  #: with honours, without "AM"
    party: str


@dataclass(frozen=True, kw_only=True)
class ReplicaMeeting:
    """A meeting; ``date`` is its London day."""

    name: str
    date: date
    session: str


@dataclass(frozen=True, kw_only=True)
class ReplicaAnswer:
    """One answer block, seen from ``after`` until ``until`` (both counted from the start)."""

    after: timedelta
    date: date
    html: str
    until: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class ReplicaQuestion:
    """One question with all the answers that it will ever have."""

    slug: str
    title: str
    asked_by: ReplicaMember
    organisation: str  #: as the page prints it: on a supplementary its parent's
    asked_of: str
    meeting: ReplicaMeeting
    html: str
    after: timedelta
    answers: tuple[ReplicaAnswer, ...]
    reference: str | None = None  #: None on supplementaries
    category: str | None = None
    parent: str | None = None  #: title of the question that this one follows up
    old_path: str | None = None  #: its address in the design of 2014, where it has one

    @property
    def path(self) -> str:
        """Its address on the site."""
        return f"{LISTING_PATH}/{self.slug}"

    @property
    def text(self) -> str:
        """The question's words on one line, as teaser and search have them."""
        return strip_markup(self.html)


@dataclass(frozen=True, kw_only=True)
class ReplicaSnapshot:
    """What can be seen at one moment: each question with the answers of that moment."""

    questions: tuple[ReplicaQuestion, ...]

    def find_by_slug(self, slug: str) -> ReplicaQuestion | None:
        """The question at an address of today."""
        return next((q for q in self.questions if q.slug == slug), None)

    def find_by_old_path(self, path: str) -> ReplicaQuestion | None:
        """The question at an address of 2014."""
        return next((q for q in self.questions if q.old_path == path), None)

    def has_follow_ups(self, question: ReplicaQuestion) -> bool:
        """Whether any supplementary to ``question`` can be seen."""
        return any(
            q.parent == question.title and q.meeting == question.meeting for q in self.questions
        )


@dataclass(frozen=True, kw_only=True)
class ReplicaWorld:
    """Everything that there is and will be."""

    start: datetime
    stages: tuple[timedelta, ...]
    meetings: tuple[ReplicaMeeting, ...]
    members: tuple[ReplicaMember, ...]
    questions: tuple[ReplicaQuestion, ...]

    def published_at(self, item: ReplicaQuestion | ReplicaAnswer) -> datetime:
        """The moment from which ``item`` can be seen; for the baseline, the start itself."""
        return self.start + item.after

    def take_snapshot(self, now: datetime) -> ReplicaSnapshot:
        """What can be seen at ``now``; before the start, the baseline."""
        age = max(now - self.start, timedelta(0))
        return ReplicaSnapshot(
            questions=tuple(
                replace(q, answers=tuple(_find_visible_answers(q.answers, age)))
                for q in self.questions
                if q.after <= age
            )
        )

    def has_file(self, path: str) -> bool:
        """Whether any answer links to the file at ``path``."""
        link = f'href="{path}"'
        return any(link in a.html for q in self.questions for a in q.answers)


def _find_visible_answers(
    answers: Iterable[ReplicaAnswer], age: timedelta
) -> Iterator[ReplicaAnswer]:
    for answer in answers:
        if answer.after <= age and (answer.until is None or age < answer.until):
            yield answer


# ------------------------------------------------------------------ what the makers of worlds share

_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)
_BLOCK = re.compile(r"<(?:div|p|span|style|script|table|ul)\b")
_PUNCTUATION = re.compile(r"[^a-z0-9\s-]")
_SEPARATORS = re.compile(r"[\s-]+")

#: The words that Drupal's Pathauto leaves out of an address.
_STOP_WORDS = re.compile(
    r"\b(?:an?|as|at|before|but|by|for|from|in|into|is|like|of|off|on|onto|per|since|than|that|the"
    r"|this|to|up|via|with)\b"
)


def format_paragraphs(text: str) -> str:
    """HTML of ``text``: pieces parted by an empty line, each in ``<p>`` unless it is a block."""
    pieces = (piece.strip() for piece in text.strip().split("\n\n"))
    return "\n".join(p if _BLOCK.match(p) else f"<p>{p}</p>" for p in pieces)


def strip_markup(html: str) -> str:
    """``html`` as one line of plain text."""
    return " ".join(unescape(_TAG.sub("", html)).split())


def build_slug(title: str, taken: set[str]) -> str:
    """The last part of an address made from ``title``, marked as taken.

    Small words and punctuation go; a counter follows when the address is taken, so the slug says
    neither the title nor the reference for certain. The counter begins at 0, as Pathauto's does.
    """
    plain = unicodedata.normalize("NFKD", title.lower().replace("\u2011", "-"))
    words = _STOP_WORDS.sub(" ", _PUNCTUATION.sub("", plain))
    stem = _SEPARATORS.sub("-", words).strip("-")
    chosen, counter = stem, 0
    while chosen in taken:
        chosen, counter = f"{stem}-{counter}", counter + 1
    taken.add(chosen)
    return chosen
