"""One entry of a digest in words: in full, or its title alone."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec
from cachetools import LRUCache
from markupsafe import Markup

from alerts.digests.digest import Digest
from alerts.digests.entries import Entry, EntryKey, EntryOutline, load_entry
from alerts.digests.entry_words import describe_entry
from alerts.mail import MailIdentity, encode_lines
from alerts.rendering import Templates, name_site, normalise_link, question_path

#: 10,000 entries of about 8 kB (HTML and text, plain and encoded) = 80 MB. A busy day has some
#: hundred changes, so this holds the entries of all their combinations of topics that are sent to
#: more than a few.
_MAX_RENDERED_ENTRIES = 10_000


class RenderedEntry(msgspec.Struct, frozen=True):
    """One entry as HTML, marked as safe, and as plain text."""

    html: str
    text: str
    html_lines: str  #: in quoted-printable
    text_lines: str

    @property
    def size(self) -> int:
        """Bytes of the larger of the two in an email."""
        return max(len(self.html_lines), len(self.text_lines))


class EntryRenderer:
    """Renders entries, and keeps what many digests share.

    The templates are read when they are first used, so an instance lasts for one run.
    """

    def __init__(
        self,
        templates: Templates,
        identity: MailIdentity,
        get_entry: Callable[[EntryOutline], Entry] = load_entry,
    ) -> None:
        """Prepare to render.

        Args:
            templates: Of entries.
            identity: Whose pages entries link to, and the addresses of the sources' sites. With
                more than one source, entries name theirs.
            get_entry: Prepares the text of an entry. It is asked for what is shown alone.
        """
        self.templates = templates
        self._identity, self._get_entry = identity, get_entry
        self._rendered: MutableMapping[tuple[EntryKey, str, bool, bool], RenderedEntry] = LRUCache(
            _MAX_RENDERED_ENTRIES
        )

    def render_full(
        self, outline: EntryOutline, *, is_supplementary: bool, names_source: bool = False
    ) -> RenderedEntry:
        """Return an entry with its passages; ``is_supplementary`` indents it below its question."""
        return self._render("mail/entry", outline, is_supplementary, names_source)

    def render_title(self, outline: EntryOutline, *, names_source: bool = False) -> RenderedEntry:
        """Return the title of an entry, for those below the ones shown in full."""
        return self._render("mail/entry_title", outline, False, names_source)

    def names_sources(self, digest: Digest) -> bool:
        """Return whether the entries of a digest name their sources: there are several."""
        return len(self._identity.site_urls) > 1 or len(digest.sources) > 1

    def _render(
        self, template: str, outline: EntryOutline, is_supplementary: bool, names_source: bool
    ) -> RenderedEntry:
        key = (outline.key, template, is_supplementary, names_source)
        known = self._rendered.get(key) if outline.matches else None
        if known is None:
            values = self._list_values(outline, names_source)
            values["is_supplementary"] = is_supplementary
            html = self.templates.render_html(f"{template}.html", **values) + "\n"
            text = self.templates.render_text(f"{template}.txt", **values)
            safe = Markup(html)  # noqa: S704  # escaped by Jinja
            known = RenderedEntry(safe, text, encode_lines(html), encode_lines(text))
            if outline.matches:
                self._rendered[key] = known
        return known

    def _list_values(self, outline: EntryOutline, names_source: bool) -> dict[str, Any]:
        """Return what the templates of an entry use."""
        entry, identity = self._get_entry(outline), self._identity
        question, public_url = entry.question, identity.public_url
        site_name = name_site(question.source, identity.site_urls)
        return describe_entry(entry, site_name, names_source) | {
            "entry": entry,
            "source_url": normalise_link(question.url),
            "thread_url": f"{public_url}{question_path(question.id)}" if public_url else None,
            "base_url": question.url or identity.site_urls.get(question.source),
        }
