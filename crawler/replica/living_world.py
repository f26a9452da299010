"""A world that goes on after its script: questions are added, answered, corrected, withdrawn.

What is changed here can be seen at once. A changed question replaces the old one as a whole, so a
request sees either.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, datetime

from crawler.replica.inventor import InventedQuestion
from crawler.replica.world import (
    HOLDING_TEXT,
    LONDON_TIME_ZONE,
    MAYOR,
    ReplicaAnswer,
    ReplicaMeeting,
    ReplicaQuestion,
    ReplicaSnapshot,
    ReplicaWorld,
    build_slug,
    format_paragraphs,
)


class LivingWorld:
    """A scripted world and what was added to it. Threads may share it.

    It keeps about 2 kB for each question that was added.
    """

    def __init__(self, world: ReplicaWorld) -> None:
        """Begin with a world to which nothing is added yet.

        Args:
            world: The script. Its newest meeting's session is that of the questions added.
        """
        self._script = world
        self._lock = threading.Lock()
        self._added: dict[str, ReplicaQuestion] = {}
        self._slugs = {question.slug for question in world.questions}
        year = str(world.meetings[-1].date.year)
        self._next_number = 1 + max(_read_number(question, year) for question in world.questions)

    def take_snapshot(self, now: datetime) -> ReplicaSnapshot:
        """Return what can be seen: of the script at ``now``, and all that was added."""
        scripted = self._script.take_snapshot(now)
        with self._lock:
            return ReplicaSnapshot(questions=(*scripted.questions, *self._added.values()))

    def has_file(self, path: str) -> bool:
        """Return whether an answer of the script links to the file at ``path``."""
        return self._script.has_file(path)

    def find(self, slug: str) -> ReplicaQuestion | None:
        """Return an added question as it is now, None if there is none or it was withdrawn."""
        with self._lock:
            return self._added.get(slug)

    def ask(self, question: InventedQuestion, now: datetime) -> ReplicaQuestion:
        """Publish a question, at a meeting of today; return it."""
        today = _get_day(now)
        with self._lock:
            added = ReplicaQuestion(
                slug=build_slug(question.title, self._slugs),
                title=question.title,
                asked_by=question.asked_by,
                organisation=question.asked_by.party,
                asked_of=MAYOR,
                meeting=ReplicaMeeting(
                    name="MQT", date=today, session=self._script.meetings[-1].session
                ),
                html=question.html,
                after=now - self._script.start,
                answers=(),
                reference=f"{today.year}/{self._next_number:04}",
                category=question.topic.category,
            )
            self._next_number += 1
            self._added[added.slug] = added
        return added

    def hold(self, slug: str, now: datetime) -> None:
        """Publish a holding reply to a question, in place of any answer."""
        self.answer(slug, format_paragraphs(HOLDING_TEXT), now)

    def answer(self, slug: str, html: str, now: datetime) -> None:
        """Publish an answer to a question, in place of any earlier one.

        Raises:
            KeyError: No such question was added, or it was withdrawn.
        """
        new = ReplicaAnswer(after=now - self._script.start, date=_get_day(now), html=html)
        with self._lock:
            self._added[slug] = replace(self._added[slug], answers=(new,))

    def withdraw(self, slug: str) -> None:
        """Take a question down: it is neither listed nor served any more.

        Raises:
            KeyError: No such question was added, or it was withdrawn.
        """
        with self._lock:
            del self._added[slug]


def _read_number(question: ReplicaQuestion, year: str) -> int:
    """Return the number in a reference such as ``2026/1303``, 0 for one of another year."""
    begin, _, number = (question.reference or "").partition("/")
    return int(number) if begin == year and number.isdecimal() else 0


def _get_day(now: datetime) -> date:
    return now.astimezone(LONDON_TIME_ZONE).date()
