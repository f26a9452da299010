"""The small world of the demo, which is written by hand in ``demo.toml``."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from crawler.replica.inventor import Inventor
from crawler.replica.past import add_past
from crawler.replica.world import (
    LONDON_TIME_ZONE,
    MAYOR,
    STAGES,
    ReplicaAnswer,
    ReplicaMeeting,
    ReplicaMember,
    ReplicaQuestion,
    ReplicaWorld,
    build_slug,
    format_paragraphs,
)

#: Of what is chosen at random for the past: any number will do.
_PAST_SEED = 2024
_SUPPLEMENTARY = re.compile(r" \(Supplementary\) \[\d+\]$")


class _StrictEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the script's entries. A misspelt key is an error."""


class _MeetingEntry(_StrictEntry, frozen=True):
    key: str
    name: str
    session: str
    days: int | None = None
    fixed: date | None = None


class _MemberEntry(_StrictEntry, frozen=True):
    key: str
    name: str
    party: str


class _AnswerEntry(_StrictEntry, frozen=True):
    body: str
    stage: int = 0
    until: int | None = None
    days: int | None = None


class _QuestionEntry(_StrictEntry, frozen=True):
    meeting: str
    by: str
    title: str
    body: str
    number: str | None = None
    of: str = MAYOR
    category: str | None = None
    stage: int = 0
    old: str | None = None
    answer: tuple[_AnswerEntry, ...] = ()


class _DemoScript(_StrictEntry, frozen=True):
    meeting: tuple[_MeetingEntry, ...]
    member: tuple[_MemberEntry, ...]
    question: tuple[_QuestionEntry, ...]


def build_demo_world(start: datetime, *, with_past: bool = False) -> ReplicaWorld:
    """Return the world of the demo.

    It has 34 questions at the start. 11 more appear at the first stage, answers to new and old
    questions at the second, and replaced and corrected answers at the third.

    Args:
        start: When it starts; aware.
        with_past: Whether it also has the invented questions of two years before.
    """
    text = Path(__file__).with_name("demo.toml").read_bytes()
    world = _DemoWorldBuilder(msgspec.toml.decode(text, type=_DemoScript), start).build()
    return add_past(world, Inventor(world.members, _PAST_SEED)) if with_past else world


class _DemoWorldBuilder:
    """Builds a world that starts at ``start`` from a script."""

    def __init__(self, script: _DemoScript, start: datetime) -> None:
        self.script = script
        self.start = start
        self.slugs: set[str] = set()
        self.members = {m.key: ReplicaMember(name=m.name, party=m.party) for m in script.member}
        self.meetings = {m.key: self._build_meeting(m) for m in script.meeting}

    def build(self) -> ReplicaWorld:
        return ReplicaWorld(
            start=self.start,
            stages=STAGES,
            meetings=tuple(self.meetings.values()),
            members=tuple(self.members.values()),
            questions=tuple(self._build_question(q) for q in self.script.question),
        )

    def _build_meeting(self, lines: _MeetingEntry) -> ReplicaMeeting:
        day = lines.fixed or self._get_london_date(timedelta(days=lines.days or 0))
        return ReplicaMeeting(name=lines.name, date=day, session=lines.session)

    def _get_london_date(self, after: timedelta) -> date:
        return (self.start.astimezone(LONDON_TIME_ZONE) + after).date()

    def _build_question(self, lines: _QuestionEntry) -> ReplicaQuestion:
        meeting = self.meetings[lines.meeting]
        parent = self._find_parent(lines)
        year = meeting.date.year
        return ReplicaQuestion(
            slug=build_slug(lines.title, self.slugs),
            title=lines.title,
            asked_by=self.members[lines.by],
            organisation=self.members[(parent or lines).by].party,
            asked_of=lines.of,
            meeting=meeting,
            html=format_paragraphs(lines.body),
            after=_get_stage_start(lines.stage),
            answers=tuple(self._build_answer(a, meeting) for a in lines.answer),
            reference=f"{year}/{lines.number}" if lines.number else None,
            category=lines.category or (parent.category if parent else None),
            parent=parent.title if parent else None,
            old_path=f"/questions/{year}/{lines.old}" if lines.old else None,
        )

    def _find_parent(self, lines: _QuestionEntry) -> _QuestionEntry | None:
        """Return the main question, at the same meeting, that a supplementary's title names."""
        title = _SUPPLEMENTARY.sub("", lines.title)
        if title == lines.title:
            return None
        return next(
            q for q in self.script.question if (q.title, q.meeting) == (title, lines.meeting)
        )

    def _build_answer(self, lines: _AnswerEntry, meeting: ReplicaMeeting) -> ReplicaAnswer:
        after, days = _get_stage_start(lines.stage), lines.days
        return ReplicaAnswer(
            after=after,
            date=self._get_london_date(after) if days is None else meeting.date + timedelta(days),
            html=format_paragraphs(lines.body),
            until=None if lines.until is None else _get_stage_start(lines.until),
        )


def _get_stage_start(stage: int) -> timedelta:
    """Return when a stage starts, counted from the start of the world; stage 0 is the start."""
    return STAGES[stage - 1] if stage else timedelta(0)
