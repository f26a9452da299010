"""Topics: one canonical query each, shared by all who watch the same words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

import msgspec
from sqlalchemy import Connection, Row, Select, and_, func, insert, or_, select, update

from alerts.ledger.base import insert_once
from alerts.ledger.schema import change, feed, match, match_progress, topic

#: Topics that are a query, and compared with every change.
_IS_CAUGHT_UP_QUERY = and_(topic.c.in_step, topic.c.question_id.is_(None))


class Topic(msgspec.Struct, frozen=True):
    """A canonical query and how far it has come."""

    id: int
    canonical: str
    slug: str  #: name of its feeds; never changes
    title: str
    created_at: datetime
    matched_to: int  #: how far it has come by itself, until it is in step
    in_step: bool  #: has reached the line of all others, and moves with it
    question_id: str | None = None  #: set where it is no query but that one question


_TOPIC_COLUMNS = [topic.c[name] for name in Topic.__struct_fields__]

#: The name of the feed of all that happens; no topic has it for a slug.
EVERYTHING_FEED = "everything"


def ensure_for_question(
    connection: Connection, question_id: str, title: str, now: datetime
) -> Topic:
    """The topic that one question is, made where nobody followed it before.

    What is known of the question matches it at once; it has no words to be compared.
    """
    canonical = f"={question_id}"  # no query begins like this
    if (known := find(connection, canonical)) is not None:
        return known
    made = ensure(connection, canonical, title, now)
    reached = get_match_progress(connection)
    connection.execute(
        update(topic)
        .where(topic.c.id == made.id)
        .values(question_id=question_id, matched_to=reached, in_step=True)
    )
    match_followed_questions(connection, 0, reached, question_id)
    found = find(connection, canonical)
    assert found is not None
    return found


def match_followed_questions(
    connection: Connection, after: int, to: int, question_id: str | None = None
) -> int:
    """Match the changes above ``after``, up to ``to``, with the topics that are their question.

    All such topics, or the one of ``question_id``; gives the number of matches.
    """
    wanted = (
        select(topic.c.id, change.c.seq)
        .join(change, change.c.question_id == topic.c.question_id)
        .where(change.c.seq > after, change.c.seq <= to)
    )
    if question_id is not None:
        wanted = wanted.where(topic.c.question_id == question_id)
    rows = [{"topic_id": key, "change_seq": seq} for key, seq in connection.execute(wanted)]
    if rows:
        connection.execute(insert(match), rows)
    return len(rows)


def ensure(connection: Connection, canonical: str, title: str, now: datetime) -> Topic:
    """The topic of a canonical query, made where nobody watched these words before."""
    insert_once(
        connection,
        topic,
        canonical=canonical,
        slug=build_slug(canonical, title),
        title=title,
        created_at=now,
        matched_to=0,
    )
    found = find(connection, canonical)
    assert found is not None
    return found


def find(connection: Connection, canonical: str) -> Topic | None:
    """The topic of a canonical query, if anybody ever watched these words."""
    found = _list_topics(connection, select(topic).where(topic.c.canonical == canonical))
    return found[0] if found else None


def build_slug(canonical: str, title: str) -> str:
    """A name for files and addresses, after the words that the topic was first typed in.

    It is unique: it ends in a digest, unless the topic is one plain word, or an acronym (which
    keeps its capitals), that no other topic can be.
    """
    if re.fullmatch(r"[a-z0-9]+|[A-Z]+", canonical) and re.fullmatch(r"[A-Za-z0-9]+", title):
        plain = canonical if canonical.isupper() else title.lower()
        if plain != EVERYTHING_FEED:
            return plain
    words = "-".join(re.findall(r"[a-z0-9]+", title.lower()))[:48].strip("-")
    return f"{words}-{hashlib.sha256(canonical.encode()).hexdigest()[:8]}".lstrip("-")


def list_all(connection: Connection) -> list[Topic]:
    """Every topic, oldest first: a feed outlives its last subscription."""
    return _list_topics(connection, select(topic).order_by(topic.c.id))


def batched(values: Iterable[int], size: int) -> Iterator[tuple[int, ...]]:
    """``values`` in tuples of ``size`` (``itertools.batched`` came with Python 3.12)."""
    rest = iter(values)
    while some := tuple(islice(rest, size)):
        yield some


def get_match_progress(connection: Connection) -> int:
    """The change up to which all topics that are in step have been compared."""
    reached: int = connection.execute(select(match_progress.c.matched_to)).scalar_one()
    return reached


def set_match_progress(connection: Connection, up_to: int) -> None:
    """Note that all topics that are in step have been compared up to ``up_to``."""
    connection.execute(update(match_progress).values(matched_to=up_to))


def list_caught_up(connection: Connection) -> dict[int, str]:
    """The canonical queries of all topics that are in step, by their ids, in their order."""
    wanted = select(topic.c.id, topic.c.canonical).where(_IS_CAUGHT_UP_QUERY).order_by(topic.c.id)
    return {row.id: row.canonical for row in connection.execute(wanted)}


def count_caught_up(connection: Connection) -> int:
    """How many queries are in step."""
    wanted = select(func.count()).select_from(topic).where(_IS_CAUGHT_UP_QUERY)
    return connection.execute(wanted).scalar_one()


def list_behind(connection: Connection) -> list[Topic]:
    """Topics that have yet to come up to the line, the farthest behind first."""
    wanted = select(topic).where(~topic.c.in_step).order_by(topic.c.matched_to, topic.c.id)
    return _list_topics(connection, wanted)


def set_matched_up_to(
    connection: Connection, topic_ids: Iterable[int], up_to: int, *, is_caught_up: bool
) -> None:
    """Note that late topics have come up to ``up_to``; at the line they fall in step."""
    for some in batched(topic_ids, 500):  # a database takes only so many values in one statement
        connection.execute(
            update(topic).where(topic.c.id.in_(some)).values(matched_to=up_to, in_step=is_caught_up)
        )


def list_unpublished(connection: Connection) -> list[Topic]:
    """Topics whose feed files lack a match, or were never written."""
    newest = (
        select(func.max(match.c.change_seq)).where(match.c.topic_id == topic.c.id).scalar_subquery()
    )
    lacking = or_(feed.c.name.is_(None), newest > feed.c.published_to)
    wanted = select(*_TOPIC_COLUMNS).outerjoin(feed, feed.c.name == topic.c.slug).where(lacking)
    return _list_topics(connection, wanted.order_by(topic.c.id))


def list_without_notice(connection: Connection, notice_id: int, limit: int) -> list[Topic]:
    """Some of the topics whose feed files lack a notice."""
    wanted = select(*_TOPIC_COLUMNS).join(feed, feed.c.name == topic.c.slug)
    wanted = wanted.where(feed.c.noticed_to < notice_id).order_by(topic.c.id).limit(limit)
    return _list_topics(connection, wanted)


def find_by_slug(connection: Connection, slug: str) -> Topic | None:
    """The topic whose feeds have a name."""
    found = _list_topics(connection, select(topic).where(topic.c.slug == slug))
    return found[0] if found else None


def list_page(connection: Connection, after: int, limit: int) -> list[Topic]:
    """Topics that are queries, numbered above ``after``, oldest first."""
    wanted = select(topic).where(topic.c.id > after, topic.c.question_id.is_(None))
    return _list_topics(connection, wanted.order_by(topic.c.id).limit(limit))


def _list_topics(connection: Connection, wanted: Select[tuple[object, ...]]) -> list[Topic]:
    def build(row: Row[tuple[object, ...]]) -> Topic:
        return Topic(**row._mapping)

    return [build(row) for row in connection.execute(wanted)]
