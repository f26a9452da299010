"""One question in a digest: what is said of it, and why its reader gets it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alerts.model import (
    ChangeKind,
    Detail,
    EntryKind,
    NumberedChange,
    ReminderKind,
    SubscribedTopic,
)
from alerts.queries import extract_fields, find_match, parse_query
from alerts.questions.differences import Correction, find_first_correction
from alerts.text import (
    Place,
    PreparedTexts,
    Segment,
    Snippet,
    cut_opening,
    find_snippet,
    mark_spans,
    prepare_texts,
)
from crawler.records import Question


class DigestMatch(msgspec.Struct, frozen=True):
    """A change that matched something that the subscriber watches for."""

    topic: SubscribedTopic
    numbered: NumberedChange


class OverdueQuestion(msgspec.Struct, frozen=True):
    """A followed question that has waited longer than its follower wants to wait."""

    topic: SubscribedTopic
    question: Question
    days_unanswered: int  #: since it was put


class MatchReason(msgspec.Struct, frozen=True):
    """One topic that a question matched, and where; or that the question itself is followed."""

    query: str
    fields: tuple[str, ...]
    note: str | None = None
    is_followed: bool = False


class Entry(msgspec.Struct, frozen=True):
    """One question in a digest."""

    question: Question
    kind: EntryKind  #: the most important thing that happened
    reasons: tuple[MatchReason, ...]
    title: tuple[Segment, ...]  #: with what matched in it marked
    snippet: Snippet | None  #: the passage that matched, marked; None when only title or names did
    correction: Correction | None  #: what was corrected, old and new
    opening: Snippet | None  #: how what is new begins, where the snippet does not show it
    detail: Detail = "full"
    days_unanswered: int | None = None  #: how long it waits, where it is overdue


def group_by_question(matches: Iterable[DigestMatch]) -> dict[str, tuple[DigestMatch, ...]]:
    """Hits by the question that they are about."""
    found: dict[str, list[DigestMatch]] = {}
    for hit in matches:
        found.setdefault(hit.numbered.change.after.id, []).append(hit)
    return {key: tuple(some) for key, some in found.items()}


class EntryText(msgspec.Struct, frozen=True):
    """What changes of a question say: as it is shown, and as words are found in it."""

    texts: Mapping[str, Sequence[str]]
    prepared: PreparedTexts


def prepare_entry_text(matches: Iterable[DigestMatch]) -> EntryText:
    """The text that some hits on one question are about; it is long, and many share it."""
    kinds = {hit.numbered.change.kind for hit in matches}
    texts = extract_fields(_find_newest(matches).change.after, kinds)
    return EntryText(texts, prepare_texts(texts))


def _find_newest(matches: Iterable[DigestMatch]) -> NumberedChange:
    return max((hit.numbered for hit in matches), key=lambda numbered: numbered.seq)


def build_entry(matches: Sequence[DigestMatch], text: EntryText | None = None) -> Entry:
    """One question with everything that happened to it, as it stands now.

    ``text`` is what :func:`prepare_entry_text` gives, where that is known already.
    """
    text = text or prepare_entry_text(matches)
    question, texts = _find_newest(matches).change.after, text.texts
    news = min((hit.numbered.change.kind for hit in matches), key=lambda kind: kind.info.rank)
    watches = tuple(dict.fromkeys(hit.topic for hit in matches))
    places, because = _find_places(watches, text.prepared)
    every = sorted(set(places), key=lambda p: (p.paragraph, p.start, p.end))
    passage = find_snippet(texts, every, news.info.snippet_fields)
    new = news.info.snippet_fields[0]
    corrected = _find_correction(matches, question) if news is ChangeKind.CORRECTED else None
    return Entry(
        question,
        news,
        because,
        title=mark_spans(
            question.title or "", [(p.start, p.end) for p in every if p.field == "title"]
        ),
        snippet=passage,
        correction=corrected,
        opening=None
        if corrected or (passage is not None and passage.field == new)
        else cut_opening(texts, new),
        detail=_choose_detail(watches),
    )


def build_overdue_entry(overdue: OverdueQuestion) -> Entry:
    """A question that nothing happened to."""
    question, watch = overdue.question, overdue.topic
    because = (MatchReason(watch.query, (), watch.note, is_followed=True),)
    title = mark_spans(question.title or "", [])
    shown = cut_opening(extract_fields(question, {"asked"}), "question")
    return Entry(
        question,
        ReminderKind.OVERDUE,
        because,
        title,
        None,
        None,
        shown,
        watch.detail,
        overdue.days_unanswered,
    )


def _choose_detail(topics: Iterable[SubscribedTopic]) -> Detail:
    """Short where each of the watches that brought it wants it short."""
    return "titles" if all(watch.detail == "titles" for watch in topics) else "full"


def _find_places(
    topics: Iterable[SubscribedTopic], prepared: PreparedTexts
) -> tuple[list[Place], tuple[MatchReason, ...]]:
    """Where the watches' words stand, and for each of them why the question is shown."""
    places: list[Place] = []
    because: list[MatchReason] = []
    for watch in topics:
        found = find_match(parse_query(watch.canonical), prepared) if watch.canonical else None
        mine = found.places if found else ()
        places += mine
        named = tuple(dict.fromkeys(p.field for p in mine))
        because.append(MatchReason(watch.query, named, watch.note, watch.canonical is None))
    return places, tuple(because)


def _find_correction(matches: Sequence[DigestMatch], question: Question) -> Correction | None:
    """What was corrected since the first of the corrections."""
    changes = [h.numbered for h in matches if h.numbered.change.kind is ChangeKind.CORRECTED]
    before = min(changes, key=lambda numbered: numbered.seq).change.before
    return find_first_correction(before, question) if before else None
