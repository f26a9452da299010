"""The step from changes to matches.

The ledger keeps a progress number for each range of topics (:mod:`alerts.ledger.topic_ranges`):
every change up to it has been compared with each of its topics that are caught up. A new topic
starts at zero and is compared with all changes in the ledger, which fills its feed; when it reaches
the number of its range, it is caught up. (Its subscriptions start at the newest change, so that
nobody's first digest is full of old questions.) Matches and progress are committed in one
transaction, in which the range is locked. So the step may be killed, repeated, or run in several
processes at once.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import Ledger, alarms, changes, feeds, matches, topic_ranges, topics
from alerts.ledger.topic_ranges import TopicRange
from alerts.matching.batch_step import Pairs, match_batch
from alerts.matching.compiled_topics import CompiledTopics
from alerts.matching.late_topics import LateTopics, RangeStep
from alerts.matching.matcher import Matcher
from crawler.event_log import get_logger
from crawler.storage import Folder

log = get_logger("watchword.matching")

#: Damaged topics that an alarm names.
_NAMED_TOPICS = 3
_NOTHING_DONE = RangeStep([], None, is_last=True)


class TopicMatcher:
    """Matches new changes, and keeps the topics compiled from one call to the next.

    Args:
        ledger: Where changes and topics are, and where matches go.
        cache_folder: A folder for compiled topics, from which a new process loads them instead of
            compiling all of them again. None: no folder.
    """

    def __init__(self, ledger: Ledger, cache_folder: Folder | None = None) -> None:
        self._ledger = ledger
        self._cache_folder = cache_folder
        self._compiled: dict[int, CompiledTopics] = {}  #: by range
        self._late: dict[int, LateTopics] = {}
        self._busy: dict[int, threading.Lock] = {}

    def with_ledger(self, ledger: Ledger) -> TopicMatcher:
        """Return the same matcher, with the same compiled topics, that works on ``ledger``."""
        other = copy.copy(self)
        other._ledger = ledger
        return other

    def match_new_changes(self) -> int:
        """Compare every topic with the changes that it has not been compared with.

        Returns:
            The number of new matches, those of followed questions included.
        """
        with self._ledger.reading() as connection:
            waiting = topic_ranges.list_waiting(connection)
        return sum(self.match_range(key) for key in waiting)

    def match_range(self, key: int) -> int:
        """Compare the topics of a range with the changes that they have not been compared with.

        It does nothing while another process or thread does it. Each transaction takes about a
        second.

        Returns:
            The number of new matches.
        """
        busy = self._busy.setdefault(key, threading.Lock())
        if not busy.acquire(blocking=False):
            return 0
        try:
            return self._match_steps(key)
        finally:
            busy.release()

    def _match_steps(self, key: int) -> int:
        self._compile(key)
        added, is_last = 0, False
        while not is_last:
            with self._ledger.writing_shard() as connection:
                found = topic_ranges.lock(connection, key)
                pairs, caught_up, is_last = (
                    self._match_locked(connection, found) if found else _NOTHING_DONE
                )
            added += len(pairs)
            if caught_up:
                self._compiled[key].add_caught_up(caught_up)
        if key in self._compiled:
            self._compiled[key].matcher.merge_layers()
        return added

    def update_alarm(self, now: datetime) -> None:
        """Raise or clear the alarm about topics that match nothing because they are damaged.

        It writes only where the alarm changes.

        Args:
            now: Aware, in UTC.
        """
        with self._ledger.reading() as connection:
            damaged = topics.list_by_ids(connection, topic_ranges.list_unreadable(connection))
            reasons = {"topics": _describe_damaged(damaged)} if damaged else {}
            if alarms.has_open(connection, None, "topics", reasons.get("topics")):
                return
        with self._ledger.writing() as connection:
            alarms.update_open(connection, None, reasons, ("topics",), now)

    def _compile(self, key: int) -> None:
        """Compile the topics of a range unless they are: before its lock, which others wait for."""
        if key not in self._compiled:
            with self._ledger.reading() as connection:
                found = topic_ranges.get(connection, key)
                if found is not None:
                    self._compiled[key] = CompiledTopics(connection, found, self._cache_folder)

    def _follow(self, connection: Connection, found: TopicRange) -> CompiledTopics:
        """Return the compiled topics of a locked range as they are in the ledger now."""
        compiled = self._compiled.get(found.id)
        if compiled is None or not compiled.follow(connection, found):
            compiled = CompiledTopics(connection, found, self._cache_folder)
            self._compiled[found.id] = compiled
        return compiled

    def _match_locked(self, connection: Connection, found: TopicRange) -> RangeStep:
        """Do one transaction's work in a range: new changes first, then topics that are late."""
        compiled = self._follow(connection, found)
        newest = changes.get_newest_seq(connection)
        if found.matched_up_to != newest:
            pairs, reached = _match_new(connection, compiled.matcher, found, newest)
            step = RangeStep(pairs, None, is_last=False)
        else:
            reached = newest
            step = self._late.setdefault(found.id, LateTopics(found.id)).match(connection, newest)
        if step.pairs:
            self._record(connection, found.id, step.pairs)
        joins = found.joins + (step.caught_up is not None)
        after = TopicRange(found.id, reached, joins, compiled.list_unreadable())
        if after != found and not topic_ranges.update_locked(connection, found, after):
            raise RuntimeError(f"range {found.id} of topics was written without its lock")
        return step

    def _record(self, connection: Connection, key: int, pairs: Pairs) -> None:
        """Record matches of a range, and mark the feeds that lack them."""
        matches.add(connection, pairs)
        feeds.mark_matched(connection, key, {topic for topic, _ in pairs})


def _match_new(
    connection: Connection, matcher: Matcher, found: TopicRange, newest: int
) -> tuple[Pairs, int]:
    """Compare the topics of a range with the next changes that none of them was compared with."""
    progress = _find_progress(connection, found, newest)
    pairs, reached = match_batch(connection, matcher, progress, newest)
    return pairs + topic_ranges.list_followed(connection, found.id, progress, reached), reached


def _find_progress(connection: Connection, found: TopicRange, newest: int) -> int:
    """Return up to which change the topics of a range were matched.

    A number above that of the newest change is not believed: nothing would be found until there
    are as many changes. Matching begins behind the newest match then; a match is added once.
    """
    if found.matched_up_to <= newest:
        return found.matched_up_to
    last = topic_ranges.find_last_match(connection, found.id)
    log.error(
        "more changes are matched than there are: going on from the last",
        matched=found.matched_up_to,
        newest=newest,
        last=last,
    )
    return last


def _describe_damaged(damaged: Sequence[topics.Topic]) -> str:
    names = ", ".join(f"“{topic.title}” ({topic.slug})" for topic in damaged[:_NAMED_TOPICS])
    left = len(damaged) - _NAMED_TOPICS
    more = f" and {left} more" if left > 0 else ""
    return (
        f"what is stored of topics is damaged, so they find nothing: {names}{more}; "
        "restore their canonical forms from a backup, or have them subscribed to again"
    )
