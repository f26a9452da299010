"""The small world of the demonstration, written by hand in ``demo.toml``."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from crawler.replica.world import (
    LONDON,
    MAYOR,
    STAGES,
    Answer,
    Meeting,
    Member,
    Question,
    World,
    paragraphs,
    slug,
)

_SUPPLEMENTARY = re.compile(r" \(Supplementary\) \[\d+\]$")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A misspelt key in the script is an error, not a question without an answer."""


class _MeetingLines(_Strict, frozen=True):
    key: str
    name: str
    session: str
    days: int | None = None
    fixed: date | None = None


class _MemberLines(_Strict, frozen=True):
    key: str
    name: str
    party: str


class _AnswerLines(_Strict, frozen=True):
    body: str
    stage: int = 0
    until: int | None = None
    days: int | None = None


class _QuestionLines(_Strict, frozen=True):
    meeting: str
    by: str
    title: str
    body: str
    number: str | None = None
    of: str = MAYOR
    category: str | None = None
    stage: int = 0
    old: str | None = None
    answer: tuple[_AnswerLines, ...] = ()


class _Script(_Strict, frozen=True):
    meeting: tuple[_MeetingLines, ...]
    member: tuple[_MemberLines, ...]
    question: tuple[_QuestionLines, ...]


def demo_world(start: datetime) -> World:
    """The demonstration's world as it begins at ``start`` (an aware moment).

    34 questions are there from the start; 11 more appear at the first of the world's stages,
    answers to new and old ones at the second, and replaced and corrected ones at the third.
    """
    text = Path(__file__).with_name("demo.toml").read_bytes()
    return _Builder(msgspec.toml.decode(text, type=_Script), start).world()


class _Builder:
    """A script turned into a world that begins at ``start``."""

    def __init__(self, script: _Script, start: datetime) -> None:
        self.script = script
        self.start = start
        self.slugs: set[str] = set()
        self.members = {m.key: Member(name=m.name, party=m.party) for m in script.member}
        self.meetings = {m.key: self._meeting(m) for m in script.meeting}

    def world(self) -> World:
        return World(
            start=self.start,
            stages=STAGES,
            meetings=tuple(self.meetings.values()),
            members=tuple(self.members.values()),
            questions=tuple(self._question(q) for q in self.script.question),
        )

    def _meeting(self, lines: _MeetingLines) -> Meeting:
        day = lines.fixed or self._day(timedelta(days=lines.days or 0))
        return Meeting(name=lines.name, date=day, session=lines.session)

    def _day(self, after: timedelta) -> date:
        return (self.start.astimezone(LONDON) + after).date()

    def _question(self, lines: _QuestionLines) -> Question:
        meeting = self.meetings[lines.meeting]
        parent = self._parent(lines)
        year = meeting.date.year
        return Question(
            slug=slug(lines.title, self.slugs),
            title=lines.title,
            asked_by=self.members[lines.by],
            organisation=self.members[(parent or lines).by].party,
            asked_of=lines.of,
            meeting=meeting,
            html=paragraphs(lines.body),
            after=_moment(lines.stage),
            answers=tuple(self._answer(a, meeting) for a in lines.answer),
            reference=f"{year}/{lines.number}" if lines.number else None,
            category=lines.category or (parent.category if parent else None),
            parent=parent.title if parent else None,
            old_path=f"/questions/{year}/{lines.old}" if lines.old else None,
        )

    def _parent(self, lines: _QuestionLines) -> _QuestionLines | None:
        """The main question that a supplementary's title names, at the same meeting."""
        title = _SUPPLEMENTARY.sub("", lines.title)
        if title == lines.title:
            return None
        return next(
            q for q in self.script.question if (q.title, q.meeting) == (title, lines.meeting)
        )

    def _answer(self, lines: _AnswerLines, meeting: Meeting) -> Answer:
        after, days = _moment(lines.stage), lines.days
        return Answer(
            after=after,
            date=self._day(after) if days is None else meeting.date + timedelta(days),
            html=paragraphs(lines.body),
            until=None if lines.until is None else _moment(lines.until),
        )


def _moment(stage: int) -> timedelta:
    """When a stage begins, counted from the start; stage 0 is the start."""
    return STAGES[stage - 1] if stage else timedelta(0)
