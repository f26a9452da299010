"""One question in a digest: what is said of it, and why its reader gets it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alerts.model import NEWS, PREFERRED, Length, News, Numbered, Watch
from alerts.queries.fields import fields
from alerts.queries.find import find
from alerts.queries.parse import parse
from alerts.queries.snippets import Segment, Snippet, marked, opening, snippet
from alerts.queries.tokens import Place, Prepared, prepare
from alerts.questions.differences import Correction, correction
from crawler.records import Question


class Hit(msgspec.Struct, frozen=True):
    """A change that matched something that the subscriber watches for."""

    watch: Watch
    numbered: Numbered


class Overdue(msgspec.Struct, frozen=True):
    """A followed question that has waited longer than its follower wants to wait."""

    watch: Watch
    question: Question
    days: int  #: since it was put


class Because(msgspec.Struct, frozen=True):
    """One topic that a question matched, and where; or that the question itself is followed."""

    query: str
    fields: tuple[str, ...]
    note: str | None = None
    is_followed: bool = False


class Entry(msgspec.Struct, frozen=True):
    """One question in a digest."""

    question: Question
    news: News  #: the most important thing that happened
    because: tuple[Because, ...]
    title: tuple[Segment, ...]  #: with what matched in it marked
    snippet: Snippet | None  #: the passage that matched, marked; None when only title or names did
    correction: Correction | None  #: what was corrected, old and new
    opening: Snippet | None  #: how what is new begins, where the snippet does not show it
    length: Length = "full"
    days: int | None = None  #: how long it waits, where it is overdue


def by_question(hits: Iterable[Hit]) -> dict[str, tuple[Hit, ...]]:
    """Hits by the question that they are about."""
    found: dict[str, list[Hit]] = {}
    for hit in hits:
        found.setdefault(hit.numbered.change.after.id, []).append(hit)
    return {key: tuple(some) for key, some in found.items()}


class Text(msgspec.Struct, frozen=True):
    """What changes of a question say: as it is shown, and as words are found in it."""

    shown: Mapping[str, Sequence[str]]
    prepared: Prepared


def text_of(hits: Iterable[Hit]) -> Text:
    """The text that some hits on one question are about; it is long, and many share it."""
    kinds = {hit.numbered.change.kind for hit in hits}
    texts = fields(_newest(hits).change.after, kinds)
    return Text(texts, prepare(texts))


def _newest(hits: Iterable[Hit]) -> Numbered:
    return max((hit.numbered for hit in hits), key=lambda numbered: numbered.seq)


def entry_of(hits: Sequence[Hit], text: Text | None = None) -> Entry:
    """One question with everything that happened to it, as it stands now.

    ``text`` is what :func:`text_of` gives, where that is known already.
    """
    text = text or text_of(hits)
    question, texts = _newest(hits).change.after, text.shown
    news = min((hit.numbered.change.kind for hit in hits), key=NEWS.index)
    watches = tuple(dict.fromkeys(hit.watch for hit in hits))
    places, because = _places(watches, text.prepared)
    every = sorted(set(places), key=lambda p: (p.paragraph, p.start, p.end))
    passage = snippet(texts, every, PREFERRED[news])
    new = PREFERRED[news][0]
    corrected = _corrected(hits, question) if news == "corrected" else None
    return Entry(
        question,
        news,
        because,
        title=marked(question.title or "", [(p.start, p.end) for p in every if p.field == "title"]),
        snippet=passage,
        correction=corrected,
        opening=None
        if corrected or (passage is not None and passage.field == new)
        else opening(texts, new),
        length=_length(watches),
    )


def overdue_entry(overdue: Overdue) -> Entry:
    """A question that nothing happened to."""
    question, watch = overdue.question, overdue.watch
    because = (Because(watch.query, (), watch.note, is_followed=True),)
    title = marked(question.title or "", [])
    shown = opening(fields(question, {"asked"}), "question")
    return Entry(question, "overdue", because, title, None, None, shown, watch.length, overdue.days)


def _length(watches: Iterable[Watch]) -> Length:
    """Short where each of the watches that brought it wants it short."""
    return "short" if all(watch.length == "short" for watch in watches) else "full"


def _places(
    watches: Iterable[Watch], prepared: Prepared
) -> tuple[list[Place], tuple[Because, ...]]:
    """Where the watches' words stand, and for each of them why the question is shown."""
    places: list[Place] = []
    because: list[Because] = []
    for watch in watches:
        found = find(parse(watch.canonical), prepared) if watch.canonical else None
        mine = found.places if found else ()
        places += mine
        named = tuple(dict.fromkeys(p.field for p in mine))
        because.append(Because(watch.query, named, watch.note, watch.canonical is None))
    return places, tuple(because)


def _corrected(hits: Sequence[Hit], question: Question) -> Correction | None:
    """What was corrected since the first of the corrections."""
    changes = [h.numbered for h in hits if h.numbered.change.kind == "corrected"]
    before = min(changes, key=lambda numbered: numbered.seq).change.before
    return correction(before, question) if before else None
