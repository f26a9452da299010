"""What each feed is of: a topic, a typed query, a member, a thread, or everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import unquote

import msgspec
from sqlalchemy import Connection

from alerts.feeds.model import FEED_FILTERS, FeedMetadata, ListedChanges
from alerts.language import gettext
from alerts.ledger import changes, matches, members, questions, topics
from alerts.ledger.topics import EVERYTHING_FEED, Topic
from alerts.queries import Query, QueryError, format_canonical, parse_query
from alerts.rendering import member_path, query_path, question_path, topic_path
from alerts.search import TimeBudget, search_changes
from crawler.records import name_question

#: Items in a feed, and in a page of its archive. Readers poll a few times a day, and a busy day of
#: a topic has fewer.
FEED_PAGE_SIZE = 50

#: Seconds that the feed of a typed query may spend on comparing changes.
_SEARCH_SECONDS = 1.0

#: The feed of whatever query is typed; the query is in the address's query string.
QUERY_FEED = "queries/feed"
#: What the names of subscribers' own feeds begin with.
PRIVATE_FEEDS = "private"


class FeedDefinition(msgspec.Struct, frozen=True):
    """What a feed is of, and how its changes are found in the ledger."""

    metadata: FeedMetadata
    list_newest: Callable[[Connection, Sequence[str]], ListedChanges]
    """Given kinds of change (none for all kinds), the newest."""
    query: Query | None = None  #: the items show the passages that match it
    list_page: Callable[[Connection, int], list[int]] | None = None
    """Given a page of its archive, from 1, the numbers of its changes; None without archive."""
    count_all: Callable[[Connection], int] | None = None
    """How many changes it has, with its archive; None without archive."""
    has_files: bool = False  #: whether it is published as files, which a hub is notified of

    def count_pages(self, connection: Connection) -> int:
        """Return how many pages of its archive are full; 0 without archive."""
        return self.count_all(connection) // FEED_PAGE_SIZE if self.count_all else 0


def find_feed(connection: Connection, name: str, query: str = "") -> FeedDefinition | None:
    """Return the feed with a name.

    Args:
        connection: The ledger.
        name: As in its address: ``VRU``, ``everything``, ``members/ada-brook``,
            ``questions/london:/questions/2026/0001``, or ``queries/feed``.
        query: What somebody typed, for ``queries/feed``.

    Returns:
        None if there is no such feed, or if its topic is private.

    Raises:
        QueryError: The query cannot be read.
    """
    kind, _, rest = name.partition("/")
    if name == QUERY_FEED:
        return define_query_feed(connection, query)
    if name == EVERYTHING_FEED:
        return define_everything_feed(connection)
    if kind == "members" and rest:
        return define_member_feed(connection, rest)
    if kind == "questions" and rest:
        return define_thread_feed(connection, unquote(rest))
    topic = topics.find_public_by_slug(connection, name)
    topic = topic or topics.find_public_by_similar_slug(connection, name)
    return define_topic_feed(topic) if topic else None


def define_topic_feed(topic: Topic) -> FeedDefinition:
    """Return the feed of a topic."""
    metadata = FeedMetadata(
        id_parts=("topic", topic.key),
        title=topic.title,
        subtitle=_describe_matches(topic.title),
        base_path=topic.slug,
        page_path=topic_path(topic.slug),
        created_at=topic.created_at,
    )
    return FeedDefinition(
        metadata,
        lambda connection, kinds: ListedChanges(
            matches.list_newest(connection, topic.id, FEED_PAGE_SIZE, kinds)
        ),
        parse_topic_query(topic),
        lambda connection, page: matches.get_feed_page(connection, topic.id, page, FEED_PAGE_SIZE),
        lambda connection: matches.count_in_feed(connection, topic.id),
        has_files=True,
    )


def _describe_matches(title: str) -> str:
    return gettext("Questions and answers that match %(query)s") % {"query": title}


def define_private_feed(topic: Topic, label: str, token: str) -> FeedDefinition:
    """Return a subscriber's own feed of a topic, which stays private if the topic is.

    Its items have the ids of the topic's public feed.

    Args:
        topic: What they are subscribed to.
        label: The query in the words of the subscriber, or the question's title.
        token: What its address has in place of a name.
    """
    public = define_topic_feed(topic)
    is_query = topic.question_id is None
    page_path = query_path(label) if is_query else question_path(topic.question_id or "")
    metadata = msgspec.structs.replace(
        public.metadata,
        title=label,
        subtitle=_describe_matches(label),
        base_path=f"{PRIVATE_FEEDS}/{token}",
        page_path=page_path,
    )
    return msgspec.structs.replace(public, metadata=metadata, has_files=False)


def parse_topic_query(topic: Topic) -> Query | None:
    """Return the query of a topic.

    Returns:
        None for a followed question, and for a query of an older language that can no longer be
        read: its feed shows no passages.
    """
    if topic.canonical is None:
        return None
    try:
        return parse_query(topic.canonical)
    except QueryError:
        return None


def define_everything_feed(connection: Connection) -> FeedDefinition:
    """Return the feed of all changes."""
    metadata = FeedMetadata(
        id_parts=(EVERYTHING_FEED,),
        title=gettext("Everything"),
        subtitle=gettext("Every question and answer"),
        base_path=EVERYTHING_FEED,
        page_path="/",
        created_at=changes.get_first_recorded_at(connection),
    )
    return FeedDefinition(
        metadata,
        lambda connection, kinds: ListedChanges(
            changes.list_in_feeds(connection, FEED_PAGE_SIZE, kinds)
        ),
        list_page=lambda connection, page: changes.get_feed_page(connection, page, FEED_PAGE_SIZE),
        count_all=changes.count_in_feeds,
        has_files=True,
    )


def define_query_feed(connection: Connection, typed: str) -> FeedDefinition:
    """Return the feed of a query as somebody typed it.

    Raises:
        QueryError: The query cannot be read.
    """
    query = parse_query(typed)
    metadata = FeedMetadata(
        id_parts=("topic", format_canonical(query)),  # the id of its topic, should it become one
        title=typed,
        subtitle=_describe_matches(typed),
        base_path=QUERY_FEED,
        page_path=query_path(typed),
        created_at=changes.get_first_recorded_at(connection),
        query_string=query_path(typed).removeprefix("/search"),
    )
    return FeedDefinition(
        metadata,
        lambda connection, kinds: _search_newest(connection, query, kinds),
        query,
    )


def _search_newest(connection: Connection, query: Query, kinds: Sequence[str]) -> ListedChanges:
    budget = TimeBudget(_SEARCH_SECONDS)
    return ListedChanges(*search_changes(connection, query, FEED_PAGE_SIZE, kinds, budget))


def define_member_feed(connection: Connection, member_slug: str) -> FeedDefinition | None:
    """Return the feed of one member's questions; None for an unknown member."""
    name = members.find_name(connection, member_slug)
    if name is None:
        return None
    path = member_path(member_slug)
    metadata = FeedMetadata(
        id_parts=("member", member_slug),
        title=name,
        subtitle=gettext("Questions that %(name)s asks, and their answers") % {"name": name},
        base_path=path.removeprefix("/").replace("member/", "members/", 1),
        page_path=path,
        created_at=changes.get_first_recorded_at(connection),
    )
    return FeedDefinition(
        metadata,
        lambda connection, kinds: ListedChanges(
            changes.list_by_person(connection, member_slug, FEED_PAGE_SIZE, kinds)
        ),
        list_page=lambda connection, page: changes.get_person_page(
            connection, member_slug, page, FEED_PAGE_SIZE
        ),
        count_all=lambda connection: changes.count_by_person(connection, member_slug),
    )


