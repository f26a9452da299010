"""From a feed's definition to its documents: its changes are read, rendered and formatted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from alerts.feeds.definitions import FEED_PAGE_SIZE, FeedDefinition
from alerts.feeds.items import (
    build_items,
    build_limit_item,
    build_notice_items,
    join_attributions,
    merge_items,
)
from alerts.feeds.model import (
    ArchivePosition,
    FeedContent,
    FeedDocuments,
    FeedIdentity,
    ListedChanges,
)
from alerts.feeds.rss_atom import build_feed
from alerts.ledger import changes, notices, question_lookups
from alerts.model import NumberedChange
from alerts.rendering import Templates
from crawler.records import Question

#: Notices of more than two outages of each of several sources say nothing that helps a reader.
_MAX_NOTICES = 10


class FeedContext(msgspec.Struct, frozen=True):
    """What all feeds are written with."""

    identity: FeedIdentity
    templates: Templates

    def identify(self, definition: FeedDefinition) -> FeedIdentity:
        """Return the identity for one feed: the hub is notified only of those that are files."""
        if definition.has_files:
            return self.identity
        return msgspec.structs.replace(self.identity, hub=None)


def build_newest_page(
    connection: Connection,
    definition: FeedDefinition,
    listed: ListedChanges,
    context: FeedContext,
    only: str | None = None,
) -> FeedDocuments:
    """Return the documents of the feed that readers subscribe to.

    Args:
        connection: The ledger.
        definition: What the feed is of; with its filter, if it has one.
        listed: The changes in it: what ``definition.list_newest`` returned.
        context: What feeds are written with.
        only: Its filter, a key of `alerts.feeds.model.FEED_FILTERS`.
    """
    newest_first = changes.list_by_seqs(connection, listed.numbers)
    identity = context.identify(definition)
    items = build_items(
        newest_first,
        definition.query,
        identity,
        templates=context.templates,
        latest_only=only == "latest",
        referred=_find_referred(connection, newest_first),
    )
    # A feed that is not full has all there is, so it has all notices too.
    is_full = len(listed.numbers) == FEED_PAGE_SIZE
    oldest = min((n.recorded_at for n in newest_first), default=None) if is_full else None
    recent_notices = notices.list_since(connection, oldest, _MAX_NOTICES)
    merged = merge_items(items, build_notice_items(recent_notices, identity))
    if not (merged and listed.is_complete):
        merged.append(build_limit_item(definition.metadata, identity, listed))
    content = FeedContent(tuple(merged), join_attributions(newest_first, identity))
    position = ArchivePosition(definition.count_pages(connection))
    return build_feed(definition.metadata, content, identity, position)


def build_archive_page(
    connection: Connection,
    definition: FeedDefinition,
    position: ArchivePosition,
    context: FeedContext,
) -> FeedDocuments:
    """Return the documents of one full page of a feed's archive; it has no notices."""
    assert definition.list_page is not None
    assert position.page_number is not None
    newest_first = changes.list_by_seqs(
        connection, definition.list_page(connection, position.page_number)
    )
    identity = context.identify(definition)
    items = build_items(
        newest_first,
        definition.query,
        identity,
        templates=context.templates,
        referred=_find_referred(connection, newest_first),
    )
    content = FeedContent(tuple(items), join_attributions(newest_first, identity))
    return build_feed(definition.metadata, content, identity, position)


def _find_referred(
    connection: Connection, numbered: Sequence[NumberedChange]
) -> dict[int, tuple[Question, ...]]:
    """Return the known questions that the answers in changes refer to, by number of change."""
    found = question_lookups.list_referred(connection, [one.change.after for one in numbered])
    return {one.seq: some for one, some in zip(numbered, found, strict=True) if some}
