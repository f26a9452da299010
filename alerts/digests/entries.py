"""Entries of a digest: what is shown of one question, and why the subscriber gets it. Pure.

A digest is built of outlines, which cost little. The text of an entry is prepared when it is shown,
because a long digest has room for few of its entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from alerts.model import (
    ChangeKind,
    Detail,
    EntryKind,
    NumberedChange,
    ReminderKind,
    SubscribedTopic,
)
from alerts.queries import (
    Query,
    QueryError,
    extract_fields,
    find_match,
    parse_canonical,
    prepare_fields,
)
from alerts.questions import Correction, find_first_correction
from alerts.text import (
    Place,
    PreparedTexts,
    Segment,
    Snippet,
    find_passage,
    find_snippet,
    mark_title,
)
from crawler.records import Question, name_question

#: What an entry is built from: the topic and the number of the change of each match.
EntryKey: TypeAlias = tuple[tuple[SubscribedTopic, int], ...]


class TopicPosition(msgspec.Struct, frozen=True):
    """A topic, and its place among the subscriber's topics."""

    topic: SubscribedTopic
    subscription_id: int
    question_id: str | None = None  #: the followed question: several may have the same title

    @property
    def order(self) -> tuple[bool, int]:
        """What topics are sorted by: older alerts first, followed questions last."""
        return self.topic.is_followed_question, self.subscription_id


class DigestMatch(msgspec.Struct, frozen=True):
    """A change that matched a topic of the subscriber's."""

    topic: SubscribedTopic
    numbered: NumberedChange
    subscription_id: int = 0

    @property
    def position(self) -> TopicPosition:
        """The place of the topic among the subscriber's."""
        return _locate(self.topic, self.subscription_id, self.numbered.change.after)


class OverdueQuestion(msgspec.Struct, frozen=True):
    """A followed question that has been unanswered for longer than its follower accepts."""

    topic: SubscribedTopic
    question: Question
    days_unanswered: int  #: since the day of its meeting
    subscription_id: int = 0


def _locate(topic: SubscribedTopic, subscription_id: int, question: Question) -> TopicPosition:
    followed = question.id if topic.is_followed_question else None
    return TopicPosition(topic, subscription_id, followed)


class EntryOutline(msgspec.Struct, frozen=True):
    """What a digest knows of an entry before its text is prepared."""

    question: Question  #: as the newest change left it
    kind: EntryKind  #: the most important of what happened
    positions: tuple[TopicPosition, ...]  #: the topics that it matched; it stands under the first
    matches: tuple[DigestMatch, ...] = ()  #: in the order of the topics
    overdue: OverdueQuestion | None = None  #: set instead of matches for an overdue question

    @property
    def key(self) -> EntryKey:
        """What the entry is built from: equal for equal entries; empty for an overdue question."""
        return tuple((match.topic, match.numbered.seq) for match in self.matches)


def outline_entry(matches: Iterable[DigestMatch]) -> EntryOutline:
    """Return the outline of one question's entry, from all matches on it; at least one."""
    with_positions = sorted(
        ((match.position, match) for match in matches), key=lambda pair: pair[0].order
    )
    ordered = tuple(match for _, match in with_positions)
    return EntryOutline(
        question=_find_newest(ordered).change.after,
        kind=_find_kind(ordered),
        positions=tuple(dict.fromkeys(position for position, _ in with_positions)),
        matches=ordered,
    )


def outline_overdue_entry(overdue: OverdueQuestion) -> EntryOutline:
    """Return the outline of the entry that reminds of a question to which nothing happened."""
    position = _locate(overdue.topic, overdue.subscription_id, overdue.question)
    return EntryOutline(overdue.question, ReminderKind.OVERDUE, (position,), overdue=overdue)


class MatchReason(msgspec.Struct, frozen=True):
    """Why a question is in the digest: a topic that it matched, or that it is followed."""

    query: str
    fields: tuple[str, ...]  #: of the question in which the query was found: ``title``, ``answer``
    note: str | None = None  #: the subscriber's own
    is_followed: bool = False


class AttachedFile(msgspec.Struct, frozen=True):
    """A file that belongs to an answer."""

    title: tuple[Segment, ...]  #: the matches in it are marked
    url: str  #: as the source prints it


