"""What a feed is of: a topic, a query as it is typed, a member, a thread, or everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection

from alerts.feeds.items import build_items, build_notice_items, join_attributions, merge_items
from alerts.feeds.model import FEED_FILTERS, FeedContent, FeedIdentity, FeedMetadata
from alerts.ledger import changes, matches, members, notices, questions
from alerts.ledger.topics import EVERYTHING_FEED, Topic
from alerts.queries import Query, QueryError, format_canonical, parse_query
from alerts.rendering import Templates, member_path, query_path, question_path, topic_path
from alerts.search import search_changes

#: Entries in a feed, and in a page of its archive; readers poll a few times a day.
FEED_PAGE_SIZE = 50
_MAX_NOTICES = 10


class FeedDefinition(msgspec.Struct, frozen=True):
    """What a feed is of."""

    metadata: FeedMetadata
    list_newest: Callable[[Connection, Sequence[str]], list[int]]  #: of some kinds; of all for none
    query: Query | None = None  #: whose passages are shown
    list_page: Callable[[Connection, int], list[int]] | None = None  #: of its archive, from 1
    count_changes: Callable[[Connection], int] | None = None  #: of the changes in it
    has_files: bool = False  #: whether it is written as files, of which a hub is told


def define_topic_feed(topic: Topic) -> FeedDefinition:
    """The feed of a topic."""
    head = FeedMetadata(
        id_parts=("topic", topic.key),
        title=topic.title,
        subtitle=f"Questions and answers that match {topic.title}",
        base_path=topic.slug,
        page_path=topic_path(topic.slug),
        created_at=topic.created_at,
    )
    return FeedDefinition(
        head,
        lambda connection, kinds: matches.list_newest(connection, topic.id, FEED_PAGE_SIZE, kinds),
        parse_topic_query(topic),
        lambda connection, number: matches.get_feed_page(
            connection, topic.id, number, FEED_PAGE_SIZE
        ),
        lambda connection: matches.count_in_feed(connection, topic.id),
        has_files=True,
    )


def parse_topic_query(topic: Topic) -> Query | None:
    """The query that a topic is; None for one question, and for words of an older language that
    can no longer be read: those are shown without their passages.
    """
    if topic.canonical is None:
        return None
    try:
        return parse_query(topic.canonical)
    except QueryError:
        return None


def define_everything_feed(connection: Connection) -> FeedDefinition:
    """The feed of all that happens."""
    head = FeedMetadata(
        id_parts=(EVERYTHING_FEED,),
        title="Everything",
        subtitle="Every question and answer",
        base_path=EVERYTHING_FEED,
        page_path="/",
        created_at=changes.get_first_recorded_at(connection),
    )
    return FeedDefinition(
        head,
        lambda connection, kinds: changes.list_in_feeds(connection, FEED_PAGE_SIZE, kinds),
        list_page=lambda connection, number: changes.get_feed_page(
            connection, number, FEED_PAGE_SIZE
        ),
        count_changes=changes.count_in_feeds,
        has_files=True,
    )


def define_query_feed(connection: Connection, typed: str) -> FeedDefinition:
    """The feed of a query as somebody types it; raises :class:`alerts.queries.parse.QueryError`."""
    query = parse_query(typed)
    form = format_canonical(query)
    head = FeedMetadata(
        id_parts=("topic", form),  # the same id as the topic's, should it become one
        title=typed,
        subtitle=f"Questions and answers that match {typed}",
        base_path="queries/feed",
        page_path=query_path(typed),
        created_at=changes.get_first_recorded_at(connection),
        query_string=query_path(typed).removeprefix("/"),
    )
    return FeedDefinition(
        head,
        lambda connection, kinds: search_changes(connection, query, FEED_PAGE_SIZE, kinds),
        query,
    )


def define_member_feed(connection: Connection, member_slug: str) -> FeedDefinition | None:
    """The feed of what one member asks, and is answered; None for nobody we know."""
    name = members.find_name(connection, member_slug)
    if name is None:
        return None
    head = FeedMetadata(
        id_parts=("member", member_slug),
        title=name,
        subtitle=f"What {name} asks, and is answered",
        base_path=member_path(member_slug).removeprefix("/").replace("member/", "members/", 1),
        page_path=member_path(member_slug),
        created_at=changes.get_first_recorded_at(connection),
    )
    return FeedDefinition(
        head,
        lambda connection, kinds: changes.list_by_person(
            connection, member_slug, FEED_PAGE_SIZE, kinds
        ),
        list_page=lambda connection, page: changes.get_person_page(
            connection, member_slug, page, FEED_PAGE_SIZE
        ),
        count_changes=lambda connection: changes.count_by_person(connection, member_slug),
    )


def define_thread_feed(connection: Connection, question_id: str) -> FeedDefinition | None:
    """The feed of one question and its supplementaries; None where there is no such question."""
    stored = questions.find(connection, question_id)
    if stored is None:
        return None
    record = stored.record
    ids = [one.id for one in questions.load_thread(connection, record)]
    path = question_path(record.id)
    head = FeedMetadata(
        id_parts=("thread", record.id),
        title=record.title or record.id,
        subtitle="One question, its supplementaries, and what becomes of them",
        base_path=path.removeprefix("/").replace("question/", "questions/", 1),
        page_path=path,
        created_at=stored.first_seen_at,
    )
    return FeedDefinition(
        head,
        lambda connection, kinds: changes.list_by_questions(connection, ids, FEED_PAGE_SIZE, kinds),
    )


def build_content(
    connection: Connection,
    definition: FeedDefinition,
    numbers: Sequence[int],
    feed_identity: FeedIdentity,
    templates: Templates,
    only: str | None = None,
) -> FeedContent:
    """What a feed holds, and beside it what is to be said of the sources since its oldest entry."""
    found = changes.get(connection, numbers)
    newest_first = [found[number] for number in numbers]
    once = only == "latest"
    items = build_items(newest_first, definition.query, feed_identity, templates, latest_only=once)
    # All that is known, where the feed is not full: nothing older was pushed out of it.
    is_full = len(numbers) == FEED_PAGE_SIZE
    oldest = min((n.recorded_at for n in newest_first), default=None) if is_full else None
    told = notices.list_since(connection, oldest, _MAX_NOTICES)
    every = merge_items(items, build_notice_items(told, feed_identity))
    return FeedContent(tuple(every), join_attributions(newest_first, feed_identity))


def build_archive_page(
    connection: Connection,
    definition: FeedDefinition,
    page_number: int,
    feed_identity: FeedIdentity,
    templates: Templates,
) -> FeedContent:
    """What stands on a full page of a feed's archive: changes alone."""
    assert definition.list_page is not None
    numbers = definition.list_page(connection, page_number)
    found = changes.get(connection, numbers)
    newest_first = [found[number] for number in numbers]
    items = build_items(newest_first, definition.query, feed_identity, templates)
    return FeedContent(tuple(items), join_attributions(newest_first, feed_identity))


def filter_feed(definition: FeedDefinition, only: str | None) -> FeedDefinition:
    """The same feed of some kinds of changes alone: a document, and an id, of its own."""
    if only is None:
        return definition
    assert only in FEED_FILTERS
    sign = "&" if definition.metadata.query_string else "?"
    head = msgspec.structs.replace(
        definition.metadata,
        id_parts=(*definition.metadata.id_parts, only),
        query_string=f"{definition.metadata.query_string}{sign}only={only}",
    )
    return msgspec.structs.replace(
        definition, metadata=head, list_page=None, count_changes=None, has_files=False
    )
