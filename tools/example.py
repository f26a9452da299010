"""A digest with one of everything, as it goes out; people, places and words are invented."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from alerts.digests.digest import Digest, compose
from alerts.digests.entries import Hit, Overdue, entry_of, overdue_entry
from alerts.mail.dkim import SigningKey
from alerts.mail.message import Letterhead, Rendered, build
from alerts.model import Change, Kind, Numbered, Subscriber, Watch
from alerts.rendering.templates import Templates
from crawler.records import Addressee, Answer, Asker, Meeting, Question, Speech, content_digest

NOW = datetime(2026, 7, 17, 6, 0, tzinfo=UTC)
PERSON = Subscriber(1, "ada@demo.example", "B_Dg_tSS9p9aqYTmJawR5g", "Europe/London", 7)
_MEETING = Meeting("MQT on 2026-07-16", date(2026, 7, 16))


def letterhead() -> Letterhead:
    """Ours, with a new key."""
    key = SigningKey("watch2026", "demo.example", rsa.generate_private_key(65537, 2048))
    return Letterhead(
        *("Watchword", "watchword@demo.example", "leave@demo.example"),
        "https://watchword.example",
        keys=(key,),
    )


def digest() -> Digest:
    """Answered, corrected, with a supplementary, held, asked and overdue."""
    benches = Watch("benches", "bench", note="for the parks report")
    ferry = Watch('"night ferry" OR NFS', '"night ferri" OR NFS')
    main = _question(1, "Benches on the Riverside Walk", _REPLY)
    further = msgspec.structs.replace(
        _question(2, "Benches on the Riverside Walk (Supplementary) [1]", _FURTHER),
        kind="supplementary",
        supplementary_number=1,
        parent=main.id,
    )
    before = _question(3, "Night ferry timetable", "The night ferry runs until 1 am on Fridays.")
    after = _question(3, "Night ferry timetable", "The night ferry runs until 2 am on Fridays.")
    held = _question(4, "Night ferry fares", "A reply on the night ferry is being drafted.")
    asked = _question(5, "Accessible benches at bus stops", None)
    late = _question(6, "Harbour lights", None)
    entries = [
        entry_of([_hit(benches, "answered", main, 1)]),
        entry_of([_hit(benches, "answered", further, 2)]),
        entry_of([_hit(ferry, "corrected", after, 3, before)]),
        entry_of([_hit(ferry, "holding", held, 4)]),
        entry_of([_hit(benches, "asked", asked, 5)]),
        overdue_entry(Overdue(Watch(late.title or "", None), late, 35)),
    ]
    return compose(entries)


_REPLY = (
    "Twelve new benches have been ordered for the Riverside Walk and will be in place by the end "
    "of September. Each has arms, a back and room beside it for a wheelchair, after a trial "
    "last year in which nine out of ten people asked for them."
)
_FURTHER = "The old benches will be mended and offered to schools; none is thrown away."


def _question(number: int, title: str, answered: str | None) -> Question:
    words = "Could you say what is planned, by when, and what it will cost?"
    made = Question(
        id=f"london:/questions/2026/{number:04}",
        source="london",
        url=f"https://replica.example/questions/2026/{number:04}",
        reference=f"2026/{number:04}",
        title=title,
        asked_by=Asker("Ada Brook", "Ada Brook AM", "Riverside Group", "ada-brook"),
        asked_of=(Addressee("The Mayor", "The Mayor"),),
        meeting=_MEETING,
        question=(Speech("Ada Brook", (f"{title}: {words}",)),),
        status="answered" if answered else "unanswered",
        answers=(Answer(("The Mayor",), speeches=(Speech("The Mayor", (answered,)),)),)
        if answered
        else (),
        generation="2022",
        digest="",
    )
    return msgspec.structs.replace(made, digest=content_digest(made))


def _hit(
    watch: Watch, kind: Kind, question: Question, seq: int, before: Question | None = None
) -> Hit:
    return Hit(watch, Numbered(seq, NOW, None, Change(kind, question.digest, question, before)))


def rendered() -> Rendered:
    """It in words."""
    head = letterhead()
    return Templates().digest(digest(), PERSON, head.links(PERSON.token, NOW), head, NOW)


def message(now: datetime = NOW) -> bytes:
    """It as bytes, signed."""
    head = letterhead()
    links = head.links(PERSON.token, NOW)
    words = Templates().digest(digest(), PERSON, links, head, now)
    return build(words, head, links, PERSON.email, f"<digest.{'0' * 32}@demo.example>", now)
