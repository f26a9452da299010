"""A digest as JSON, for recipients that are not mailboxes: webhooks and chat services. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alerts.digests.digest import Digest
from alerts.digests.entries import Entry, EntryOutline
from alerts.language import gettext
from alerts.mail import EmailLinks
from alerts.rendering import normalise_link
from alerts.text import Segment
from crawler.records import name_question

#: Entries in the text. A line has about 150 characters, and Slack shows 40,000 of a message.
_MAX_LINES = 100


def describe_digest(
    digest: Digest, links: EmailLinks, load_entry: Callable[[EntryOutline], Entry]
) -> tuple[str, dict[str, Any]]:
    """Return the text of a digest's notification, and its further fields.

    The text has one line an entry, as many as chat services take; the fields have all entries.
    """
    lines = [
        f"{name_question(entry.question)}: {entry.kind} {entry.question.url or ''}".rstrip()
        for entry in digest.entries[:_MAX_LINES]
    ]
    if (left_out := len(digest.entries) - len(lines)) > 0:
        lines.append(gettext("And %(number)s more") % {"number": left_out})
    notices = [f"{notice.site_name}: {notice.kind}" for notice in digest.notices]
    damaged = gettext("“%(query)s” finds nothing at present")
    notices += [damaged % {"query": query} for query in digest.damaged_queries]
    details = {
        "damaged_queries": list(digest.damaged_queries),
        "entries": [_describe_entry(load_entry(outline)) for outline in digest.entries],
        "notices": [{"source": n.source, "kind": n.kind} for n in digest.notices],
        "unsubscribe": links.unsubscribe,
    }
    return "\n".join([*notices, *lines]), details


def _describe_entry(entry: Entry) -> dict[str, Any]:
    question = entry.question
    return {
        "id": question.id,
        "news": entry.kind,
        "title": name_question(question),
        "url": question.url,
        "source": question.source,
        "reference": question.reference,
        "asked_by": question.asked_by.name if question.asked_by else None,
        "meeting_date": question.meeting.date if question.meeting else None,
        "because": [b.query for b in entry.reasons],
        "passages": {one.field: _join_segments(one.segments) for one in entry.passages},
        "files": [
            {"title": _join_segments(file.title), "url": normalise_link(file.url, question.url)}
            for file in entry.files
        ],
        "refers_to": [one.question.id for one in entry.referred],
        "passage": _join_segments(entry.snippet.segments) if entry.snippet else None,
    }


def _join_segments(segments: tuple[Segment, ...]) -> str:
    return "".join(segment.text for segment in segments)
