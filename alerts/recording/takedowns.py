"""Taking a question down: nothing of it is shown any more, and no reading brings it back."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.errors import WatchwordError
from alerts.ledger import due_subscribers, feeds, matches, questions, recalls, takedowns, word_index
from alerts.ledger.takedowns import Takedown
from alerts.ledger.topics import EVERYTHING_FEED
from alerts.queries import extract_fields, index_terms, prepare_fields
from crawler.records import Question


class UnknownQuestion(WatchwordError):
    """The ledger has no question with this id."""


class TakenDown(msgspec.Struct, frozen=True):
    """A question that was taken down, and where else it was shown."""

    takedown: Takedown
    record: Question  #: as it was; masked, if it had been taken down before
    identities: tuple[str, ...]  #: all its ids
    feeds: tuple[str, ...]  #: names of the feeds that must be written again
    recalled: int  #: digests that are composed again without it
    being_sent: int  #: digests that are being sent with it, which cannot be recalled


def take_down(connection: Connection, question_id: str, reason: str, now: datetime) -> TakenDown:
    """Mask a question in the whole ledger, and keep why.

    Its page, its feeds and its changes say that it was taken down. Digests that wait are composed
    again without it; what is kept of those that were sent is deleted. Repeating it is harmless.

    Args:
        connection: A connection that may write.
        question_id: A present or former id.
        reason: For the operator; it is shown to nobody else.
        now: Aware, in UTC.

    Raises:
        UnknownQuestion: There is no such question.
    """
    due_subscribers.hold_composing(connection)
    stored = questions.find(connection, question_id)
    if stored is None:
        raise UnknownQuestion(f"there is no question {question_id} in the ledger")
    record = stored.record
    entry = takedowns.add(connection, record, reason, now)
    numbers = takedowns.list_change_numbers(connection, record.id)
    names = (EVERYTHING_FEED, *matches.list_slugs(connection, numbers))
    feeds.rewrite(connection, names)
    shown = recalls.find_digests(connection, numbers)
    titled = takedowns.list_messages_titled(connection, record.title) if record.title else ()
    word_index.remove_question(connection, record.id)
    keys = index_terms.build_index_keys(prepare_fields(extract_fields(record)))
    word_index.forget_words(connection, keys)
    takedowns.mask(connection, record)
    recalled = recalls.recall(connection, shown.waiting)
    takedowns.mask_messages(connection, {*shown.finished, *titled} - shown.being_sent)
    identities = takedowns.list_identities(connection, record.id)
    return TakenDown(entry, record, identities, names, recalled, len(shown.being_sent))


def find_taken_down(
    connection: Connection, read: Question, requested_id: str | None = None
) -> str | None:
    """Return the id of the question taken down that was read; None if it is not taken down.

    It has one of that question's addresses, or it is found at another one and says the same, or has
    its reference and the day of its meeting.
    """
    for identity in filter(None, (read.id, requested_id)):
        if stored := questions.find(connection, identity):
            return stored.record.id if stored.record.is_taken_down else None
    return takedowns.find_same(connection, read)