class ReferredQuestion(msgspec.Struct, frozen=True):
    """A question that another one's answer refers to: ``Please see my response to 2026/0001``."""

    question: Question
    name: tuple[Segment, ...]  #: its reference and title: ``2026/0001, Benches``
    answer: Snippet | None  #: the first lines of its answer; None while it has none


class Entry(msgspec.Struct, frozen=True):
    """One question in a digest."""

    question: Question  #: as the newest change left it
    kind: EntryKind  #: the most important of what happened
    reasons: tuple[MatchReason, ...]
    title: tuple[Segment, ...]  #: or another name of the question; matches are marked
    snippet: Snippet | None  #: the passage that matched; None if only the title or names matched
    passages: tuple[Snippet, ...]  #: what was asked, and what was answered if that is new
    correction: Correction | None  #: what was corrected, old and new
    files: tuple[AttachedFile, ...] = ()  #: attached to the answers, if those are new
    referred: tuple[ReferredQuestion, ...] = ()  #: known questions that the answers refer to
    detail: Detail = "full"
    days_unanswered: int | None = None  #: set for an overdue question

    @property
    def other_topics(self) -> tuple[MatchReason, ...]:
        """The topics that it matched beside the one that it stands under."""
        return self.reasons[1:]

    @property
    def found_in(self) -> tuple[str, ...]:
        """The fields in which a query was found and that show no marked word: ``asked_by``."""
        fields = (field for reason in self.reasons for field in reason.fields)
        return tuple(dict.fromkeys(field for field in fields if field not in _MARKED_FIELDS))


#: Fields whose words are marked where an entry shows them.
_MARKED_FIELDS = frozenset({"title", "question", "answer"})


def group_by_question(matches: Iterable[DigestMatch]) -> dict[str, tuple[DigestMatch, ...]]:
    """Return the matches by the id of their question."""
    groups: dict[str, list[DigestMatch]] = {}
    for match in matches:
        groups.setdefault(match.numbered.change.after.id, []).append(match)
    return {key: tuple(group) for key, group in groups.items()}


class EntryText(msgspec.Struct, frozen=True):
    """The text of the changes of one question: as it is shown, and prepared for matching."""

    texts: Mapping[str, Sequence[str]]  #: paragraphs by field
    prepared: PreparedTexts


def prepare_entry_text(matches: Iterable[DigestMatch]) -> EntryText:
    """Return the text of the question that ``matches`` are about, as the newest left it.

    Preparing it is the slowest step of an entry, and many subscribers' entries share it.
    """
    kinds = {match.numbered.change.kind for match in matches}
    texts = extract_fields(_find_newest(matches).change.after, kinds)
    return EntryText(texts, prepare_fields(texts))


def build_entry(
    matches: Sequence[DigestMatch],
    text: EntryText | None = None,
    referred: Sequence[Question] = (),
) -> Entry:
    """Return the entry of one question, with everything that happened to it.

    Args:
        matches: All of one question; at least one.
        text: What `prepare_entry_text` returns for them, if that is known already.
        referred: The known questions that its answers refer to.
    """
    text = text or prepare_entry_text(matches)
    question = _find_newest(matches).change.after
    kind = _find_kind(matches)
    topics = tuple(dict.fromkeys(match.topic for match in matches))
    places, reasons = _find_places(topics, text.prepared)
    correction = _find_correction(matches, question) if kind is ChangeKind.CORRECTED else None
    title_places = [(place.start, place.end) for place in places if place.field == "title"]
    shows_answer = kind.info.snippet_fields[0] == "answer"
    return Entry(
        question=question,
        kind=kind,
        reasons=reasons,
        title=mark_title(name_question(question), title_places),
        snippet=find_snippet(text.texts, places, kind.info.snippet_fields),
        passages=_find_passages(
            text.texts, places, shows_answer=shows_answer and correction is None
        ),
        correction=correction,
        files=_list_files(text.texts, places, question) if shows_answer else (),
        referred=tuple(_quote_answer(one) for one in referred) if shows_answer else (),
        detail=_choose_detail(topics),
    )


def _find_kind(matches: Iterable[DigestMatch]) -> EntryKind:
    """Return the most important of what happened to a question."""
    return min((m.numbered.change.kind for m in matches), key=lambda kind: kind.info.rank)


