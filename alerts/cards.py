"""What many digests have in common, made once: a question's entry, its words and its card."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.changes import Numbered
from alerts.entries import Entry, Hit, Watch, entry_of
from alerts.rendering import Card, Templates

#: So many entries are remembered; then all are forgotten and made again as they are asked for.
_REMEMBERED = 4096

#: What an entry follows from: who watches how, and the changes' numbers.
_Key = tuple[tuple[Watch, int], ...]


class Cards:
    """Entries and their cards, for as long as neither changes nor templates do: a run."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._entries: dict[_Key, Entry] = {}
        self._cards: dict[tuple[int, bool], tuple[Entry, Card]] = {}
        #: The changes that were read from the ledger.
        self.changes: dict[int, Numbered] = {}

    def entry(self, hits: Sequence[Hit]) -> Entry:
        """The entry of a question, from all the hits on it."""
        key = tuple((hit.watch, hit.numbered.seq) for hit in hits)
        found = self._entries.get(key)
        if found is None:
            if len(self._entries) >= _REMEMBERED:
                self._entries.clear()
                self._cards.clear()
                self.changes.clear()
            found = self._entries[key] = entry_of(hits)
        return found

    def card(self, entry: Entry, is_under: bool) -> Card:
        """An entry's card. An entry is known by being the same object: its content is long."""
        known = self._cards.get((id(entry), is_under))
        if known is None:
            known = self._cards[id(entry), is_under] = (
                entry,
                self._templates.card(entry, is_under),
            )
        return known[1]
