"""What the operator publishes and hides by command."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger import publication, questions, topics
from alerts.ledger.topics import Topic
from alerts.queries import format_canonical, parse_query
from crawler.records import name_question


class UnknownTopic(WatchwordError):
    """No topic has this name, and nobody is subscribed to this query."""

    exit_status = ExitStatus.DATA


def publish_topic(connection: Connection, text: str, now: datetime) -> Topic:
    """Publish a topic until the operator hides it, whether or not anybody is subscribed to it.

    Args:
        connection: A writing connection to the ledger.
        text: The name of a topic in its address, the id of a followed question, or a query, whose
            topic is created if there is none.
        now: The time.

    Raises:
        QueryError: The text names no topic, and cannot be read as a query.
    """
    known = _find_named(connection, text)
    topic = known or topics.ensure(connection, format_canonical(parse_query(text)), text, now)
    publication.decide(connection, topic.id, "published")
    publication.publish_named(connection, topic.id, _find_title(connection, known, text), now)
    return topics.get(connection, topic.id)


def _find_title(connection: Connection, known: Topic | None, text: str) -> str:
    """Return the title of a topic that is published.

    It is the question's own, the text of the operator, or the canonical form of a topic that the
    operator names by its address: its title until then was typed by a subscriber.
    """
    if known is None:
        return text
    if known.canonical is not None:
        return known.title if known.is_published else known.canonical
    stored = questions.find(connection, known.question_id or "")
    return name_question(stored.record) if stored else known.title


def hide_topic(connection: Connection, text: str) -> Topic:
    """Make a topic private, whatever publishes it; return it as it was.

    Its alerts go on. Without any, and unless the config names it, it ends.

    Args:
        connection: A writing connection to the ledger.
        text: The name of a topic in its address, the id of a followed question, or a query.

    Raises:
        UnknownTopic: There is no such topic.
        QueryError: The text names no topic, and cannot be read as a query.
    """
    topic = _find_named(connection, text)
    topic = topic or topics.find(connection, format_canonical(parse_query(text)))
    if topic is None:
        raise UnknownTopic(f"there is no topic {text}: see `watchword topics list`")
    publication.decide(connection, topic.id, "hidden")
    publication.release(connection, [topic.id])
    return topic


def _find_named(connection: Connection, text: str) -> Topic | None:
    """Return the topic with a slug, or of a followed question with an id."""
    by_slug = topics.find_by_slug(connection, text)
    return by_slug or topics.find_for_question(connection, text)
