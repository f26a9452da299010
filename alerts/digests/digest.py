"""The digest: all that one subscriber is sent at one time. Pure.

Each question has one entry, however many of the subscriber's topics it matched and however often
it changed since the last digest: a question asked last week and answered today is shown as
answered. It stands under the first of the topics that it matched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec

from alerts.digests.entries import Entry, EntryOutline, TopicPosition, load_entry
from alerts.language import gettext, gettext_noop, join_names
from alerts.model import Frequency, Notice, NoticeKind, SubscribedTopic
from alerts.questions import sort_thread
from alerts.rendering import summarise_kinds

#: How many topics the subject names.
_MAX_SUBJECT_TOPICS = 3
#: Characters of the topics in the subject. Somebody's query may have 500, and the counts of the
#: entries come after them.
_MAX_SUBJECT_LENGTH = 120

#: The subject of a digest that has no entries.
_NOTICE_SUBJECTS: Final[Mapping[NoticeKind, str]] = {
    "unavailable": gettext_noop("We cannot read %(site)s at present"),
    "restored": gettext_noop("We can read %(site)s again"),
}


class DigestSection(msgspec.Struct, frozen=True):
    """One of the subscriber's topics, and the questions that are shown under it."""

    position: TopicPosition
    threads: tuple[tuple[EntryOutline, ...], ...]  #: a question, then its supplementaries
    elsewhere: int = 0  #: questions that match the topic and are shown under an earlier one

    @property
    def topic(self) -> SubscribedTopic:
        """The topic as its subscriber wrote it."""
        return self.position.topic

    @property
    def entries(self) -> tuple[EntryOutline, ...]:
        """The entries of all threads, in the order in which they are shown."""
        return tuple(chain.from_iterable(self.threads))

    @property
    def indented_entries(self) -> tuple[tuple[EntryOutline, bool], ...]:
        """The entries, and whether each is shown indented below its question's."""
        return tuple((entry, n > 0) for thread in self.threads for n, entry in enumerate(thread))

    @property
    def loaded_entries(self) -> tuple[Entry, ...]:
        """The entries with their texts, which are prepared now."""
        return tuple(load_entry(outline) for outline in self.entries)

    @property
    def count_summary(self) -> str:
        """Its entries by kind: ``3 answers, 1 new question``; empty without entries."""
        return summarise_kinds([entry.kind for entry in self.entries])


class Digest(msgspec.Struct, frozen=True):
    """All that one subscriber is sent at one time."""

    sections: tuple[DigestSection, ...]  #: in the order of the subscriber's alerts
    notices: tuple[Notice, ...] = ()
    damaged_queries: tuple[str, ...] = ()  #: the subscriber's that find nothing at present
    frequencies: frozenset[Frequency] = frozenset()  #: of the alerts whose topics it has

    @property
    def entries(self) -> tuple[EntryOutline, ...]:
        """All entries, in the order in which they are shown."""
        return tuple(chain.from_iterable(section.entries for section in self.sections))

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the questions, in the order of the entries."""
        return tuple(dict.fromkeys(entry.question.source for entry in self.entries))

    @property
    def count_summary(self) -> str:
        """Entries by kind: ``3 answers, 1 new question``."""
        return summarise_kinds([entry.kind for entry in self.entries])

    @property
    def first_entry(self) -> EntryOutline | None:
        """The most important entry, which mail programs show beside the subject."""
        return min(self.entries, key=lambda entry: entry.kind.info.rank, default=None)

    @property
    def subject(self) -> str:
        """Topics and counts, ``VRU: 3 answers, 1 new question``; else the first notice.

        Followed questions are named where there is no other topic.
        """
        if not self.sections:
            notice = self.notices[0]
            return gettext(_NOTICE_SUBJECTS[notice.kind]) % {"site": notice.site_name}
        topics = [one.topic for one in self.sections]
        queries = [topic.query for topic in topics if not topic.is_followed_question]
        names = queries or [topic.query for topic in topics]
        return gettext("%(topics)s: %(counts)s") % {
            "topics": _join_topics(names),
            "counts": self.count_summary,
        }


def _join_topics(queries: Sequence[str]) -> str:
    """Return the first topics as a list: ``VRU, benches and 2 more``."""
    shown, more = queries[:_MAX_SUBJECT_TOPICS], len(queries) - _MAX_SUBJECT_TOPICS
    if more <= 0:
        return _shorten(join_names(shown))
    names = _shorten(", ".join(shown))
    return gettext("%(names)s and %(number)s more") % {"names": names, "number": more}


def _shorten(topics: str) -> str:
    if len(topics) <= _MAX_SUBJECT_LENGTH:
        return topics
    return f"{topics[:_MAX_SUBJECT_LENGTH].rstrip()}…"


def build_digest(
    outlines: Iterable[EntryOutline],
    notices: Iterable[Notice] = (),
    damaged_queries: Iterable[str] = (),
    frequencies: Iterable[Frequency] = (),
) -> Digest:
    """Return the digest of some entries, one a question, under the first topic of each.

    Topics stand in the order of the subscriber's alerts, followed questions after them. Under a
    topic the most important kinds come first. A supplementary follows its question if that stands
    under the same topic.
    """
    by_id = {outline.question.id: outline for outline in outlines}
    own: dict[TopicPosition, dict[str, EntryOutline]] = {}
    elsewhere: Counter[TopicPosition] = Counter()
    for key, outline in by_id.items():
        first, *others = outline.positions
        own.setdefault(first, {})[key] = outline
        elsewhere.update(others)
    found = dict.fromkeys((*own, *elsewhere))
    positions = sorted(found, key=lambda position: position.order)
    return Digest(
        tuple(
            DigestSection(one, _order_threads(own.get(one, {})), elsewhere[one])
            for one in positions
        ),
        tuple(notices),
        tuple(damaged_queries),
        frozenset(frequencies),
    )


def _order_threads(by_id: Mapping[str, EntryOutline]) -> tuple[tuple[EntryOutline, ...], ...]:
    """Return the entries of one topic as threads, the most important kinds first."""
    threads: dict[str, list[EntryOutline]] = {}
    for outline in by_id.values():
        threads.setdefault(_find_thread_id(outline, by_id), []).append(outline)
    ordered = sorted(
        threads.values(), key=lambda thread: min(outline.kind.info.rank for outline in thread)
    )
    return tuple(_order_thread(thread) for thread in ordered)


def _find_thread_id(outline: EntryOutline, by_id: Mapping[str, EntryOutline]) -> str:
    """Return the id of the question that an entry is shown below; its own if there is none."""
    parent = by_id.get(outline.question.parent or "")
    if parent is None or parent.question.parent in by_id:
        return outline.question.id
    return parent.question.id


def _order_thread(outlines: Sequence[EntryOutline]) -> tuple[EntryOutline, ...]:
    if len(outlines) == 1:
        return tuple(outlines)
    by_id = {outline.question.id: outline for outline in outlines}
    return tuple(by_id[q.id] for q in sort_thread(one.question for one in by_id.values()))
