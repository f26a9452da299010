"""What a feed is of: a topic, a query as it is typed, a member, a thread, or everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection

from alerts.feeds.items import ONLY, Content, items_of, merged, notice_items, rights_of
from alerts.feeds.json_feed import Imprint
from alerts.feeds.xml import Masthead
from alerts.ledger import changes, matches, members, notices, questions
from alerts.ledger.topics import EVERYTHING, Topic
from alerts.queries.parse import Query, QueryError, canonical, parse
from alerts.rendering.templates import Templates
from alerts.rendering.urls import member_path, query_path, question_path, topic_path
from alerts.search.search import search_changes

#: Entries in a feed, and in a page of its archive; readers poll a few times a day.
ENTRIES = 50
_NOTICES = 10


class Subject(msgspec.Struct, frozen=True):
    """What a feed is of."""

    head: Masthead
    newest: Callable[[Connection, Sequence[str]], list[int]]  #: of some kinds; of all for none
    query: Query | None = None  #: whose passages are shown
    page: Callable[[Connection, int], list[int]] | None = None  #: of its archive, from 1
    count: Callable[[Connection], int] | None = None  #: of the changes in it
    is_filed: bool = False  #: whether it is written as files, of which a hub is told


def of_topic(topic: Topic) -> Subject:
    """The feed of a topic."""
    head = Masthead(
        key=("topic", topic.canonical),
        title=topic.title,
        subtitle=f"Questions and answers that match {topic.title}",
        name=topic.slug,
        page=topic_path(topic.slug),
        since=topic.created_at,
    )
    return Subject(
        head,
        lambda connection, kinds: matches.newest(connection, topic.id, ENTRIES, kinds),
        query_of(topic),
        lambda connection, number: matches.page(connection, topic.id, number, ENTRIES),
        lambda connection: matches.count(connection, topic.id),
        is_filed=True,
    )


def query_of(topic: Topic) -> Query | None:
    """The query that a topic is; None for one question, and for words of an older language that
    can no longer be read: those are shown without their passages.
    """
    if topic.question_id is not None:
        return None
    try:
        return parse(topic.canonical)
    except QueryError:
        return None


def of_everything(connection: Connection) -> Subject:
    """The feed of all that happens."""
    head = Masthead(
        key=(EVERYTHING,),
        title="Everything",
        subtitle="Every question and answer",
        name=EVERYTHING,
        page="/",
        since=changes.first_moment(connection),
    )
    return Subject(
        head,
        lambda connection, kinds: changes.shown(connection, ENTRIES, kinds),
        page=lambda connection, number: changes.shown_page(connection, number, ENTRIES),
        count=changes.count_shown,
        is_filed=True,
    )


def of_query(connection: Connection, typed: str) -> Subject:
    """The feed of a query as somebody types it; raises :class:`alerts.queries.parse.QueryError`."""
    query = parse(typed)
    form = canonical(query)
    head = Masthead(
        key=("topic", form),  # the same id as the topic's, should it become one
        title=typed,
        subtitle=f"Questions and answers that match {typed}",
        name="queries/feed",
        page=query_path(typed),
        since=changes.first_moment(connection),
        asked_with=query_path(typed).removeprefix("/"),
    )
    return Subject(
        head, lambda connection, kinds: search_changes(connection, query, ENTRIES, kinds), query
    )


def of_member(connection: Connection, person: str) -> Subject | None:
    """The feed of what one member asks, and is answered; None for nobody we know."""
    name = members.name_of(connection, person)
    if name is None:
        return None
    head = Masthead(
        key=("member", person),
        title=name,
        subtitle=f"What {name} asks, and is answered",
        name=member_path(person).removeprefix("/").replace("member/", "members/", 1),
        page=member_path(person),
        since=changes.first_moment(connection),
    )
    return Subject(
        head,
        lambda connection, kinds: changes.of_person(connection, person, ENTRIES, kinds),
        page=lambda connection, page: changes.page_of_person(connection, person, page, ENTRIES),
        count=lambda connection: changes.count_of_person(connection, person),
    )


def of_thread(connection: Connection, question_id: str) -> Subject | None:
    """The feed of one question and its supplementaries; None where there is no such question."""
    stored = questions.find(connection, question_id)
    if stored is None:
        return None
    record = stored.record
    ids = [one.id for one in questions.thread_of(connection, record)]
    path = question_path(record.id)
    head = Masthead(
        key=("thread", record.id),
        title=record.title or record.id,
        subtitle="One question, its supplementaries, and what becomes of them",
        name=path.removeprefix("/").replace("question/", "questions/", 1),
        page=path,
        since=stored.first_seen_at,
    )
    return Subject(
        head, lambda connection, kinds: changes.of_questions(connection, ids, ENTRIES, kinds)
    )


def content_of(
    connection: Connection,
    subject: Subject,
    numbers: Sequence[int],
    imprint: Imprint,
    templates: Templates,
    only: str | None = None,
) -> Content:
    """What a feed holds, and beside it what is to be said of the sources since its oldest entry."""
    found = changes.get(connection, numbers)
    newest_first = [found[number] for number in numbers]
    once = only == "latest"
    items = items_of(newest_first, subject.query, imprint, templates, once=once)
    # All that is known, where the feed is not full: nothing older was pushed out of it.
    is_full = len(numbers) == ENTRIES
    oldest = min((n.recorded_at for n in newest_first), default=None) if is_full else None
    told = notices.since(connection, oldest, _NOTICES)
    every = merged(items, notice_items(told, imprint))
    return Content(tuple(every), rights_of(newest_first, imprint))


def archived(
    connection: Connection,
    subject: Subject,
    number: int,
    imprint: Imprint,
    templates: Templates,
) -> Content:
    """What stands on a full page of a feed's archive: changes alone."""
    assert subject.page is not None
    numbers = subject.page(connection, number)
    found = changes.get(connection, numbers)
    newest_first = [found[number] for number in numbers]
    items = items_of(newest_first, subject.query, imprint, templates)
    return Content(tuple(items), rights_of(newest_first, imprint))


def narrowed(subject: Subject, only: str | None) -> Subject:
    """The same feed of some kinds of changes alone: a document, and an id, of its own."""
    if only is None:
        return subject
    assert only in ONLY
    sign = "&" if subject.head.asked_with else "?"
    head = msgspec.structs.replace(
        subject.head,
        key=(*subject.head.key, only),
        asked_with=f"{subject.head.asked_with}{sign}only={only}",
    )
    return msgspec.structs.replace(subject, head=head, page=None, count=None, is_filed=False)
