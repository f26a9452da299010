"""What many digests have in common, made once: a question's entry, its words and its card."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from alerts.digests.entries import DigestMatch, Entry, EntryText, build_entry, prepare_entry_text
from alerts.ledger import changes
from alerts.model import NumberedChange, SubscribedTopic
from alerts.rendering.templates import RenderedEntry, Templates

#: So many entries are remembered; then all are forgotten and made again as they are asked for.
_MAX_ENTRIES = 20_000
#: The same for the texts of questions: they are large, and a day's are some hundred.
_MAX_TEXTS = 400

#: What an entry follows from: who watches how, and the changes' numbers.
_EntryKey = tuple[tuple[SubscribedTopic, int], ...]


class EntryCache:
    """Entries and their cards, for as long as neither changes nor templates do: a run."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._entries: dict[_EntryKey, Entry] = {}
        self._texts: dict[tuple[int, ...], EntryText] = {}
        self._rendered_entries: dict[tuple[int, bool], tuple[Entry, RenderedEntry]] = {}
        self._rendered_titles: dict[int, tuple[Entry, RenderedEntry]] = {}
        self._changes: dict[int, NumberedChange] = {}

    def get_changes(
        self, connection: Connection, numbers: Collection[int]
    ) -> dict[int, NumberedChange]:
        """Some changes, read from the ledger where they are not known."""
        known = {n: self._changes[n] for n in numbers if n in self._changes}
        if len(known) < len(numbers):
            if len(self._changes) >= _MAX_TEXTS:
                self._changes.clear()
            found = changes.get(connection, sorted(set(numbers) - known.keys()))
            self._changes |= found
            known |= found
        return known

    def get_entry(self, matches: Sequence[DigestMatch]) -> Entry:
        """The entry of a question, from all the hits on it."""
        key = tuple((hit.topic, hit.numbered.seq) for hit in matches)
        found = self._entries.get(key)
        if found is None:
            if len(self._entries) >= _MAX_ENTRIES:
                self._entries.clear()
                self._rendered_entries.clear()
                self._rendered_titles.clear()
            found = self._entries[key] = build_entry(matches, self._get_text(matches))
        return found

    def _get_text(self, matches: Sequence[DigestMatch]) -> EntryText:
        """What the hits are about, read once for all who watch for something in it."""
        key = tuple(dict.fromkeys(hit.numbered.seq for hit in matches))
        found = self._texts.get(key)
        if found is None:
            if len(self._texts) >= _MAX_TEXTS:
                self._texts.clear()
            found = self._texts[key] = prepare_entry_text(matches)
        return found

    def render_entry_title(self, entry: Entry) -> RenderedEntry:
        """An entry that is only named."""
        known = self._rendered_titles.get(id(entry))
        if known is None:
            known = self._rendered_titles[id(entry)] = (
                entry,
                self._templates.render_entry_title(entry),
            )
        return known[1]

    def render_entry(self, entry: Entry, is_nested: bool) -> RenderedEntry:
        """An entry's card. An entry is known by being the same object: its content is long."""
        known = self._rendered_entries.get((id(entry), is_nested))
        if known is None:
            known = self._rendered_entries[id(entry), is_nested] = (
                entry,
                self._templates.render_entry(entry, is_nested),
            )
        return known[1]
