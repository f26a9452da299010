"""What many digests have in common, made once: a question's entry, its words and its card."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from alerts.digests.entries import Entry, Hit, Text, entry_of, text_of
from alerts.ledger import changes
from alerts.model import Numbered, Watch
from alerts.rendering.templates import Card, Templates

#: So many entries are remembered; then all are forgotten and made again as they are asked for.
_REMEMBERED = 20_000
#: The same for the texts of questions: they are large, and a day's are some hundred.
_TEXTS = 400

#: What an entry follows from: who watches how, and the changes' numbers.
_Key = tuple[tuple[Watch, int], ...]


class Cards:
    """Entries and their cards, for as long as neither changes nor templates do: a run."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._entries: dict[_Key, Entry] = {}
        self._texts: dict[tuple[int, ...], Text] = {}
        self._cards: dict[tuple[int, bool], tuple[Entry, Card]] = {}
        self._lines: dict[int, tuple[Entry, Card]] = {}
        self._changes: dict[int, Numbered] = {}

    def changes(self, connection: Connection, numbers: Collection[int]) -> dict[int, Numbered]:
        """Some changes, read from the ledger where they are not known."""
        known = {n: self._changes[n] for n in numbers if n in self._changes}
        if len(known) < len(numbers):
            if len(self._changes) >= _TEXTS:
                self._changes.clear()
            found = changes.get(connection, sorted(set(numbers) - known.keys()))
            self._changes |= found
            known |= found
        return known

    def entry(self, hits: Sequence[Hit]) -> Entry:
        """The entry of a question, from all the hits on it."""
        key = tuple((hit.watch, hit.numbered.seq) for hit in hits)
        found = self._entries.get(key)
        if found is None:
            if len(self._entries) >= _REMEMBERED:
                self._entries.clear()
                self._cards.clear()
                self._lines.clear()
            found = self._entries[key] = entry_of(hits, self._text(hits))
        return found

    def _text(self, hits: Sequence[Hit]) -> Text:
        """What the hits are about, read once for all who watch for something in it."""
        key = tuple(dict.fromkeys(hit.numbered.seq for hit in hits))
        found = self._texts.get(key)
        if found is None:
            if len(self._texts) >= _TEXTS:
                self._texts.clear()
            found = self._texts[key] = text_of(hits)
        return found

    def line(self, entry: Entry) -> Card:
        """An entry that is only named."""
        known = self._lines.get(id(entry))
        if known is None:
            known = self._lines[id(entry)] = (entry, self._templates.line(entry))
        return known[1]

    def card(self, entry: Entry, is_under: bool) -> Card:
        """An entry's card. An entry is known by being the same object: its content is long."""
        known = self._cards.get((id(entry), is_under))
        if known is None:
            known = self._cards[id(entry), is_under] = (
                entry,
                self._templates.card(entry, is_under),
            )
        return known[1]
