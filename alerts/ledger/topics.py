"""Topics: queries and followed questions, each shared by everybody who subscribes to it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    select,
    update,
)

from alerts.ledger import topic_ranges
from alerts.ledger.changes import get_newest_seq
from alerts.ledger.engine import Ledger
from alerts.ledger.inserts import insert_once, insert_pairs_once, iter_parameters
from alerts.ledger.schema import change, match, topic
from alerts.model import TopicKind, build_topic_key
from alerts.queries import LANGUAGE_VERSION, QueryError, format_canonical, parse_query

#: Published by the operator: what visitors may know of.
_IS_PUBLIC = topic.c.publication.is_not(None)


class Topic(msgspec.Struct, frozen=True):
    """A query or a followed question."""

    id: int
    kind: TopicKind
    canonical: str | None  #: set on a query
    question_id: str | None  #: set on a followed question
    slug: str  #: name of its feeds; never changes
    title: str
    created_at: datetime
    matched_up_to: int  #: its own progress, until it is caught up
    is_caught_up: bool  #: was matched with all that others were, and advances with them
    #: its place among the published topics; None while it is private
    publication: int | None = None

    @property
    def key(self) -> str:
        """The text that identifies it in feed ids."""
        return build_topic_key(self.canonical, self.question_id)

    @property
    def is_published(self) -> bool:
        """Whether visitors may know of it."""
        return self.publication is not None


_TOPIC_COLUMNS = [topic.c[name] for name in Topic.__struct_fields__]
#: The statement of :func:`list_public_of_questions`: built once, because a page waits for it.
_PUBLIC_OF_QUESTIONS = (
    select(*_TOPIC_COLUMNS)
    .join(match, match.c.topic_id == topic.c.id)
    .join(change, change.c.seq == match.c.change_seq)
    .where(
        change.c.question_id.in_(bindparam("ids", expanding=True)),
        topic.c.kind == "query",
        _IS_PUBLIC,
    )
    .group_by(*_TOPIC_COLUMNS)
    .order_by(func.count(func.distinct(change.c.question_id)).desc(), topic.c.title)
    .limit(bindparam("limit", type_=Integer))
)

#: Signs that older query languages ignored, and later ones may refuse.
_IGNORED_SIGNS = re.compile(r"[^\w\s\"“”()|*:~/&+.,'’‘-]|(?<!\w)['’‘.,]+|['’‘.,]+(?!\w)")

#: The name of the feed of all changes. No topic has it as its slug.
EVERYTHING_FEED = "everything"


def ensure_for_question(
    connection: Connection, question_id: str, title: str, now: datetime
) -> Topic:
    """Return the topic of a question, creating it if nobody follows the question.

    A new one is matched at once with the changes of the question that are known. The connection
    must be of :meth:`alerts.ledger.Ledger.writing`: whoever matches its range now sees no change
    after the newest without seeing the topic.
    """
    if (known := _lock_one(connection, topic.c.question_id == question_id)) is not None:
        return known
    newest = get_newest_seq(connection)
    is_new = insert_once(
        connection,
        topic,
        kind="question",
        question_id=question_id,
        language_version=LANGUAGE_VERSION,
        slug=build_slug(build_topic_key(None, question_id), title),
        title=title,
        created_at=now,
        matched_up_to=newest,
        is_caught_up=True,
    )
    if is_new is None:  # it has ended
        mine = topic.c.question_id == question_id
        ended = select(topic.c.id).where(mine).scalar_subquery()
        connection.execute(delete(match).where(match.c.topic_id == ended))
        values = {"is_ended": False, "is_caught_up": True, "matched_up_to": newest}
        connection.execute(update(topic).where(mine).values(**values))
    found = find_for_question(connection, question_id)
    assert found is not None
    topic_ranges.ensure(connection, found.id)
    _match_followed_question(connection, found.id, question_id)
    return found


def find_for_question(connection: Connection, question_id: str) -> Topic | None:
    """Return the topic of a followed question; None if nobody follows it."""
    return _find_one(connection, topic.c.question_id == question_id)


def _match_followed_question(connection: Connection, topic_id: int, question_id: str) -> None:
    """Match the changes of a question with its topic."""
    seqs = connection.execute(select(change.c.seq).where(change.c.question_id == question_id))
    insert_pairs_once(connection, match, [(topic_id, seq) for seq in seqs.scalars()])


def ensure(connection: Connection, canonical: str, title: str, now: datetime) -> Topic:
    """Return the topic of a canonical query, creating it if there is none.

    ``title`` is the query as it was typed. An ended topic is revived, and matched from the start.
    """
    known = _lock_one(connection, topic.c.canonical == canonical)
    if known is not None:  # an insert that finds its key takes an id on PostgreSQL all the same
        return known
    is_new = insert_once(
        connection,
        topic,
        kind="query",
        canonical=canonical,
        language_version=LANGUAGE_VERSION,
        slug=build_slug(canonical, title),
        title=title,
        created_at=now,
        matched_up_to=0,
    )
    if is_new is None:
        ended = update(topic).where(topic.c.canonical == canonical, topic.c.is_ended)
        connection.execute(ended.values(is_ended=False, matched_up_to=0))
    found = find(connection, canonical)
    assert found is not None
    topic_ranges.ensure(connection, found.id)
    Ledger.announce(connection, "match")
    return found


def revive(connection: Connection, topic_id: int, now: datetime) -> None:
    """Make sure that a topic that somebody is subscribed to again is matched."""
    known = get(connection, topic_id)
    if known.question_id is not None:
        ensure_for_question(connection, known.question_id, known.title, now)
    elif known.canonical is not None:
        ensure(connection, known.canonical, known.title, now)


def find(connection: Connection, canonical: str) -> Topic | None:
    """Return the topic of a canonical query, public or private; None if there is none."""
    return _find_one(connection, topic.c.canonical == canonical)


def find_public(connection: Connection, canonical: str) -> Topic | None:
    """Return the public topic of a canonical query; None if there is none."""
    return _find_one(connection, topic.c.canonical == canonical, _IS_PUBLIC)


def list_public_of_questions(
    connection: Connection, question_ids: Sequence[str], limit: int
) -> list[Topic]:
    """Return the public topics that match some of a few questions, most of them first."""
    rows = connection.execute(_PUBLIC_OF_QUESTIONS, {"ids": list(question_ids), "limit": limit})
    return [Topic(**row._mapping) for row in rows]


def get(connection: Connection, topic_id: int) -> Topic:
    """Return the topic with an id; raise ``NoResultFound`` if there is none."""
    row = connection.execute(select(*_TOPIC_COLUMNS).where(topic.c.id == topic_id)).one()
    return Topic(**row._mapping)


def list_by_ids(connection: Connection, topic_ids: Sequence[int]) -> list[Topic]:
    """Return those of the topics with the given ids that have not ended."""
    found: list[Topic] = []
    for some in iter_parameters(topic_ids):
        wanted = select(*_TOPIC_COLUMNS).where(topic.c.id.in_(some), ~topic.c.is_ended)
        found += _list_topics(connection, wanted)
    return found


def rewrite_outdated(connection: Connection) -> None:
    """Rewrite the canonical forms of an older query language, from what people typed.

    A topic whose new form another topic has already has it in brackets, which mean the same. One
    whose text is no longer accepted is read without the signs in it, which the older languages
    ignored; if that is not accepted either, it keeps its form.
    """
    outdated = and_(topic.c.kind == "query", topic.c.language_version < LANGUAGE_VERSION)
    rows = connection.execute(
        select(topic.c.id, topic.c.title, topic.c.canonical).where(outdated)
    ).all()
    if not rows:
        return
    taken = set(connection.execute(select(topic.c.canonical)).scalars())
    for row in rows:
        form = _rewrite(row.title)
        if form is None or form == row.canonical:
            continue
        while form in taken:
            form = f"({form})"
        taken.add(form)
        connection.execute(update(topic).where(topic.c.id == row.id).values(canonical=form))
    if rows:
        connection.execute(update(topic).where(outdated).values(language_version=LANGUAGE_VERSION))


def _rewrite(title: str) -> str | None:
    """Return the canonical form of what somebody typed; None if it is not accepted."""
    for text in (title, _IGNORED_SIGNS.sub(" ", title)):
        try:
            return format_canonical(parse_query(text))
        except QueryError:
            continue
    return None


def build_slug(canonical: str, title: str) -> str:
    """Return a unique name for a topic's feeds and pages: ``knife-crime-920f84c7``.

    It ends in a hash of ``canonical``, unless the topic is one plain word, or an acronym (which
    keeps its capitals): no other topic can have that name.
    """
    if re.fullmatch(r"[a-z0-9]+|[A-Z]+", canonical) and re.fullmatch(r"[A-Za-z0-9]+", title):
        plain = canonical if canonical.isupper() else title.lower()
        if plain != EVERYTHING_FEED:
            return plain
    words = "-".join(re.findall(r"[a-z0-9]+", _to_latin_letters(title).lower()))[:48].strip("-")
    return f"{words}-{hashlib.sha256(canonical.encode()).hexdigest()[:8]}".lstrip("-")


#: The end of every slug that is not one plain word.
_HASH = re.compile(r"(?:^|(?<=-))[0-9a-f]{8}$")
#: Letters that Unicode does not take apart into one of a to z and an accent.
_LATIN_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ħ": "h", "Ħ": "H", "ı": "i"}
    | dict.fromkeys("'’‘", "")
)


def _to_latin_letters(text: str) -> str:
    """Return ``text`` with letters a to z for those with accents: ``Siân`` becomes ``Sian``."""
    apart = unicodedata.normalize("NFKD", text.translate(_LATIN_LETTERS))
    return "".join(one for one in apart if not unicodedata.combining(one))


def list_all(connection: Connection) -> list[Topic]:
    """Return every topic that has not ended, public or private, oldest first."""
    wanted = select(*_TOPIC_COLUMNS).where(~topic.c.is_ended)
    return _list_topics(connection, wanted.order_by(topic.c.id))


def list_public(connection: Connection) -> list[Topic]:
    """Return every public topic, in the order in which they were published."""
    wanted = select(*_TOPIC_COLUMNS).where(_IS_PUBLIC)
    return _list_topics(connection, wanted.order_by(topic.c.publication))


def find_by_slug(connection: Connection, slug: str) -> Topic | None:
    """Return the topic with a slug, public or private; None if there is none.

    For the operator only: whatever answers a visitor uses :func:`find_public_by_slug`.
    """
    return _find_one(connection, topic.c.slug == slug)


def find_public_by_slug(connection: Connection, slug: str) -> Topic | None:
    """Return the public topic with a slug; None if there is none."""
    return _find_one(connection, topic.c.slug == slug, _IS_PUBLIC)


def find_public_by_similar_slug(connection: Connection, slug: str) -> Topic | None:
    """Return the public topic whose slug differs from ``slug`` only in how its letters are written.

    A slug that was made before letters with accents were kept (``si-n-berry-1f0a2b3c``) has the
    same hash at its end as the one that is made today (``sian-berry-1f0a2b3c``).
    """
    ending = _HASH.search(slug)
    if ending is None:
        return None
    wanted = select(*_TOPIC_COLUMNS).where(topic.c.slug.endswith(ending[0]), _IS_PUBLIC)
    found = _list_topics(connection, wanted.limit(2))
    return found[0] if len(found) == 1 else None


def list_page(connection: Connection, after: int, limit: int) -> list[Topic]:
    """Return the public queries whose :attr:`Topic.publication` is above ``after``, in its order.

    Ids would tell how many private topics there are between two public ones.
    """
    wanted = select(*_TOPIC_COLUMNS).where(topic.c.publication > after, topic.c.kind == "query")
    return _list_topics(connection, wanted.order_by(topic.c.publication).limit(limit))


def _find_one(connection: Connection, *conditions: ColumnElement[bool]) -> Topic | None:
    """Return the topic that has not ended for which conditions hold; None if there is none."""
    wanted = select(*_TOPIC_COLUMNS).where(*conditions, ~topic.c.is_ended)
    return next(iter(_list_topics(connection, wanted)), None)


def _lock_one(connection: Connection, *conditions: ColumnElement[bool]) -> Topic | None:
    """Return what :func:`_find_one` does; until the transaction ends, nobody ends that topic.

    The lock is that of a row that refers to the topic, so whoever matches it does not wait.
    """
    wanted = select(*_TOPIC_COLUMNS).where(*conditions, ~topic.c.is_ended)
    locking = wanted.with_for_update(read=True, key_share=True)
    return next(iter(_list_topics(connection, locking)), None)


def _list_topics(connection: Connection, wanted: Select[tuple[object, ...]]) -> list[Topic]:
    def build(row: Row[tuple[object, ...]]) -> Topic:
        return Topic(**row._mapping)

    return [build(row) for row in connection.execute(wanted)]
