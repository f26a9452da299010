"""What many digests of one run share: changes, the texts of questions, and entries."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence

from cachetools import LRUCache
from sqlalchemy import Connection

from alerts.digests.entries import (
    DigestMatch,
    Entry,
    EntryKey,
    EntryOutline,
    EntryText,
    build_entry,
    build_overdue_entry,
    prepare_entry_text,
)
from alerts.ledger import changes, question_lookups
from alerts.model import NumberedChange
from crawler.records import Question

#: 20,000 entries of about 2 kB (their texts are shared) = 40 MB.
_MAX_ENTRIES = 20_000
#: Questions and their tokens, about 50 kB each: 400 = 20 MB. A day has some hundred changes.
_MAX_TEXTS = 400
#: The records of changes, before and after, about 20 kB each: 400 = 8 MB.
_MAX_CHANGES = 400


class EntryCache:
    """Entries, and what they are built from. Changes never change, so nothing goes stale."""

    def __init__(self) -> None:
        self._entries: MutableMapping[EntryKey, Entry] = LRUCache(_MAX_ENTRIES)
        self._texts: MutableMapping[tuple[int, ...], EntryText] = LRUCache(_MAX_TEXTS)
        self._changes: MutableMapping[int, NumberedChange] = LRUCache(_MAX_CHANGES)
        self._referred: dict[int, tuple[Question, ...]] = {}  #: by the number of a change

    def get_changes(
        self, connection: Connection, numbers: Collection[int]
    ) -> dict[int, NumberedChange]:
        """Return the changes with ``numbers``, reading from the ledger those that are not kept."""
        found = {n: self._changes[n] for n in numbers if n in self._changes}
        missing = set(numbers) - found.keys()
        if missing:
            read = changes.get(connection, sorted(missing))
            self._changes.update(read)
            self._keep_referred(connection, list(read.values()))
            found |= read
        return found

    def _keep_referred(self, connection: Connection, read: Sequence[NumberedChange]) -> None:
        """Keep the known questions that the answers in some changes refer to."""
        referred = question_lookups.list_referred(connection, [one.change.after for one in read])
        pairs = zip(read, referred, strict=True)
        self._referred |= {numbered.seq: found for numbered, found in pairs if found}

    def get_entry(self, outline: EntryOutline) -> Entry:
        """Return the entry with an outline; its text is prepared now if it is not kept."""
        if outline.overdue is not None:
            return build_overdue_entry(outline.overdue)
        key, matches = outline.key, outline.matches
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = build_entry(
                matches, self._get_text(matches), self._get_referred(matches)
            )
        return entry

    def _get_referred(self, matches: Sequence[DigestMatch]) -> tuple[Question, ...]:
        """Return the questions that the newest answers of ``matches`` refer to."""
        return self._referred.get(max(match.numbered.seq for match in matches), ())

    def _get_text(self, matches: Sequence[DigestMatch]) -> EntryText:
        """Return the text of the changes of ``matches``, which topics share."""
        key = tuple(dict.fromkeys(match.numbered.seq for match in matches))
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = prepare_entry_text(matches)
        return text
