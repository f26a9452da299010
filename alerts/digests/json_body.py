"""A digest as JSON, for what is no mailbox: a webhook, a chat. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from alerts.digests.digest import Digest
from alerts.digests.entries import Entry
from alerts.mail.message import Links, header
from alerts.queries.snippets import Segment

#: Raised when a field is taken away or means something else.
VERSION = 1


class Notification(msgspec.Struct, frozen=True):
    """What a channel needs that shows no HTML."""

    id: str  #: the same when it is sent again
    subject: str
    text: str


def notification(digest: Digest, links: Links, message_id: str, now: datetime) -> bytes:
    """The body of a webhook: what an email would say, as JSON."""
    lines = [
        f"{entry.question.title}: {entry.news} {entry.question.url or ''}".rstrip()
        for entry in digest.entries
    ]
    told = [f"{notice.place}: {notice.kind}" for notice in digest.notices]
    return _encoded(
        message_id,
        digest.subject,
        "\n".join([*told, *lines]),
        now,
        {
            "entries": [_entry(entry) for entry in digest.entries],
            "notices": [{"source": n.source, "kind": n.kind} for n in digest.notices],
            "unsubscribe": links.unsubscribe,
        },
    )


def letter(subject: str, text: str, message_id: str, now: datetime) -> bytes:
    """A letter to the operator in the same form."""
    return _encoded(message_id, subject, text, now, {})


def _encoded(
    message_id: str, subject: str, text: str, now: datetime, more: dict[str, Any]
) -> bytes:
    values = {
        "version": VERSION,
        "id": message_id.strip("<>"),
        "at": now,
        "subject": header(subject),
        "text": text,
        **more,
    }
    return msgspec.json.encode(values)


def _entry(entry: Entry) -> dict[str, Any]:
    question = entry.question
    return {
        "id": question.id,
        "news": entry.news,
        "title": question.title,
        "url": question.url,
        "reference": question.reference,
        "asked_by": question.asked_by.name if question.asked_by else None,
        "meeting_date": question.meeting.date if question.meeting else None,
        "because": [b.query for b in entry.because],
        "passage": _plain(entry.snippet.segments) if entry.snippet else None,
    }


def _plain(segments: tuple[Segment, ...]) -> str:
    return "".join(segment.text for segment in segments)


def read(body: bytes) -> Notification:
    """What :func:`notification` or :func:`letter` wrote."""
    return msgspec.json.decode(body, type=Notification)
