"""Two years of questions before the script of the demo, so that its charts say something.

Pure: the same world and inventor bring the same past.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from crawler.replica.inventor import Inventor
from crawler.replica.world import (
    HOLDING_TEXT,
    LONDON_TIME_ZONE,
    MAYOR,
    ReplicaAnswer,
    ReplicaMeeting,
    ReplicaQuestion,
    ReplicaWorld,
    build_slug,
    format_paragraphs,
)

#: Meetings before the script, four weeks apart: two years of them.
_MEETINGS = 26
_DAYS_BETWEEN = 28
#: Days before the world starts of the newest of these meetings: that of the script is at 63.
_NEWEST = 70
#: Questions of each meeting: more in some than in others, as in a real year.
_QUESTIONS = (6, 9, 7, 12, 8, 5, 10)
#: Days that the Mayor takes to answer.
_DAYS_TO_ANSWER = (4, 6, 11, 7, 19, 5, 9, 26)
#: Of the questions of the newest two meetings, one in so many waits, and one has a holding reply.
_WAITING, _HOLDING = 7, 5


def add_past(world: ReplicaWorld, inventor: Inventor) -> ReplicaWorld:
    """Return a world with the questions of two years before it, all there from its start."""
    taken = {question.slug for question in world.questions}
    past = tuple(_invent_past(world, inventor, taken))
    meetings = tuple(dict.fromkeys(question.meeting for question in past))
    return replace(
        world, meetings=(*meetings, *world.meetings), questions=(*past, *world.questions)
    )


def _invent_past(
    world: ReplicaWorld, inventor: Inventor, taken: set[str]
) -> Iterator[ReplicaQuestion]:
    today = world.start.astimezone(LONDON_TIME_ZONE).date()
    numbers: dict[int, int] = {}
    for before in reversed(range(_MEETINGS)):
        day = today - timedelta(days=_NEWEST + _DAYS_BETWEEN * before)
        meeting = ReplicaMeeting(name="MQT", date=day, session=world.meetings[-1].session)
        for _ in range(_QUESTIONS[before % len(_QUESTIONS)]):
            number = numbers[day.year] = numbers.get(day.year, 0) + 1
            yield _invent_question(inventor, meeting, number, taken, is_recent=before < 2)


def _invent_question(
    inventor: Inventor, meeting: ReplicaMeeting, number: int, taken: set[str], *, is_recent: bool
) -> ReplicaQuestion:
    invented = inventor.invent_question(inventor.choose_topic())
    day = meeting.date + timedelta(days=_DAYS_TO_ANSWER[number % len(_DAYS_TO_ANSWER)])
    html = inventor.invent_answer(invented)
    return ReplicaQuestion(
        slug=build_slug(invented.title, taken),
        title=invented.title,
        asked_by=invented.asked_by,
        organisation=invented.asked_by.party,
        asked_of=MAYOR,
        meeting=meeting,
        html=invented.html,
        after=timedelta(0),
        answers=_choose_answers(number, day, html, is_recent=is_recent),
        reference=f"{meeting.date.year}/{number:04}",
        category=invented.topic.category,
    )


def _choose_answers(
    number: int, day: date, html: str, *, is_recent: bool
) -> tuple[ReplicaAnswer, ...]:
    if is_recent and number % _WAITING == 0:
        return ()
    text = format_paragraphs(HOLDING_TEXT) if is_recent and number % _HOLDING == 0 else html
    return (ReplicaAnswer(after=timedelta(0), date=day, html=text),)
