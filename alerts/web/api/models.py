"""What the API answers with; the OpenAPI document is made of the same."""

from __future__ import annotations

from datetime import datetime

import msgspec

from alerts.feeds.json_feed import FeedIdentity
from alerts.feeds.xml import MEDIA_TYPES
from alerts.ledger.topics import Topic
from alerts.model import ChangeKind
from alerts.rendering.urls import topic_path
from crawler.records import Question


class QuestionPage(msgspec.Struct, frozen=True):
    """Questions that match, the newest first."""

    questions: tuple[Question, ...]
    total: int
    is_estimate: bool
    next: int | None


class TopicResponse(msgspec.Struct, frozen=True):
    """What somebody watches for."""

    slug: str
    title: str
    query: str | None  #: None for a followed question
    since: datetime
    page: str
    feeds: dict[str, str]
    questions: int | None = None


class TopicPage(msgspec.Struct, frozen=True):
    """Topics, the oldest first."""

    topics: tuple[TopicResponse, ...]
    next: int | None


class ChangeResponse(msgspec.Struct, frozen=True):
    """One thing that happened to a question, and the question as it was then."""

    number: int
    kind: ChangeKind
    recorded_at: datetime
    question: Question


class ChangePage(msgspec.Struct, frozen=True):
    """What happened after a cursor, in order; ask again after ``next``."""

    changes: tuple[ChangeResponse, ...]
    next: int
    more: bool


class ErrorResponse(msgspec.Struct, frozen=True):
    """Why there is no answer, and what to do, in one sentence."""

    error: str


def describe_topic(topic: Topic, imprint: FeedIdentity) -> TopicResponse:
    """A topic with where to find it."""
    base = imprint.public_url or ""
    return TopicResponse(
        topic.slug,
        topic.title,
        topic.canonical,
        topic.created_at,
        f"{base}{topic_path(topic.slug)}",
        {ending.partition(".")[0]: f"{base}/feeds/{topic.slug}.{ending}" for ending in MEDIA_TYPES},
    )
