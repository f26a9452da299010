"""Response bodies of the API; the OpenAPI document is made from the same types.

The docstrings of the classes are their descriptions in that document.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from alerts.feeds import MEDIA_TYPES, FeedIdentity
from alerts.ledger.topics import Topic
from alerts.model import ChangeKind
from alerts.rendering import topic_path
from alerts.search import SmallForm
from crawler.records import Question


class QuestionPage(msgspec.Struct, frozen=True):
    """One page of the questions that match a query, newest first.

    `total` is exact unless `is_at_least` is true: then at least so many match, and more may be
    found on the next pages. A page can have few questions, or none, and still have a next one. All
    questions have been given when `next` is null.
    """

    questions: tuple[Question, ...]
    total: int
    is_at_least: bool  #: more than ``total`` may match: not all questions have been compared yet
    next: str | None  #: ``cursor`` of the next page; None on the last
    #: words in capitals that hardly any question has, though many have them in small letters
    small_forms: tuple[SmallForm, ...] = ()


class TopicResponse(msgspec.Struct, frozen=True):
    """A public topic: a query, or one question, with a page and feeds of its own."""

    slug: str
    title: str
    query: str | None  #: None for a followed question
    since: datetime
    page: str  #: address of its page
    feeds: dict[str, str]  #: addresses by format: ``rss``, ``atom``, ``json``
    questions: int | None = None  #: that match; only in the response for one topic


class TopicPage(msgspec.Struct, frozen=True):
    """One page of public topics, the one that was published first at the beginning."""

    topics: tuple[TopicResponse, ...]
    next: int | None


class ChangeResponse(msgspec.Struct, frozen=True):
    """A change of a question, and the question as it was after the change."""

    number: int
    kind: ChangeKind
    recorded_at: datetime
    question: Question


class ChangePage(msgspec.Struct, frozen=True):
    """Changes after a cursor, in the order they were recorded; ``next`` is the new cursor."""

    changes: tuple[ChangeResponse, ...]
    next: int
    more: bool


class ErrorResponse(msgspec.Struct, frozen=True):
    """Why the request was refused, and what to do, in one sentence."""

    error: str


def describe_topic(topic: Topic, identity: FeedIdentity) -> TopicResponse:
    """Return a topic with the addresses of its page and feeds."""
    base = identity.public_url or ""
    return TopicResponse(
        topic.slug,
        topic.title,
        topic.canonical,
        topic.created_at,
        f"{base}{topic_path(topic.slug)}",
        {
            extension.partition(".")[0]: f"{base}/feeds/{topic.slug}.{extension}"
            for extension in MEDIA_TYPES
        },
    )
