"""A digest in words: its entries, and the email around them."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from cachetools import LRUCache
from markupsafe import Markup

from alerts.digests.digest import Digest
from alerts.digests.entries import Entry, EntryKey
from alerts.mail import EmailLinks, MailIdentity, RenderedMessage, bound_part_size
from alerts.model import Subscriber
from alerts.rendering import Templates, name_site

#: How long the page with a whole digest is available: a monthly digest's until the next one comes.
DIGEST_PAGE_DAYS = 30

#: 20,000 entries of about 6 kB (HTML and text) = 120 MB. A busy day has some hundred changes, so
#: this holds the entries of all their combinations of topics that are sent to more than a few.
_MAX_RENDERED_ENTRIES = 20_000


#: How many entries show their passages, where they are short.
_MAX_FULL_ENTRIES = 20
#: Attached files of one entry.
_MAX_FILES = 5
#: Bytes of each part of the email, as sent. Gmail cuts off what comes after 102 kB.
_MAX_PART_SIZE = 90_000
#: Bytes of the entries that show their passages, so that titles of others find a place.
_MAX_FULL_SIZE = 60_000
#: Bytes that are kept free for the heading above the titles and the sentence below them.
_TITLES_FRAME_SIZE = 3_000
#: Damaged queries that are named. Somebody may have hundreds, of 500 characters each.
_MAX_DAMAGED_QUERIES = 10


class RenderedEntry(msgspec.Struct, frozen=True):
    """One entry as HTML, marked as safe, and as plain text."""

    html: str
    text: str
    size: int  #: bytes of the larger of the two in an email, or somewhat more


class ShownEntries(msgspec.Struct, frozen=True):
    """The entries that an email has room for."""

    full: tuple[RenderedEntry, ...] = ()  #: with their passages
    titles: tuple[RenderedEntry, ...] = ()  #: the entries after those, as titles
    left_out: int = 0  #: how many come after those

    @property
    def not_full(self) -> int:
        """How many entries do not show their passages."""
        return len(self.titles) + self.left_out


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

    def __init__(
        self, templates: Templates, site_urls: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Prepare to render.

        Args:
            templates: Of entries.
            site_urls: By source, the address of its site. With more than one, entries name theirs.
        """
        self.templates, self._site_urls = templates, site_urls
        self._rendered: MutableMapping[tuple[EntryKey, str, bool, bool], RenderedEntry] = LRUCache(
            _MAX_RENDERED_ENTRIES
        )

    def render_full(
        self, entry: Entry, *, is_supplementary: bool, names_source: bool = False
    ) -> RenderedEntry:
        """Return an entry with its passages; ``is_supplementary`` indents it below its question."""
        return self._render("mail/entry", entry, is_supplementary, names_source)

    def render_title(self, entry: Entry, *, names_source: bool = False) -> RenderedEntry:
        """Return the title of an entry, for those below the ones shown in full."""
        return self._render("mail/entry_title", entry, False, names_source)

    def names_sources(self, digest: Digest) -> bool:
        """Return whether the entries of a digest name their sources: there are several."""
        return len(self._site_urls) > 1 or len(digest.sources) > 1

    def _render(
        self, template: str, entry: Entry, is_supplementary: bool, names_source: bool
    ) -> RenderedEntry:
        key = (entry.key, template, is_supplementary, names_source)
        known = self._rendered.get(key) if entry.key else None
        if known is None:
            source = entry.question.source
            values: dict[str, Any] = {
                "entry": entry,
                "is_supplementary": is_supplementary,
                "source_name": name_site(source, self._site_urls) if names_source else None,
                "base_url": entry.question.url or self._site_urls.get(source),
                "max_files": _MAX_FILES,
            }
            html = self.templates.render_html(f"{template}.html", **values)
            text = self.templates.render_text(f"{template}.txt", **values)
            size = max(bound_part_size(html), bound_part_size(text))
            known = RenderedEntry(Markup(html), text, size)  # noqa: S704  # escaped by Jinja
            if entry.key:
                self._rendered[key] = known
        return known


def render_digest(
    digest: Digest, envelope: DigestEnvelope, renderer: EntryRenderer
) -> RenderedMessage:
    """Return a digest as an email.

    Neither of its parts has more than 90,000 bytes, however many entries there are: those that
    come first are shown in full, the next by their titles, and the last are counted.

    Raises:
        TemplatesError: A template is missing or wrong.
    """
    shown = _show_full_entries(digest, renderer)
    if shown.left_out:
        frame = _render_frame(digest, shown, envelope, renderer.templates)
        room = _MAX_PART_SIZE - _TITLES_FRAME_SIZE
        room -= max(bound_part_size(frame.html), bound_part_size(frame.text))
        shown = _add_titles(digest, shown, room, renderer)
    return _render_frame(digest, shown, envelope, renderer.templates)


def _show_full_entries(digest: Digest, renderer: EntryRenderer) -> ShownEntries:
    """Return the first entries, as many as may be shown in full; the others are left out."""
    full: list[RenderedEntry] = []
    room, names_source = _MAX_FULL_SIZE, renderer.names_sources(digest)
    for entry, is_supplementary in digest.indented_entries[:_MAX_FULL_ENTRIES]:
        rendered = renderer.render_full(
            entry, is_supplementary=is_supplementary, names_source=names_source
        )
        room -= rendered.size
        if room < 0:
            break
        full.append(rendered)
    return ShownEntries(tuple(full), left_out=len(digest.entries) - len(full))


def _add_titles(
    digest: Digest, shown: ShownEntries, room: int, renderer: EntryRenderer
) -> ShownEntries:
    """Return ``shown`` with the titles of the next entries, as many as ``room`` bytes can hold."""
    titles: list[RenderedEntry] = []
    names_source = renderer.names_sources(digest)
    for entry in digest.entries[len(shown.full) :]:
        rendered = renderer.render_title(entry, names_source=names_source)
        room -= rendered.size
        if room < 0:
            break
        titles.append(rendered)
    return ShownEntries(shown.full, tuple(titles), shown.left_out - len(titles))


def _render_frame(
    digest: Digest, shown: ShownEntries, envelope: DigestEnvelope, templates: Templates
) -> RenderedMessage:
    """Return the email with the entries ``shown``."""
    subscriber = envelope.subscriber
    values: dict[str, Any] = {
        "digest": digest,
        "shown": shown,
        "page_days": DIGEST_PAGE_DAYS,
        "max_damaged_queries": _MAX_DAMAGED_QUERIES,
        "links": envelope.links,
        "identity": envelope.identity,
        "recipient": subscriber.email,
        "now": envelope.now.astimezone(ZoneInfo(subscriber.zone)),
    }
    return RenderedMessage(
        subject=digest.subject,
        text=templates.render_text("mail/digest.txt", **values),
        html=templates.render_html("mail/digest.html", **values),
    )
