"""Questions looked up by a state, or by an identifier that somebody typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, bindparam, func, or_, select

from alerts.ledger.inserts import iter_parameters
from alerts.ledger.questions import NEWEST_FIRST, find
from alerts.ledger.records import read_records
from alerts.ledger.schema import question
from alerts.ledger.utc_datetime import UtcDateTime
from alerts.questions import SeenQuestion, find_references, make_reference_key
from crawler.records import Question

#: The statements of :func:`count_by_reference` and :func:`list_referred`: built once, because a
#: page waits for them.
_COUNT_BY_REFERENCE = (
    select(question.c.source, func.count())
    .where(question.c.reference_key == bindparam("key"))
    .group_by(question.c.source)
)
_BY_KEYS = (
    select(question.c.id, question.c.record)
    .where(
        question.c.source.in_(bindparam("sources", expanding=True)),
        question.c.reference_key.in_(bindparam("keys", expanding=True)),
        ~question.c.is_suspect,
    )
    .order_by(*NEWEST_FIRST)
)


def list_suspect(connection: Connection, limit: int) -> list[Question]:
    """Return questions whose reading is suspect, most recently visited first."""
    wanted = select(question.c.id, question.c.record).where(question.c.is_suspect)
    wanted = wanted.order_by(question.c.visited_at.desc()).limit(limit)
    return list(read_records(connection.execute(wanted)))


def list_seen(
    connection: Connection, source: str, since: date | None = None
) -> list[tuple[SeenQuestion, bool]]:
    """Return the questions of a source with their numbers, and whether each is suspect.

    ``since`` leaves out those of meetings before a day.
    """
    wanted = select(
        question.c.reference_key,
        question.c.meeting_date,
        question.c.first_seen_at,
        question.c.is_suspect,
    ).where(question.c.source == source)
    if since is not None:
        wanted = wanted.where(question.c.meeting_date >= since)
    return [
        (SeenQuestion(key, day or first_seen_at.date(), first_seen_at), is_suspect)
        for key, day, first_seen_at, is_suspect in connection.execute(wanted)
    ]


def list_meeting_days(connection: Connection, today: date) -> dict[date, datetime]:
    """Return the days of Mayor's Question Time in the last year, oldest first.

    Returns:
        When the first question of each was read, by the day. Many are published days later.
    """
    # The source's names: "MQT on 2018-12-20", "Mayor's Question Time".
    named = [f'%"meeting":{{"name":"{start}%' for start in ("MQT", "Mayor_s Question Time")]
    rows = connection.execute(
        select(question.c.meeting_date, func.min(question.c.first_seen_at, type_=UtcDateTime()))
        .where(
            question.c.meeting_date.between(today - timedelta(days=366), today),
            or_(*(question.c.record.like(name) for name in named)),
        )
        .group_by(question.c.meeting_date)
        .order_by(question.c.meeting_date)
    )
    return {day: known_at for day, known_at in rows if day is not None}


def find_by_identifier(connection: Connection, identifier: str) -> list[Question]:
    """Return the questions with an identifier: a present or former id, a URL, or a reference.

    References (``2018/5425``) are not unique over the years.
    """
    stored = find(connection, identifier)
    if stored is not None:
        return [stored.record]
    wanted = select(question.c.id, question.c.record)
    if "://" in identifier:
        return list(read_records(connection.execute(wanted.where(question.c.url == identifier))))
    likely = question.c.reference_key == make_reference_key(identifier)
    found = read_records(connection.execute(wanted.where(likely)))
    return [record for record in found if record.reference == identifier]


def list_by_short_reference(
    connection: Connection, text: str, source: str | None = None, limit: int = 20
) -> list[Question]:
    """Return the questions with the reference of a short address, the newest first.

    Args:
        connection: The ledger.
        text: The reference with hyphens for its slashes: ``2026-1303``, ``2009-0289-1``.
        source: Only those of this source; None for all.
        limit: How many to return at most.
    """
    keys = {make_reference_key(text), make_reference_key(text.replace("-", "/", 1))}
    wanted = select(question.c.id, question.c.record).where(
        question.c.reference_key.in_(sorted(filter(None, keys)))
    )
    if source is not None:
        wanted = wanted.where(question.c.source == source)
    return list(read_records(connection.execute(wanted.order_by(*NEWEST_FIRST).limit(limit))))


def count_by_reference(connection: Connection, reference: str | None) -> dict[str, int]:
    """Return how many questions of each source have a reference."""
    key = make_reference_key(reference)
    if key is None:
        return {}
    rows = connection.execute(_COUNT_BY_REFERENCE, {"key": key})
    return {row[0]: row[1] for row in rows}


def list_referred(
    connection: Connection, referring: Sequence[Question]
) -> list[tuple[Question, ...]]:
    """Return, for each question, the known questions that its answers refer to.

    A number that several questions had over the years means the newest of them that is not newer
    than the question itself.
    """
    references = [find_references(one) for one in referring]
    pairs = {
        (one.source, make_reference_key(reference))
        for one, some in zip(referring, references, strict=True)
        for reference in some
    }
    known = _find_by_keys(connection, pairs) if pairs else {}
    return [
        tuple(filter(None, (_choose_referred(known, one, reference) for reference in some)))
        for one, some in zip(referring, references, strict=True)
    ]


def _find_by_keys(
    connection: Connection, pairs: Set[tuple[str, str | None]]
) -> dict[tuple[str, str | None], list[Question]]:
    """Return questions by source and key of their reference, the newest first."""
    found: dict[tuple[str, str | None], list[Question]] = {}
    sources = sorted({source for source, _ in pairs})
    for keys in iter_parameters(sorted({key for _, key in pairs if key})):
        rows = connection.execute(_BY_KEYS, {"sources": sources, "keys": list(keys)})
        for record in read_records(rows):
            if record.is_taken_down:
                continue
            pair = record.source, make_reference_key(record.reference)
            found.setdefault(pair, []).append(record)
    return found


def _choose_referred(
    known: Mapping[tuple[str, str | None], Sequence[Question]], referring: Question, reference: str
) -> Question | None:
    candidates = known.get((referring.source, make_reference_key(reference)), ())
    own_day = _get_day(referring)
    return next(
        (one for one in candidates if one.id != referring.id and _get_day(one) <= own_day), None
    )


def _get_day(one: Question) -> date:
    """Return the day of a question; the last there is where it is unknown."""
    return one.meeting.date if one.meeting and one.meeting.date else date.max
