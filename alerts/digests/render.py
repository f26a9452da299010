"""A digest in words: its entries, and the email around them."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from cachetools import LRUCache
from markupsafe import Markup

from alerts.digests.digest import Digest
from alerts.digests.entries import Entry, EntryKey
from alerts.mail import EmailLinks, MailIdentity, RenderedMessage
from alerts.model import Subscriber
from alerts.rendering import Templates

#: How long the page with a whole digest is available: a monthly digest's until the next one comes.
DIGEST_PAGE_DAYS = 30

#: 20,000 entries of about 6 kB (HTML and text) = 120 MB. A busy day has some hundred changes, so
#: this holds the entries of all their combinations of topics that are sent to more than a few.
_MAX_RENDERED_ENTRIES = 20_000


class RenderedEntry(msgspec.Struct, frozen=True):
    """One entry as HTML, marked as safe, and as plain text."""

    html: str
    text: str


class DigestEnvelope(msgspec.Struct, frozen=True):
    """What an email says beside its digest: from whom, to whom, when, and its links."""

    identity: MailIdentity
    subscriber: Subscriber
    links: EmailLinks
    now: datetime


class EntryRenderer:
    """Renders entries, and keeps what many digests share.

    The templates are read when they are first used, so an instance lasts for one run.
    """

    def __init__(self, templates: Templates) -> None:
        self.templates = templates
        self._rendered: MutableMapping[tuple[EntryKey, str, bool], RenderedEntry] = LRUCache(
            _MAX_RENDERED_ENTRIES
        )

    def render_full(self, entry: Entry, *, is_supplementary: bool) -> RenderedEntry:
        """Return an entry with its passages; ``is_supplementary`` indents it below its question."""
        return self._render("mail/entry", entry, is_supplementary)

    def render_title(self, entry: Entry) -> RenderedEntry:
        """Return the title of an entry, for those below the ones shown in full."""
        return self._render("mail/entry_title", entry, False)

    def _render(self, template: str, entry: Entry, is_supplementary: bool) -> RenderedEntry:
        key = (entry.key, template, is_supplementary)
        known = self._rendered.get(key) if entry.key else None
        if known is None:
            values: dict[str, Any] = {"entry": entry, "is_supplementary": is_supplementary}
            html = self.templates.render_html(f"{template}.html", **values)
            text = self.templates.render_text(f"{template}.txt", **values)
            known = RenderedEntry(Markup(html), text)  # noqa: S704  # escaped by Jinja
            if entry.key:
                self._rendered[key] = known
        return known


def render_digest(
    digest: Digest, envelope: DigestEnvelope, renderer: EntryRenderer
) -> RenderedMessage:
    """Return a digest as an email.

    Raises:
        TemplatesError: A template is missing or wrong.
    """
    subscriber = envelope.subscriber
    values: dict[str, Any] = {
        "digest": digest,
        "full_entries": [
            renderer.render_full(entry, is_supplementary=is_supplementary)
            for entry, is_supplementary in digest.full_entries
        ],
        "title_entries": [renderer.render_title(entry) for entry in digest.titles_only_entries],
        "page_days": DIGEST_PAGE_DAYS,
        "links": envelope.links,
        "identity": envelope.identity,
        "recipient": subscriber.email,
        "now": envelope.now.astimezone(ZoneInfo(subscriber.zone)),
    }
    return RenderedMessage(
        subject=digest.subject,
        text=renderer.templates.render_text("mail/digest.txt", **values),
        html=renderer.templates.render_html("mail/digest.html", **values),
    )
