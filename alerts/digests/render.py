"""A digest as an email: the words around its entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from alerts.digests.digest import Digest
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.room import ShownDigest, add_titles, shorten_name, show_full_entries
from alerts.digests.section_words import (
    build_contents,
    build_sections,
    describe_hidden_topics,
    describe_notices,
)
from alerts.language import gettext, gettext_noop
from alerts.mail import EmailLinks, MailIdentity, RenderedMessage, bound_part_size
from alerts.model import Frequency, Subscriber
from alerts.rendering import CHANGE_LABELS, Templates
from crawler.records import name_question

#: How long the page with a whole digest is available: a monthly digest's until the next one comes.
DIGEST_PAGE_DAYS = 30

#: When digests of one frequency come. Where an email has topics of several, none of these is true.
_SENDING_TIMES: Final[Mapping[Frequency, str]] = {
    Frequency.IMMEDIATE: gettext_noop(
        "You get this when there is news, at %(address)s, because you subscribed."
    ),
    Frequency.HOURLY: gettext_noop(
        "You get this in hours with news, at %(address)s, because you subscribed."
    ),
    Frequency.DAILY: gettext_noop(
        "You get this at %(time)s on days with news, at %(address)s, because you subscribed."
    ),
    Frequency.WEEKLY: gettext_noop(
        "You get this on Mondays at %(time)s if there is news, at %(address)s, "
        "because you subscribed."
    ),
    Frequency.MONTHLY: gettext_noop(
        "You get this on the first day of a month at %(time)s if there is news, "
        "at %(address)s, because you subscribed."
    ),
    Frequency.MEETING: gettext_noop(
        "You get this at %(time)s on the day after a meeting if there is news, "
        "at %(address)s, because you subscribed."
    ),
}
_ANY_TIME = gettext_noop("You get this at %(address)s, because you subscribed.")


class DigestEnvelope(msgspec.Struct, frozen=True):
    """What an email says beside its digest: from whom, to whom, when, and its links."""

    identity: MailIdentity
    subscriber: Subscriber
    links: EmailLinks
    now: datetime


def render_digest(
    digest: Digest, envelope: DigestEnvelope, renderer: EntryRenderer
) -> RenderedMessage:
    """Return a digest as an email.

    Neither of its parts has more than 90,000 bytes, however many entries there are: those that
    come first are shown in full, the next by their titles, and the last are counted.

    Raises:
        TemplatesError: A template is missing or wrong.
    """
    shown = show_full_entries(digest, renderer)
    if shown.not_full:
        frame = _render_frame(digest, shown, envelope, renderer.templates)
        size = max(bound_part_size(frame.html), bound_part_size(frame.text))
        shown = add_titles(digest, shown, size, renderer)
    return _render_frame(digest, shown, envelope, renderer.templates)


def _render_frame(
    digest: Digest, shown: ShownDigest, envelope: DigestEnvelope, templates: Templates
) -> RenderedMessage:
    """Return the email with the entries ``shown``."""
    now = envelope.now.astimezone(ZoneInfo(envelope.subscriber.zone))
    sections = build_sections(shown, envelope.links)
    values: dict[str, Any] = {
        "digest": digest,
        "subject": digest.subject,
        "preheader": _describe_first_entry(digest),
        "notices": describe_notices(digest, now),
        "shown": shown,
        "sections": sections,
        "contents": build_contents(sections),
        "hidden_topics": describe_hidden_topics(shown.hidden_topics),
        "page_days": DIGEST_PAGE_DAYS,
        "links": envelope.links,
        "identity": envelope.identity,
        "sending_time": _describe_sending_time(digest, envelope.subscriber),
        "now": now,
    }
    text = templates.render_text_pieces("mail/digest.txt", **values)
    html = templates.render_html_pieces("mail/digest.html", **values)
    return RenderedMessage(
        subject=values["subject"],
        text="".join(text),
        html="".join(html),
        text_pieces=text,
        html_pieces=html,
        encoded_pieces=shown.encoded_pieces,
    )


def _describe_first_entry(digest: Digest) -> str:
    """Return what mail programs show beside the subject: the most important change."""
    first = digest.first_entry
    if first is None:
        return ""
    label, title = gettext(CHANGE_LABELS[first.kind]), shorten_name(name_question(first.question))
    return gettext("%(change)s: %(title)s") % {"change": label, "title": title}


def _describe_sending_time(digest: Digest, subscriber: Subscriber) -> str:
    """Return the sentence that says when and why the subscriber gets digests."""
    several = len(digest.frequencies) != 1
    sentence = _ANY_TIME if several else _SENDING_TIMES.get(min(digest.frequencies), _ANY_TIME)
    return gettext(sentence) % {"time": f"{subscriber.hour:02}:00", "address": subscriber.email}
