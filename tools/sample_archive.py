"""An archive of two years, for the pictures of the docs; people, places and texts are invented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from alerts.ledger import questions
from crawler.records import (
    Addressee,
    Answer,
    Asker,
    Attachment,
    Meeting,
    Question,
    Speech,
    hash_content,
)

NOW = datetime(2026, 11, 26, 14, 5, tzinfo=UTC)
SITE_URL = "https://www.harbour.example"
_MAYOR = Addressee("The Mayor", "The Mayor")
_OTHERS = (
    Addressee("Police Commissioner", "Police Commissioner"),
    Addressee("Chair of the Ferry Board", "Chair of the Ferry Board"),
)
#: Who asks, their party, and how much more often than others.
_MEMBERS = (
    ("Harpreet Kaur Dhaliwal-Finch", "Riverside Group", 9),
    ("Oluwaseun Adéyemi-Clarke", "Garden Suburbs Group", 7),
    ("Zoë van der Merwe-Pike", "Riverside Group", 6),
    ("Sìle Ní Bhriain-Hughes", "Heathlands Group", 5),
    ("Siobhán Ferreira-Lund", "Independent", 4),
    ("Léonie Marchbanks-Osei", "Garden Suburbs Group", 3),
    ("Théodore Lacy-Ollivant", "Heathlands Group", 2),
    ("Siân Ffoulkes-Abara", "Riverside Group", 2),
)
_PLACES = ("Nettle Lane", "Larkmoor", "Otterbrook", "Pennyfield", "Quillgate", "Marrow Hill")


class _Text(msgspec.Struct, frozen=True):
    """What is asked, and answered."""

    title: str
    asked: str
    answered: str


class _Texts(msgspec.Struct, frozen=True):
    """The file of texts."""

    grants_title: str
    grants_asked: tuple[str, ...]
    grants_answered: str  #: with ``{small}`` for a number
    news: tuple[_Text, ...]
    vru: tuple[_Text, ...]
    other: tuple[_Text, ...]


_TEXTS = msgspec.toml.decode(Path(__file__).with_suffix(".toml").read_bytes(), type=_Texts)


def build_old_questions() -> list[Question]:
    """Return what was asked in two years, all but the last days: 330 questions, 39 of the VRU."""
    random = Random(7)  # noqa: S311  # a picture is no secret
    texts = cycle(_TEXTS.vru)
    found = [_ask(random, n, next(texts), _spread(n, 39)) for n in range(39)]
    patterns = cycle(_TEXTS.other)
    for number in range(39, 330):
        values = {"place": random.choice(_PLACES), "n": random.randint(3, 96)}
        pattern = next(patterns)
        parts = (pattern.title, pattern.asked, pattern.answered)
        text = _Text(*(part.format(**values) for part in parts))
        found.append(_ask(random, number, text, _spread(number - 39, 291)))
    return found


def _spread(place: int, number: int) -> date:
    """Return the day of a meeting: the later ones have more questions, as in most archives."""
    share = (place / number) ** 0.7
    day = date(2024, 12, 5) + timedelta(days=int(share * 713))
    return day.replace(day=min(day.day - day.day % 7 + 5, 26))


def _ask(random: Random, number: int, text: _Text, day: date) -> Question:
    [who] = random.choices(range(len(_MEMBERS)), weights=[one[2] for one in _MEMBERS])
    took = timedelta(days=max(1, int(random.lognormvariate(2.4, 0.5))))
    is_due = day + took < date(2026, 11, 16)
    answers: tuple[Answer, ...] = ()
    is_old = day < date(2026, 8, 1)
    if is_due and (is_old or random.random() < 0.8):
        answers = (_reply(text.answered, day + took),)
    elif random.random() < 0.4:
        answers = (_hold(),)
    [asked_of] = random.choices((_MAYOR, *_OTHERS), weights=(8, 1, 1))
    return _build(
        *(600 + number, text.title, (text.asked,), answers, day, _name(who)),
        asked_of=(asked_of,),
    )


def _reply(text: str, day: date, **fields: Any) -> Answer:
    return Answer(("The Mayor",), date=day, speeches=(Speech("The Mayor", (text,)),), **fields)


def _hold() -> Answer:
    text = "Officers are drafting a reply, which will be sent shortly."
    return Answer(("The Mayor",), holding=True, speeches=(Speech("The Mayor", (text,)),))


def _name(place: int) -> Asker:
    name, party, _ = _MEMBERS[place]
    return Asker(name, f"{name} AM", party, questions.build_person_slug(name))


def _build(
    number: int,
    title: str,
    asked: tuple[str, ...],
    answers: tuple[Answer, ...],
    day: date,
    asker: Asker,
    **fields: Any,
) -> Question:
    real = [answer for answer in answers if not answer.holding]
    made = Question(
        id=f"harbour:/questions/{number}",
        source="harbour",
        url=f"{SITE_URL}/questions/{day.year}/{number}",
        reference=f"{day.year}/{number}",
        title=title,
        asked_by=asker,
        asked_of=(_MAYOR,),
        meeting=Meeting(f"Question Time on {day}", day),
        question=(Speech(asker.name, asked),),
        status="answered" if real else "holding" if answers else "unanswered",
        answers=answers,
        generation="2026",
        digest="",
    )
    made = msgspec.structs.replace(made, **fields)
    return msgspec.structs.replace(made, digest=hash_content(made))


def iter_news() -> Iterator[tuple[datetime, list[Question]]]:
    """Yield what happened since, by the moment at which it was read."""
    yield from _iter_grants()
    late, last = date(2026, 11, 19), date(2026, 11, 24)
    first, second, third = _TEXTS.vru[0], _TEXTS.vru[4], _TEXTS.vru[6]
    asked = [(1581, first, 0), (1582, second, 3), (1583, third, 2)]
    yield (
        datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
        [_build(n, text.title, (text.asked,), (), late, _name(who)) for n, text, who in asked],
    )
    bins, trade, boxing = _TEXTS.news
    replies = (_reply(bins.answered, date(2026, 11, 25)),)
    before = date(2026, 10, 22)
    yield (
        datetime(2026, 10, 23, 8, 0, tzinfo=UTC),
        [_build(1388, bins.title, (bins.asked,), (), before, _name(4))],
    )
    yield (
        datetime(2026, 11, 25, 15, 0, tzinfo=UTC),
        [
            _build(1388, bins.title, (bins.asked,), replies, before, _name(4)),
            _build(1591, trade.title, (trade.asked,), (), last, _name(3)),
            _build(1592, boxing.title, (boxing.asked,), (), last, _name(5)),
        ],
    )
    answer = _reply(first.answered, date(2026, 11, 25))
    new = _TEXTS.vru[2]
    yield (
        datetime(2026, 11, 25, 16, 30, tzinfo=UTC),
        [
            _build(1581, first.title, (first.asked,), (answer,), late, _name(0)),
            _build(1582, second.title, (second.asked,), (_hold(),), late, _name(3)),
            _build(1590, new.title, (new.asked,), (), last, _name(1)),
        ],
    )


def _iter_grants() -> Iterator[tuple[datetime, list[Question]]]:
    """Yield the moments of one thread: asked, held, answered, corrected."""
    day, title = date(2026, 9, 24), _TEXTS.grants_title
    parent: dict[str, Any] = {
        "parent": "harbour:/questions/1303",
        "reference": None,
        "kind": "supplementary",
    }
    asked = "Will the projects that have closed be asked whether they would open again?"
    first = _build(
        *(1304, f"{title} (Supplementary) [1]", (asked,)),
        *((_reply("They have been, and two of the four will.", day),), day, _name(0)),
        supplementary_number=1,
        **parent,
    )
    asked = "And how many of the others have had a visit from the unit this year?"
    second = _build(
        *(1305, f"{title} (Supplementary) [2]", (asked,), (_hold(),), day, _name(3)),
        supplementary_number=2,
        **parent,
    )

    def answer(*answers: Answer) -> Question:
        return _build(1303, title, _TEXTS.grants_asked, answers, day, _name(0))

    yield datetime(2026, 9, 24, 14, 40, tzinfo=UTC), [answer(), first]
    yield datetime(2026, 9, 30, 11, 2, tzinfo=UTC), [second]
    yield datetime(2026, 10, 6, 16, 10, tzinfo=UTC), [answer(_answer_with_table(52))]
    yield datetime(2026, 11, 25, 9, 25, tzinfo=UTC), [answer(_answer_with_table(25))]


def _answer_with_table(small: int) -> Answer:
    rows = (
        "Year | Given | Projects | By volunteers alone",
        "2023–24 | £815,000 | 47 | 18",
        "2024–25 | £960,000 | 58 | 25",
        f"2025–26 | £1,145,000 | 71 | {small}",
    )
    last = _TEXTS.grants_answered.format(small=small)
    table = "".join(
        f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in row.split(' | '))}</tr>"
        for row, tag in zip(rows, ("th", "td", "td", "td"), strict=True)
    )
    opening = "This is what was given in each year."
    return Answer(
        ("The Mayor",), date=date(2026, 10, 6),
        speeches=(Speech("The Mayor", (opening, *rows, last)),),
        html=f"<p>{opening}</p><table>{table}</table><p>{last}</p>",
        attachments=(Attachment("Projects by ward", f"{SITE_URL}/files/projects.xlsx"),),
    )  # fmt: skip
