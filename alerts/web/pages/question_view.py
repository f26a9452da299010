"""What a question's page shows, read from the ledger."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import changes, question_lookups, questions
from alerts.model import ChangeKind, NumberedChange
from alerts.questions import Correction, find_corrections
from crawler.records import Question

#: Changes in a question's history. Most have two or three; a page that its site edits every day
#: would otherwise fill a megabyte.
_MAX_CHANGES = 100
#: Changed passages shown of one correction.
_MAX_PASSAGES = 10


class HistoryEntry(msgspec.Struct, frozen=True):
    """One change of a question, with what a correction changed."""

    kind: ChangeKind
    recorded_at: datetime
    is_silent: bool  #: nobody was notified: it was already old when we first read it
    is_minor: bool  #: it changed punctuation or capitals alone
    differences: tuple[Correction, ...]
    more_differences: int = 0  #: corrected passages that are not shown


class QuestionView(msgspec.Struct, frozen=True):
    """A question with its thread, its history and where its page can be seen."""

    question: Question
    thread: tuple[Question, ...]  #: the question and its supplementaries, in order
    referred: dict[str, tuple[Question, ...]]  #: known questions that answers name, by question id
    history: tuple[HistoryEntry, ...]  #: oldest first
    has_older_changes: bool  #: whether the question has changes before those
    first_seen_at: datetime
    last_read_at: datetime
    has_capture: bool
    is_gone: bool  #: its site answered 404 or 410


def find_question_view(connection: Connection, question_id: str) -> QuestionView | None:
    """Return the view of the question ``question_id``; None where there is no such question."""
    stored = questions.find(connection, question_id)
    if stored is None:
        return None
    record = stored.record
    numbers = changes.list_by_questions(connection, [record.id], _MAX_CHANGES + 1)
    numbered = changes.list_by_seqs(connection, sorted(numbers[:_MAX_CHANGES]))
    thread = questions.load_thread(connection, record)
    referred = question_lookups.list_referred(connection, thread)
    return QuestionView(
        question=record,
        thread=thread,
        referred={part.id: found for part, found in zip(thread, referred, strict=True)},
        history=tuple(_build_history_entry(entry) for entry in numbered),
        has_older_changes=len(numbers) > _MAX_CHANGES,
        first_seen_at=stored.first_seen_at,
        last_read_at=stored.visited_at,
        has_capture=stored.capture is not None,
        is_gone=stored.not_found_at is not None,
    )


def _build_history_entry(numbered: NumberedChange) -> HistoryEntry:
    change = numbered.change
    differences: list[Correction] = []
    if change.kind == "corrected" and change.before is not None:
        differences = list(find_corrections(change.before, change.after))
    return HistoryEntry(
        change.kind,
        numbered.recorded_at,
        numbered.silence_reason not in (None, "minor"),
        numbered.silence_reason == "minor",
        tuple(differences[:_MAX_PASSAGES]),
        max(0, len(differences) - _MAX_PASSAGES),
    )
