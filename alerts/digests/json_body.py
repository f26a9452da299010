"""A digest as JSON, for what is no mailbox: a webhook, a chat. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from alerts.digests.digest import Digest
from alerts.digests.entries import Entry
from alerts.mail.message import EmailLinks, clean_header
from alerts.queries.snippets import Segment

#: Raised when a field is taken away or means something else.
VERSION = 1


class Notification(msgspec.Struct, frozen=True):
    """What a channel needs that shows no HTML."""

    id: str  #: the same when it is sent again
    subject: str
    text: str


def build_notification(digest: Digest, links: EmailLinks, message_id: str, now: datetime) -> bytes:
    """The body of a webhook: what an email would say, as JSON."""
    lines = [
        f"{entry.question.title}: {entry.kind} {entry.question.url or ''}".rstrip()
        for entry in digest.entries
    ]
    told = [f"{notice.site_name}: {notice.kind}" for notice in digest.notices]
    return _encode_body(
        message_id,
        digest.subject,
        "\n".join([*told, *lines]),
        now,
        {
            "entries": [_describe_entry(entry) for entry in digest.entries],
            "notices": [{"source": n.source, "kind": n.kind} for n in digest.notices],
            "unsubscribe": links.unsubscribe,
        },
    )


def build_operator_notification(subject: str, text: str, message_id: str, now: datetime) -> bytes:
    """A letter to the operator in the same form."""
    return _encode_body(message_id, subject, text, now, {})


def _encode_body(
    message_id: str, subject: str, text: str, now: datetime, extra: dict[str, Any]
) -> bytes:
    values = {
        "version": VERSION,
        "id": message_id.strip("<>"),
        "at": now,
        "subject": clean_header(subject),
        "text": text,
        **extra,
    }
    return msgspec.json.encode(values)


def _describe_entry(entry: Entry) -> dict[str, Any]:
    question = entry.question
    return {
        "id": question.id,
        "news": entry.kind,
        "title": question.title,
        "url": question.url,
        "reference": question.reference,
        "asked_by": question.asked_by.name if question.asked_by else None,
        "meeting_date": question.meeting.date if question.meeting else None,
        "because": [b.query for b in entry.reasons],
        "passage": _join_segments(entry.snippet.segments) if entry.snippet else None,
    }


def _join_segments(segments: tuple[Segment, ...]) -> str:
    return "".join(segment.text for segment in segments)


def parse_notification(body: bytes) -> Notification:
    """What :func:`build_notification` or :func:`build_operator_notification` wrote."""
    return msgspec.json.decode(body, type=Notification)
