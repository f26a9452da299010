"""A world of any size, made by rule and without randomness. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from crawler.replica.world import (
    HOLDING_TEXT,
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

_MEMBERS = tuple(
    ReplicaMember(name=name, party=party)
    for name, party in (
        ("Sìle Ní Bhriain-Hughes", "Riverside Group"),
        ("D’Arcy O'Connell-Bright OBE", "City Hall Heathlands"),
        ("Zoë van der Merwe-Pike", "Garden Suburbs Group"),
        ("Siân Ffoulkes-Abara", "No organisation"),
    )
)
_PLACES = (
    "Nettle Lane",
    "Larkspur Hill",
    "Tansy Wharf",
    "Thistle Green",
    "Foundry Court",
    "Cobbler's Yard",
    "Marlow Fields",
)
_SUBJECTS = (
    ("Bus stops", "the shelters at the bus stops", "Transport"),
    ("Damp in homes", "the repair of damp homes", "Planning and Housing"),
    (
        "Violence Reduction Unit",
        "what the Violence Reduction Unit (VRU) does",
        "Policing and Crime",
    ),
    ("E-scooters", "the e-scooters left on the pavement", "Transport"),
    ("Street trees", "the watering of young trees", "Environment"),
)
_QUESTIONS_PER_MEETING = 100
_DAYS_BETWEEN = 28


def build_large_world(start: datetime, questions: int = 2000) -> ReplicaWorld:
    """Return a world with a hundred questions a meeting; the newest meeting was a week ago.

    The last tenth of the questions appear at the first stage. One question in eight has no answer
    until the second stage, and one in forty has a holding reply until the third.

    Args:
        start: When the world starts; aware.
        questions: How many questions it has.
    """
    count = -(-questions // _QUESTIONS_PER_MEETING)
    today = start.astimezone(LONDON_TIME_ZONE).date()
    meetings = tuple(
        ReplicaMeeting(
            name="MQT",
            date=today - timedelta(days=7 + _DAYS_BETWEEN * (count - 1 - number)),
            session="Mayor's Question Time",
        )
        for number in range(count)
    )
    taken: set[str] = set()
    return ReplicaWorld(
        start=start,
        stages=STAGES,
        meetings=meetings,
        members=_MEMBERS,
        questions=tuple(
            _build_question(
                n,
                meetings[n // _QUESTIONS_PER_MEETING],
                taken,
                late=n >= questions - questions // 10,
            )
            for n in range(questions)
        ),
    )


def _build_question(
    number: int, meeting: ReplicaMeeting, taken: set[str], *, late: bool
) -> ReplicaQuestion:
    subject, matter, category = _SUBJECTS[number % len(_SUBJECTS)]
    place = _PLACES[number % len(_PLACES)]
    member = _MEMBERS[number % len(_MEMBERS)]
    title = f"{subject} at {place}"
    body = f"""
    People at {place} have written to me about {matter}, and this is letter number
    {number + 1}. What has been done since they last wrote, what will be done before the winter, and
    who will tell them?

    I should be glad of an answer that I can read out to them at the next meeting of the residents,
    which is on a Tuesday, as it always is.
    """
    after = STAGES[0] if late else timedelta(0)
    return ReplicaQuestion(
        slug=build_slug(title, taken),
        title=title,
        asked_by=member,
        organisation=member.party,
        asked_of=MAYOR,
        meeting=meeting,
        html=format_paragraphs(body),
        after=after,
        answers=_build_answers(number, meeting, after),
        reference=f"{meeting.date.year}/{number + 1:04}",
        category=category,
    )


def _build_answers(
    number: int, meeting: ReplicaMeeting, after: timedelta
) -> tuple[ReplicaAnswer, ...]:
    day = meeting.date + timedelta(days=3 + number % 4)
    words = format_paragraphs(f"""
    Thank you for letter number {number + 1}. The work was looked at this week and will be finished
    before the winter; the residents will be told by post and by a notice on the board.
    """)
    if number % 40 == 0:
        holding = format_paragraphs(HOLDING_TEXT)
        return (
            ReplicaAnswer(after=after, date=day, html=holding, until=STAGES[2]),
            ReplicaAnswer(after=STAGES[2], date=day, html=words),
        )
    return (ReplicaAnswer(after=STAGES[1] if number % 8 == 1 else after, date=day, html=words),)
