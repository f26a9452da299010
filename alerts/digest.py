"""What one subscriber is due at one time, put together. Pure.

Each question stands once, however many of the subscriber's topics it matched and however often it
changed since the last digest: asked last week and answered today, it shows as answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Literal

import msgspec

from alerts.changes import Kind, Numbered
from alerts.corrections import Correction, correction
from alerts.fields import fields
from alerts.finding import find
from alerts.query import parse
from alerts.snippets import Segment, Snippet, marked, opening, snippet
from alerts.text import Place, prepare
from crawler.records import Question

#: In the order in which they are worth reading.
NEWS: tuple[Kind, ...] = ("answered", "corrected", "holding", "asked", "withdrawn")

_NOUNS: dict[Kind, tuple[str, str]] = {
    "answered": ("new answer", "new answers"),
    "corrected": ("correction", "corrections"),
    "holding": ("holding reply", "holding replies"),
    "asked": ("new question", "new questions"),
    "withdrawn": ("withdrawn question", "withdrawn questions"),
}

#: Where to look for the passage to show: in what is new first.
PREFERRED: dict[Kind, tuple[str, ...]] = {
    "answered": ("answer", "question"),
    "corrected": ("answer", "question"),
    "holding": ("answer", "question"),
    "asked": ("question", "answer"),
    "withdrawn": ("question", "answer"),
}


#: So many entries are shown in full.
SHOWN = 20

NoticeKind = Literal["silent", "mended"]

#: The subject of an email that has nothing but a notice in it.
_HEADINGS = {
    "silent": "We cannot read {} at present",
    "mended": "We can read {} again",
}


class Notice(msgspec.Struct, frozen=True):
    """That a source cannot be read, or that it can again."""

    id: int
    source: str
    place: str  #: as people know it: ``www.london.gov.uk``
    kind: NoticeKind
    since: datetime  #: the last good crawl before it fell silent
    created_at: datetime


class Hit(msgspec.Struct, frozen=True):
    """A change that matched one of the subscriber's topics."""

    query: str  #: in the subscriber's own words
    canonical: str
    numbered: Numbered


class Because(msgspec.Struct, frozen=True):
    """One topic that a question matched, and where."""

    query: str
    fields: tuple[str, ...]


class Entry(msgspec.Struct, frozen=True):
    """One question in a digest."""

    question: Question
    news: Kind  #: the most important thing that happened
    because: tuple[Because, ...]
    title: tuple[Segment, ...]  #: with what matched in it marked
    snippet: Snippet | None  #: the passage that matched, marked; None when only title or names did
    correction: Correction | None  #: what was corrected, old and new
    opening: Snippet | None  #: how what is new begins, where the snippet does not show it


class Digest(msgspec.Struct, frozen=True):
    """All that one subscriber is sent at one time."""

    entries: tuple[Entry, ...]
    notices: tuple[Notice, ...] = ()  #: what is to be said of the sources themselves

    @property
    def full(self) -> tuple[Entry, ...]:
        """The entries that are shown with what they say."""
        return self.entries[:SHOWN]

    @property
    def rest(self) -> tuple[Entry, ...]:
        """Those that are named only: mail programs cut off what is longer, and nobody reads it."""
        return self.entries[SHOWN:]

    @property
    def queries(self) -> tuple[str, ...]:
        """The subscriber's topics that matched, in the order of the entries."""
        return tuple(dict.fromkeys(b.query for e in self.entries for b in e.because))

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the questions come from, in the order of the entries."""
        return tuple(dict.fromkeys(entry.question.source for entry in self.entries))

    @property
    def counts(self) -> str:
        """``3 new answers, 1 new question``"""
        found = Counter(entry.news for entry in self.entries)
        return ", ".join(f"{n} {_NOUNS[kind][n != 1]}" for kind in NEWS if (n := found[kind]))

    @property
    def subject(self) -> str:
        """Topics and counts: ``VRU: 3 new answers, 1 new question``; else the notice."""
        if not self.entries:
            return _HEADINGS[self.notices[0].kind].format(self.notices[0].place)
        shown = self.queries[:3]
        more = len(self.queries) - len(shown)
        return f"{', '.join(shown)}{f' and {more} more' if more else ''}: {self.counts}"


def compose(hits: Iterable[Hit], notices: Iterable[Notice] = ()) -> Digest:
    """The digest of a subscriber's pending hits, in the order of what is worth reading."""
    by_question: dict[str, list[Hit]] = {}
    for hit in hits:
        by_question.setdefault(hit.numbered.change.after.id, []).append(hit)
    entries = [_entry(some) for some in by_question.values()]
    ordered = sorted(entries, key=lambda entry: NEWS.index(entry.news))
    return Digest(tuple(ordered), tuple(notices))


def _entry(hits: Sequence[Hit]) -> Entry:
    """One question with everything that happened to it, as it stands now."""
    newest = max((hit.numbered for hit in hits), key=lambda numbered: numbered.seq)
    question = newest.change.after
    news = min((hit.numbered.change.kind for hit in hits), key=NEWS.index)
    texts = fields(question, {hit.numbered.change.kind for hit in hits})
    prepared = prepare(texts)
    places: dict[str, tuple[Place, ...]] = {}
    because: list[Because] = []
    for query, canonical in dict.fromkeys((hit.query, hit.canonical) for hit in hits):
        found = find(parse(canonical), prepared)
        places[query] = found.places if found else ()
        because.append(Because(query, tuple(dict.fromkeys(p.field for p in places[query]))))
    every = sorted(set(chain(*places.values())), key=lambda p: (p.paragraph, p.start, p.end))
    passage = snippet(texts, every, PREFERRED[news])
    new = PREFERRED[news][0]
    corrected = _corrected(hits, question) if news == "corrected" else None
    return Entry(
        question,
        news,
        tuple(because),
        title=marked(question.title or "", [(p.start, p.end) for p in every if p.field == "title"]),
        snippet=passage,
        correction=corrected,
        opening=None
        if corrected or (passage is not None and passage.field == new)
        else opening(texts, new),
    )


def _corrected(hits: Sequence[Hit], question: Question) -> Correction | None:
    """What was corrected since the first of the corrections."""
    changes = [h.numbered for h in hits if h.numbered.change.kind == "corrected"]
    before = min(changes, key=lambda numbered: numbered.seq).change.before
    return correction(before, question) if before else None
