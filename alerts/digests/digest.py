"""What one subscriber is due at one time, put together. Pure.

Each question stands once, however many of the subscriber's topics it matched and however often it
changed since the last digest: asked last week and answered today, it shows as answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain

import msgspec

from alerts.digests.entries import Entry
from alerts.model import ENTRY_KINDS, Notice
from alerts.questions.threads import sort_thread

#: So many entries are shown in full.
MAX_FULL_ENTRIES = 20


#: The subject of an email that has nothing but a notice in it.
_NOTICE_SUBJECTS = {
    "unavailable": "We cannot read {} at present",
    "restored": "We can read {} again",
}


class Digest(msgspec.Struct, frozen=True):
    """All that one subscriber is sent at one time."""

    threads: tuple[tuple[Entry, ...], ...]  #: a question, then what was put after it
    notices: tuple[Notice, ...] = ()  #: what is to be said of the sources themselves

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, as they are read."""
        return tuple(chain.from_iterable(self.threads))

    @property
    def full_entries(self) -> tuple[tuple[Entry, bool], ...]:
        """Those that are shown with what they say, and whether each stands under another."""
        marked = [(entry, n > 0) for thread in self.threads for n, entry in enumerate(thread)]
        return tuple(marked[:MAX_FULL_ENTRIES])

    @property
    def titles_only_entries(self) -> tuple[Entry, ...]:
        """Those that are named only: mail programs cut off what is longer, and nobody reads it."""
        return self.entries[MAX_FULL_ENTRIES:]

    @property
    def queries(self) -> tuple[str, ...]:
        """The subscriber's topics that matched, in the order of the entries."""
        return tuple(dict.fromkeys(b.query for e in self.entries for b in e.reasons))

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the questions come from, in the order of the entries."""
        return tuple(dict.fromkeys(entry.question.source for entry in self.entries))

    @property
    def count_summary(self) -> str:
        """``3 new answers, 1 new question``"""
        found = Counter(entry.kind for entry in self.entries)
        return ", ".join(
            f"{n} {kind.info.singular if n == 1 else kind.info.plural}"
            for kind in ENTRY_KINDS
            if (n := found[kind])
        )

    @property
    def subject(self) -> str:
        """Topics and counts: ``VRU: 3 new answers, 1 new question``; else the notice."""
        if not self.threads:
            return _NOTICE_SUBJECTS[self.notices[0].kind].format(self.notices[0].site_name)
        shown = self.queries[:3]
        more = len(self.queries) - len(shown)
        return f"{', '.join(shown)}{f' and {more} more' if more else ''}: {self.count_summary}"


def build_digest(entries: Iterable[Entry], notices: Iterable[Notice] = ()) -> Digest:
    """The digest of some entries, one a question, in the order of what is worth reading.

    A supplementary stands under its question where that is in the digest too.
    """
    by_id = {entry.question.id: entry for entry in entries}
    threads: dict[str, list[Entry]] = {}
    for entry in by_id.values():
        threads.setdefault(_find_thread_id(entry, by_id), []).append(entry)
    ordered = sorted(threads.values(), key=lambda some: min(e.kind.info.rank for e in some))
    return Digest(tuple(_order_thread(some) for some in ordered), tuple(notices))


def _find_thread_id(entry: Entry, by_id: Mapping[str, Entry]) -> str:
    """The id of the question that an entry stands under: its own, where it stands for itself."""
    parent = by_id.get(entry.question.parent or "")
    if parent is None or parent.question.parent in by_id:
        return entry.question.id
    return parent.question.id


def _order_thread(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    by_id = {entry.question.id: entry for entry in entries}
    return tuple(by_id[q.id] for q in sort_thread(entry.question for entry in by_id.values()))
