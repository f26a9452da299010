"""The step from change to match.

Topics and changes meet at a line that each topic carries (``matched_to``): what is below it has
been compared. A new topic starts at zero and is compared with all that the ledger knows, which
fills its feed; its subscriptions start at the newest change, so that nobody's first digest is a
heap of history. Matches and the moved line are committed together.
"""

from __future__ import annotations

from itertools import groupby

from alerts.ledger import Ledger, changes, matches, topics
from alerts.ledger.topics import Topic
from alerts.matching import match
from alerts.query import parse

_BATCH = 200


def match_new(ledger: Ledger) -> int:
    """Compare every topic with the changes that it has not met; the number of new matches."""
    added = 0
    while True:
        with ledger.writing() as connection:
            newest = changes.newest(connection)
            waiting = topics.unmatched(connection, newest)
            if not waiting:
                return added
            # One level at a time: mostly all topics stand at the same line.
            waiting.sort(key=lambda topic: (topic.matched_to, topic.id))
            line, level = next(groupby(waiting, key=lambda topic: topic.matched_to))
            group: list[Topic] = list(level)
            batch = changes.between(connection, line, newest, _BATCH)
            queries = {topic.id: parse(topic.canonical) for topic in group}
            for topic_id, numbers in match(queries, batch).items():
                added += matches.add(connection, topic_id, numbers)
            reached = batch[-1].seq if batch else newest
            topics.matched(connection, queries, reached)
