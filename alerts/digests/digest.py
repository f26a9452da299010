"""The digest: all that one subscriber is sent at one time. Pure.

Each question has one entry, however many of the subscriber's topics it matched and however often
it changed since the last digest: a question asked last week and answered today is shown as
answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Final

import msgspec

from alerts.digests.entries import Entry
from alerts.model import ENTRY_KINDS, Notice, NoticeKind
from alerts.questions import sort_thread

#: How many topics the subject names.
_MAX_SUBJECT_TOPICS = 3
#: Characters of the topics in the subject. Somebody's query may have 500, and the counts of the
#: entries come after them.
_MAX_SUBJECT_LENGTH = 120

#: The subject of a digest that has no entries.
_NOTICE_SUBJECTS: Final[Mapping[NoticeKind, str]] = {
    "unavailable": "We cannot read {} at present",
    "restored": "We can read {} again",
}


class Digest(msgspec.Struct, frozen=True):
    """All that one subscriber is sent at one time."""

    threads: tuple[tuple[Entry, ...], ...]  #: a question, then its supplementaries
    notices: tuple[Notice, ...] = ()
    damaged_queries: tuple[str, ...] = ()  #: the subscriber's that find nothing at present

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, in the order in which they are shown."""
        return tuple(chain.from_iterable(self.threads))

    @property
    def indented_entries(self) -> tuple[tuple[Entry, bool], ...]:
        """All entries, and whether each is shown indented below its question's."""
        return tuple((entry, n > 0) for thread in self.threads for n, entry in enumerate(thread))

    @property
    def queries(self) -> tuple[str, ...]:
        """The subscriber's topics that matched, in the order of the entries."""
        return tuple(dict.fromkeys(b.query for e in self.entries for b in e.reasons))

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the questions, in the order of the entries."""
        return tuple(dict.fromkeys(entry.question.source for entry in self.entries))

    @property
    def count_summary(self) -> str:
        """Entries by kind: ``3 new answers, 1 new question``."""
        found = Counter(entry.kind for entry in self.entries)
        return ", ".join(
            f"{n} {kind.info.singular if n == 1 else kind.info.plural}"
            for kind in ENTRY_KINDS
            if (n := found[kind])
        )

    @property
    def subject(self) -> str:
        """Topics and counts, ``VRU: 3 new answers, 1 new question``; else the first notice."""
        if not self.threads:
            notice = self.notices[0]
            return _NOTICE_SUBJECTS[notice.kind].format(notice.site_name)
        shown = self.queries[:_MAX_SUBJECT_TOPICS]
        more = len(self.queries) - len(shown)
        topics = ", ".join(shown)
        if len(topics) > _MAX_SUBJECT_LENGTH:
            topics = f"{topics[:_MAX_SUBJECT_LENGTH].rstrip()}…"
        return f"{topics}{f' and {more} more' if more else ''}: {self.count_summary}"


def build_digest(
    entries: Iterable[Entry],
    notices: Iterable[Notice] = (),
    damaged_queries: Iterable[str] = (),
) -> Digest:
    """Return the digest of some entries, one a question, the most important kinds first.

    A supplementary follows its question if that is in the digest too.
    """
    by_id = {entry.question.id: entry for entry in entries}
    threads: dict[str, list[Entry]] = {}
    for entry in by_id.values():
        threads.setdefault(_find_thread_id(entry, by_id), []).append(entry)
    ordered = sorted(
        threads.values(), key=lambda thread: min(entry.kind.info.rank for entry in thread)
    )
    threads_in_order = tuple(_order_thread(thread) for thread in ordered)
    return Digest(threads_in_order, tuple(notices), tuple(damaged_queries))


def _find_thread_id(entry: Entry, by_id: Mapping[str, Entry]) -> str:
    """Return the id of the question that ``entry`` is shown below; its own if there is none."""
    parent = by_id.get(entry.question.parent or "")
    if parent is None or parent.question.parent in by_id:
        return entry.question.id
    return parent.question.id


def _order_thread(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    by_id = {entry.question.id: entry for entry in entries}
    return tuple(by_id[q.id] for q in sort_thread(entry.question for entry in by_id.values()))
