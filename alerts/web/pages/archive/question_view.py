"""What a question's page shows, read from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import changes, question_lookups, questions, topic_lists
from alerts.ledger.changes import RecordedChange
from alerts.model import ChangeKind
from alerts.questions import ParagraphEdit, find_edits
from crawler.records import Question

#: Changes in a thread's history. Most have two or three; a page that its site edits every day
#: would otherwise fill a megabyte.
_MAX_CHANGES = 100
#: Changed paragraphs shown of one correction.
_MAX_EDITS = 10
#: Published topics named beside a question.
_MAX_TOPICS = 12


class HistoryEntry(msgspec.Struct, frozen=True):
    """What happened to a question or to its supplementaries, with what a correction changed."""

    number: int  #: of the change
    kind: ChangeKind
    recorded_at: datetime
    question_id: str
    #: What changed: None for the question itself, and the numbers of supplementaries.
    parts: tuple[int | None, ...]
    is_silent: bool  #: nobody was notified: it was already old when we first read it
    is_minor: bool  #: it changed punctuation or capitals alone
    edits: tuple[ParagraphEdit, ...]
    more_edits: int = 0  #: changed paragraphs that are not shown


class QuestionView(msgspec.Struct, frozen=True):
    """A question with its thread, its history and where its page can be seen."""

    question: Question
    thread: tuple[Question, ...]  #: the question and its supplementaries, in order
    referred: dict[str, tuple[Question, ...]]  #: known questions that answers name, by question id
    history: tuple[HistoryEntry, ...]  #: newest first
    has_older_changes: bool  #: whether the thread has changes before those
    first_seen_at: datetime
    last_read_at: datetime
    has_capture: bool
    is_gone: bool  #: its site answered 404 or 410
    topics: tuple[tuple[str, str], ...]  #: published topics that the thread matches: slug, title
    same_reference: dict[str, int]  #: by source, how many questions have its reference

    @property
    def followed(self) -> Question | None:
        """The part of the thread that can be followed until it is answered; None without one.

        It is the question itself where it waits for an answer, else the first part that does.
        """
        parts = (self.question, *self.thread)
        return next((part for part in parts if part.status != "answered"), None)

    @property
    def corrected_on(self) -> date | None:
        """The day of the newest correction of the question's words; None without one."""
        days = (
            entry.recorded_at.date()
            for entry in self.history
            if entry.kind == ChangeKind.CORRECTED
            and entry.question_id == self.question.id
            and not entry.is_minor
        )
        return next(days, None)


def find_question_view(
    connection: Connection, question_id: str, *, is_only_source: bool = False
) -> QuestionView | None:
    """Return the view of the question ``question_id``; None where there is no such question.

    ``is_only_source`` says that no other source can have its reference.
    """
    stored = questions.find(connection, question_id)
    if stored is None:
        return None
    record = stored.record
    thread = questions.load_thread(connection, record)
    ids = [part.id for part in thread]
    history = changes.list_history(connection, ids, _MAX_CHANGES + 1)
    referred = question_lookups.list_referred(connection, thread)
    return QuestionView(
        question=record,
        thread=thread,
        referred={part.id: found for part, found in zip(thread, referred, strict=True)},
        history=_build_history(history[:_MAX_CHANGES], thread),
        has_older_changes=len(history) > _MAX_CHANGES,
        first_seen_at=stored.first_seen_at,
        last_read_at=stored.visited_at,
        has_capture=stored.capture is not None,
        is_gone=stored.not_found_at is not None,
        topics=tuple(topic_lists.list_of_questions(connection, ids, _MAX_TOPICS)),
        same_reference={record.source: 1}
        if is_only_source
        else question_lookups.count_by_reference(connection, record.reference),
    )


def _build_history(
    recorded: Sequence[RecordedChange], thread: Sequence[Question]
) -> tuple[HistoryEntry, ...]:
    """Return the history, in which what happened to several parts in one crawl is one entry."""
    numbers = {part.id: number_supplementary(thread, place) for place, part in enumerate(thread)}
    groups: dict[object, list[RecordedChange]] = {}
    for one in recorded:
        is_alone = one.kind == ChangeKind.CORRECTED
        key = one.seq if is_alone else (one.kind, one.recorded_at, one.silence_reason)
        groups.setdefault(key, []).append(one)
    return tuple(
        _build_history_entry(group[0], [numbers.get(one.question_id) for one in reversed(group)])
        for group in sorted(groups.values(), key=lambda group: group[-1].seq, reverse=True)
    )


def number_supplementary(thread: Sequence[Question], place: int) -> int | None:
    """Return the number to show for a part of a thread; None for the question itself."""
    part = thread[place]
    if part.kind != "supplementary":
        return None
    return part.supplementary_number or place or 1


def _build_history_entry(recorded: RecordedChange, parts: Sequence[int | None]) -> HistoryEntry:
    edits: list[ParagraphEdit] = []
    if recorded.before is not None and recorded.after is not None:
        edits = list(find_edits(recorded.before, recorded.after))
    return HistoryEntry(
        recorded.seq,
        recorded.kind,
        recorded.recorded_at,
        recorded.question_id,
        tuple(sorted(set(parts), key=lambda number: number or 0)),
        recorded.silence_reason not in (None, "minor"),
        recorded.silence_reason == "minor",
        tuple(edits[:_MAX_EDITS]),
        max(0, len(edits) - _MAX_EDITS),
    )
