"""Feeds: what each is of, their items, their formats, and publishing them as files.

Owns RSS, Atom, JSON Feed and OPML, the archive of a feed (RFC 5005) and the notification of a
WebSub hub. It must not know digests, messages or the web application: that serves the files, and
asks for the feeds that are built on request.

The face has more names than most because the web application builds feeds from the same parts.
"""

from alerts.feeds.definitions import (
    PRIVATE_FEEDS,
    FeedDefinition,
    define_private_feed,
    define_topic_feed,
    filter_feed,
    find_feed,
    parse_topic_query,
)
from alerts.feeds.documents import FeedContext, build_archive_page, build_newest_page
from alerts.feeds.folder import FeedFolder
from alerts.feeds.model import (
    FEED_FILTERS,
    MEDIA_TYPES,
    ArchivePosition,
    FeedIdentity,
    FeedMetadata,
    ListedChanges,
)
from alerts.feeds.opml import build_opml
from alerts.feeds.publish import (
    FeedShare,
    FeedsNotWritten,
    are_files_lost,
    delete_withdrawn_files,
    list_waiting_shares,
    publish_feeds,
)
from alerts.feeds.rss_atom import build_feed_url
from alerts.feeds.websub import is_ping_due, ping_hub
from alerts.feeds.write import list_waiting_feeds, publish_feed

__all__ = [
    "FEED_FILTERS",
    "MEDIA_TYPES",
    "PRIVATE_FEEDS",
    "ArchivePosition",
    "FeedContext",
    "FeedDefinition",
    "FeedFolder",
    "FeedIdentity",
    "FeedMetadata",
    "FeedShare",
    "FeedsNotWritten",
    "ListedChanges",
    "are_files_lost",
    "build_archive_page",
    "build_feed_url",
    "build_newest_page",
    "build_opml",
    "define_private_feed",
    "define_topic_feed",
    "delete_withdrawn_files",
    "filter_feed",
    "find_feed",
    "is_ping_due",
    "list_waiting_feeds",
    "list_waiting_shares",
    "parse_topic_query",
    "ping_hub",
    "publish_feed",
    "publish_feeds",
]