def define_thread_feed(connection: Connection, question_id: str) -> FeedDefinition | None:
    """Return the feed of a question and its supplementaries; None for an unknown question."""
    stored = questions.find(connection, question_id)
    if stored is None:
        return None
    record = stored.record
    ids = [question.id for question in questions.load_thread(connection, record)]
    path = question_path(record.id)
    metadata = FeedMetadata(
        id_parts=("thread", record.id),
        title=name_question(record),
        subtitle=gettext("One question, its supplementaries, and their answers"),
        base_path=path.removeprefix("/").replace("question/", "questions/", 1),
        page_path=path,
        created_at=stored.first_seen_at,
    )
    return FeedDefinition(
        metadata,
        lambda connection, kinds: ListedChanges(
            changes.list_by_questions(connection, ids, FEED_PAGE_SIZE, kinds)
        ),
    )


def filter_feed(definition: FeedDefinition, only: str | None) -> FeedDefinition:
    """Return a feed with a filter: a feed of its own, with another id and without an archive.

    Args:
        definition: The feed.
        only: A key of `FEED_FILTERS`; None returns the feed unchanged.
    """
    if only is None:
        return definition
    assert only in FEED_FILTERS
    metadata = definition.metadata
    separator = "&" if metadata.query_string else "?"
    return msgspec.structs.replace(
        definition,
        metadata=msgspec.structs.replace(
            metadata,
            id_parts=(*metadata.id_parts, only),
            query_string=f"{metadata.query_string}{separator}only={only}",
        ),
        list_page=None,
        count_all=None,
        has_files=False,
    )
