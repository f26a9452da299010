"""The demo's world goes on after its script: one question a day is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from crawler.replica.world import ReplicaMeeting, ReplicaQuestion, ReplicaWorld, build_slug

#: Days of a year on the demo's clock, which are four hours of ours.
_DAYS = 365
#: The numbers of the script are below.
_FIRST_NUMBER = 7000
_WEEK = 7


def prolong_world(world: ReplicaWorld, first_day: int) -> ReplicaWorld:
    """Return the world with one more question for each day of a year.

    They are main questions of the script with another number, put to weekly meetings, and are
    answered on the next day.

    Args:
        world: What is published up to then.
        first_day: The day of the first of them, counted from the start of the world.
    """
    slugs = {question.slug for question in world.questions}
    asked = [one for one in world.questions if one.reference and one.answers and not one.old_path]
    meetings = tuple(_list_meetings(world, first_day))
    added = [
        _ask_again(
            asked[day % len(asked)],
            first_day + day,
            meetings[day // _WEEK],
            world=world,
            slugs=slugs,
        )
        for day in range(_DAYS)
    ]
    return replace(
        world, meetings=(*world.meetings, *meetings), questions=(*world.questions, *added)
    )


def _list_meetings(world: ReplicaWorld, first_day: int) -> Iterator[ReplicaMeeting]:
    session = world.meetings[-1].session
    for day in range(0, _DAYS, _WEEK):
        date = (world.start + timedelta(days=first_day + day + _WEEK)).date()
        yield ReplicaMeeting(name=f"MQT on {date}", date=date, session=session)


def _ask_again(
    question: ReplicaQuestion,
    day: int,
    meeting: ReplicaMeeting,
    *,
    world: ReplicaWorld,
    slugs: set[str],
) -> ReplicaQuestion:
    after = timedelta(days=day)
    answered = after + timedelta(days=1)
    answer = replace(
        question.answers[-1], after=answered, date=(world.start + answered).date(), until=None
    )
    return replace(
        question,
        slug=build_slug(question.title, slugs),
        meeting=meeting,
        after=after,
        answers=(answer,),
        reference=f"{meeting.date.year}/{_FIRST_NUMBER + day}",
        old_path=None,
    )
