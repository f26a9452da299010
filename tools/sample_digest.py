"""A sample digest with an entry of each kind; people, places and texts are invented."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from alerts.digests import Digest
from alerts.digests.digest import build_digest
from alerts.digests.entries import (
    DigestMatch,
    OverdueQuestion,
    outline_entry,
    outline_overdue_entry,
)
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.render import DigestEnvelope, render_digest
from alerts.mail import MailIdentity, RenderedMessage, SigningKey, draft_message, write_email
from alerts.model import Change, ChangeKind, Frequency, NumberedChange, SubscribedTopic, Subscriber
from alerts.rendering import Templates
from crawler.records import Addressee, Answer, Asker, Meeting, Question, Speech, hash_content

NOW = datetime(2026, 7, 17, 6, 0, tzinfo=UTC)
SUBSCRIBER = Subscriber(1, "ada@demo.example", "B_Dg_tSS9p9aqYTmJawR5g", "Europe/London", 7)
_MEETING = Meeting("MQT on 2026-07-16", date(2026, 7, 16))


def create_sample_identity() -> MailIdentity:
    """Return an identity with a new signing key."""
    key = SigningKey("watch2026", "demo.example", rsa.generate_private_key(65537, 2048))
    return MailIdentity(
        *("Watchword", "watchword@demo.example", "leave@demo.example"),
        "https://watchword.example",
        signing_keys=(key,),
    )


def build_sample_digest() -> Digest:
    """Return a digest with a supplementary, and entries of most kinds."""
    benches = SubscribedTopic("benches", "bench", note="for the parks report")
    ferry = SubscribedTopic('"night ferry" OR NFS', '"night ferri" OR NFS')
    main = _build_question(1, "Benches on the Riverside Walk", _ANSWER)
    further = msgspec.structs.replace(
        _build_question(
            2, "Benches on the Riverside Walk (Supplementary) [1]", _SUPPLEMENTARY_ANSWER
        ),
        kind="supplementary",
        supplementary_number=1,
        parent=main.id,
    )
    before = _build_question(
        3, "Night ferry timetable", "The night ferry runs until 1 am on Fridays."
    )
    after = _build_question(
        3, "Night ferry timetable", "The night ferry runs until 2 am on Fridays."
    )
    reply = "A reply on the night ferry is being drafted."
    held = _build_question(4, "Night ferry fares", reply, is_holding=True)
    asked = _build_question(5, "Accessible benches at bus stops", None)
    late = _build_question(6, "Harbour lights", None)
    entries = [
        outline_entry([_build_match(benches, ChangeKind.ANSWERED, main, 1)]),
        outline_entry([_build_match(benches, ChangeKind.ANSWERED, further, 2)]),
        outline_entry([_build_match(ferry, ChangeKind.CORRECTED, after, 3, before)]),
        outline_entry([_build_match(ferry, ChangeKind.HOLDING, held, 4)]),
        outline_entry([_build_match(benches, ChangeKind.ASKED, asked, 5)]),
        outline_overdue_entry(
            OverdueQuestion(SubscribedTopic(late.title or "", None), late, 35, 3)
        ),
    ]
    return build_digest(entries, frequencies=[Frequency.DAILY])


_ANSWER = (
    "Twelve new benches have been ordered for the Riverside Walk and will be in place by the end "
    "of September. Each has arms, a back and room beside it for a wheelchair, after a trial "
    "last year in which nine out of ten people asked for them."
)
_SUPPLEMENTARY_ANSWER = (
    "The old benches will be mended and offered to schools; none is thrown away."
)


def _build_question(
    number: int, title: str, answered: str | None, *, is_holding: bool = False
) -> Question:
    text = "Could you say what is planned, by when, and what it will cost?"
    speech = Speech("The Mayor", (answered or "",))
    answer = Answer(
        ("The Mayor",),
        date=None if is_holding else date(2026, 7, 28),
        holding=is_holding,
        speeches=(speech,),
    )
    answers = (answer,) if answered else ()
    made = Question(
        id=f"london:/questions/2026/{number:04}",
        source="london",
        url=f"https://replica.example/questions/2026/{number:04}",
        reference=f"2026/{number:04}",
        title=title,
        asked_by=Asker("Ada Brook", "Ada Brook AM", "Riverside Group", "ada-brook"),
        asked_of=(Addressee("The Mayor", "The Mayor"),),
        meeting=_MEETING,
        question=(Speech("Ada Brook", (f"{title}: {text}",)),),
        status="holding" if is_holding else "answered" if answered else "unanswered",
        answers=answers,
        generation="2022",
        digest="",
    )
    return msgspec.structs.replace(made, digest=hash_content(made))


def _build_match(
    topic: SubscribedTopic,
    kind: ChangeKind,
    question: Question,
    seq: int,
    before: Question | None = None,
) -> DigestMatch:
    change = Change(kind, question.digest, question, before)
    subscription_id = 1 if topic.query == "benches" else 2
    return DigestMatch(topic, NumberedChange(seq, NOW, None, change), subscription_id)


def render_sample_digest() -> RenderedMessage:
    """Return the sample digest as an email's text and HTML."""
    return _render(create_sample_identity(), NOW)


def _render(identity: MailIdentity, now: datetime) -> RenderedMessage:
    links = identity.build_links(SUBSCRIBER.token, NOW)
    envelope = DigestEnvelope(identity, SUBSCRIBER, links, now)
    return render_digest(build_sample_digest(), envelope, EntryRenderer(Templates(), identity))


def build_sample_message(now: datetime = NOW) -> bytes:
    """Return the sample digest as the bytes of a signed email."""
    identity = create_sample_identity()
    links = identity.build_links(SUBSCRIBER.token, NOW)
    draft = draft_message("digest", SUBSCRIBER, "sample", identity)
    return write_email(draft, _render(identity, now), identity, now, links).body