def _find_passages(
    texts: Mapping[str, Sequence[str]], places: Sequence[Place], *, shows_answer: bool
) -> tuple[Snippet, ...]:
    """Return what was asked, and what was answered if it is to be shown or matches."""
    fields = ["question"]
    if shows_answer or any(place.field == "answer" for place in places):
        fields.append("answer")
    found = (find_passage(texts, places, field) for field in fields)
    return tuple(passage for passage in found if passage is not None)


def _list_files(
    texts: Mapping[str, Sequence[str]], places: Iterable[Place], question: Question
) -> tuple[AttachedFile, ...]:
    """Return the attached files, those that match first."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for place in places:
        if place.field == "attachment":
            spans.setdefault(place.paragraph, []).append((place.start, place.end))
    urls = [file.url for answer in question.answers for file in answer.attachments]
    titles = enumerate(texts["attachment"])
    files = {
        number: AttachedFile(mark_title(title or urls[number], spans.get(number, [])), urls[number])
        for number, title in titles
    }
    return tuple(files[number] for number in sorted(files, key=lambda n: (n not in spans, n)))


def _quote_answer(question: Question) -> ReferredQuestion:
    texts = extract_fields(question)
    answer = find_passage(texts, (), "answer") if question.status == "answered" else None
    name = ", ".join(filter(None, (question.reference, name_question(question))))
    return ReferredQuestion(question, mark_title(name, []), answer)


def build_overdue_entry(overdue: OverdueQuestion) -> Entry:
    """Return the entry that reminds of a question to which nothing happened."""
    question, topic = overdue.question, overdue.topic
    texts = extract_fields(question, {ChangeKind.ASKED})
    return Entry(
        question=question,
        kind=ReminderKind.OVERDUE,
        reasons=(MatchReason(topic.query, (), topic.note, is_followed=True),),
        title=mark_title(name_question(question), []),
        snippet=None,
        passages=_find_passages(texts, (), shows_answer=False),
        correction=None,
        detail=topic.detail,
        days_unanswered=overdue.days_unanswered,
    )


def load_entry(outline: EntryOutline) -> Entry:
    """Return the entry with an outline, without the questions that its answers refer to."""
    if outline.overdue is not None:
        return build_overdue_entry(outline.overdue)
    return build_entry(outline.matches)


def _find_newest(matches: Iterable[DigestMatch]) -> NumberedChange:
    return max((match.numbered for match in matches), key=lambda numbered: numbered.seq)


def _choose_detail(topics: Iterable[SubscribedTopic]) -> Detail:
    """Return ``titles`` only if no topic asks for the full text."""
    return "titles" if all(topic.detail == "titles" for topic in topics) else "full"


def _find_places(
    topics: Iterable[SubscribedTopic], prepared: PreparedTexts
) -> tuple[list[Place], tuple[MatchReason, ...]]:
    """Return where the topics' words are, in the order of the text, and a reason for each topic."""
    places: dict[Place, None] = {}
    reasons: list[MatchReason] = []
    for topic in topics:
        query = _read_query(topic)
        match = find_match(query, prepared) if query is not None else None
        own_places = match.places if match else ()
        places |= dict.fromkeys(own_places)
        fields = tuple(dict.fromkeys(place.field for place in own_places))
        reasons.append(
            MatchReason(topic.query, fields, topic.note, is_followed=topic.is_followed_question)
        )
    ordered = sorted(places, key=lambda p: (p.paragraph, p.start, p.end))
    return ordered, tuple(reasons)


def _read_query(topic: SubscribedTopic) -> Query | None:
    """Return the query of a topic; None for a followed question.

    Also None for a damaged form: what it matched before is shown, without its words marked.
    """
    if topic.canonical is None:
        return None
    try:
        return parse_canonical(topic.canonical)
    except QueryError:
        return None


def _find_correction(matches: Sequence[DigestMatch], question: Question) -> Correction | None:
    """Return what was corrected since the first of the corrections."""
    corrections = [m.numbered for m in matches if m.numbered.change.kind is ChangeKind.CORRECTED]
    before = min(corrections, key=lambda numbered: numbered.seq).change.before
    return find_first_correction(before, question) if before else None
