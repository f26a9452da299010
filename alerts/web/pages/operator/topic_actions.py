"""The buttons about topics: publish and hide."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.ledger import topics
from alerts.queries import QueryError
from alerts.subscribers import UnknownTopic, hide_topic, publish_topic
from alerts.web.context import WebContext
from alerts.web.pages.operator.outcome import Action, Form, Outcome

#: Characters of a query that can be typed.
_MAX_QUERY = 500


class TopicActions:
    """Publishing topics, and making them private."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def list_actions(self) -> Mapping[str, Action]:
        """Return the buttons by the names of their actions."""
        return {
            "publish-topic": Action(self.publish, _name_topic),
            "hide-topic": Action(self.hide, _name_topic),
        }

    def publish(self, form: Form) -> Outcome:
        """Publish a topic by its name, or one of a query."""
        text = form.get("topic", "").strip()[:_MAX_QUERY]
        if not text:
            return Outcome("Type a query, or the name of a topic.")
        with self._context.ledger.writing() as connection:
            try:
                done = publish_topic(connection, text, self._context.clock())
            except QueryError as error:
                return Outcome(f"“{text}” cannot be published: {error}")
        return Outcome(f"“{done.title}” is public.")

    def hide(self, form: Form) -> Outcome:
        """Make a topic private, and delete the files of its feeds."""
        text = form.get("topic", "").strip()[:_MAX_QUERY]
        with self._context.ledger.writing() as connection:
            try:
                done = hide_topic(connection, text)
                still_there = topics.find_by_slug(connection, done.slug) is not None
            except (UnknownTopic, QueryError) as error:
                return Outcome(f"Nothing was done: {error}")
        self._context.delete_withdrawn_feeds()
        end = "Alerts go on." if still_there else "Nobody has an alert for it, so it has ended."
        return Outcome(f"“{done.title}” is private. {end}")


def _name_topic(form: Form) -> str | None:
    return form.get("topic", "").strip()[:_MAX_QUERY] or None
