"""The step from changes to matches.

The ledger keeps one progress number for all topics that are caught up: every change up to it has
been compared with each of them. A new topic starts at zero and is compared with all changes in the
ledger, which fills its feed; when it reaches the progress number, it is caught up. (Its
subscriptions start at the newest change, so that nobody's first digest is full of old questions.)
Matches and the progress number are committed in one transaction.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection

from alerts.ledger import Ledger, alarms, changes, matches, topics
from alerts.matching.disk_cache import load_layer, save_layer
from alerts.matching.matcher import BATCH_SIZE, Matcher, MatcherLayer, compile_layer
from alerts.queries import extract_fields

log = logging.getLogger("watchword.matching")

#: Topics that are worth a cache file. Fewer are compiled in 20 ms, as fast as a file is read.
_MIN_TOPICS_TO_SAVE = 2000
#: Damaged topics that an alarm names.
_NAMED_TOPICS = 3


class TopicMatcher:
    """Matches new changes, and keeps the topics compiled from one call to the next.

    Args:
        ledger: Where changes and topics are, and where matches go.
        cache_path: A file for the compiled topics, from which a new process loads them instead of
            compiling all of them again. None: no file.
    """

    def __init__(self, ledger: Ledger, cache_path: Path | None = None) -> None:
        self._ledger = ledger
        self._cache_path = cache_path
        self._matcher: Matcher | None = None

    def with_ledger(self, ledger: Ledger) -> TopicMatcher:
        """Return the same for another connection to the ledger, with topics of its own."""
        return TopicMatcher(ledger, self._cache_path)

    def match_new_changes(self) -> int:
        """Compare every topic with the changes that it has not been compared with.

        Returns:
            The number of new matches, those of followed questions included.
        """
        matcher = self._get_matcher()
        added = 0
        is_behind = True
        while is_behind:
            with self._ledger.writing() as connection:
                newest = changes.get_newest_seq(connection)
                progress = _find_progress(connection, newest)
                if progress < newest:
                    _drop_ended(connection, matcher)
                found, reached = _match_batch(connection, matcher, progress, newest)
                found += topics.match_followed_questions(connection, progress, reached)
                topics.set_match_progress(connection, reached)
            added += found
            is_behind = reached < newest
        return added + self._catch_up_new_topics(matcher)

    def list_unreadable_topics(self) -> list[int]:
        """Return the topics, by id, that match nothing because their forms are damaged.

        Those are known that :meth:`match_new_changes` has compared with changes.
        """
        return self._matcher.list_unreadable() if self._matcher else []

    def update_alarm(self, now: datetime) -> None:
        """Raise or clear the alarm about topics that match nothing because they are damaged.

        Args:
            now: Aware, in UTC.
        """
        with self._ledger.writing() as connection:
            damaged = topics.list_by_ids(connection, self.list_unreadable_topics())
            reasons = {"topics": _describe_damaged(damaged)} if damaged else {}
            alarms.update_open(connection, None, reasons, ("topics",), now)

    def _catch_up_new_topics(self, matcher: Matcher) -> int:
        """Compare new topics with all earlier changes; afterwards they are caught up."""
        with self._ledger.reading() as connection:
            late = topics.list_outstanding(connection)
        added = 0
        for reached, level in groupby(late, key=lambda topic: topic.matched_up_to):
            added += self._catch_up({topic.id: topic.canonical for topic in level}, reached)
        for topic in late:
            matcher.join(topic.id, topic.canonical)
        matcher.merge_layers()
        return added

    def _catch_up(self, forms: dict[int, str], reached: int) -> int:
        """Compare topics that have the same progress with the changes that they lack."""
        matcher = Matcher(forms)
        added, is_behind = 0, True
        while is_behind:
            with self._ledger.writing() as connection:
                progress = topics.get_match_progress(connection)
                for ended in forms.keys() - topics.list_outstanding_ids(connection, list(forms)):
                    matcher.leave(ended)
                found, reached = _match_batch(connection, matcher, reached, progress)
                is_behind = reached < progress
                topics.set_matched_up_to(connection, forms, reached, is_caught_up=not is_behind)
            added += found
        return added

    def _get_matcher(self) -> Matcher:
        """Return the matcher of the topics that are caught up; make it if others have joined."""
        with self._ledger.reading() as connection:
            count = topics.count_caught_up(connection)
            # Damaged forms are read again, because they may have been mended since.
            if self._matcher and not self.list_unreadable_topics():
                if len(self._matcher) != count:
                    _drop_ended(connection, self._matcher)
                if len(self._matcher) == count:
                    return self._matcher
            forms = topics.list_caught_up(connection)
        layer = self._load_layer(forms)
        self._matcher = Matcher.from_layer(layer)
        known = set(layer.ids.tolist())
        late = {topic: form for topic, form in forms.items() if topic not in known}
        for topic, form in late.items():
            self._matcher.join(topic, form)
        self._matcher.merge_layers()
        return self._matcher

    def _load_layer(self, forms: dict[int, str]) -> MatcherLayer:
        """Return most of the topics from the cache file, or compile all and write the file."""
        is_worth_it = self._cache_path is not None and len(forms) >= _MIN_TOPICS_TO_SAVE
        if self._cache_path and is_worth_it:
            layer = load_layer(self._cache_path, lambda ids: _fingerprint(forms, ids))
            if layer is not None and layer.ids.size > 0.9 * len(forms):
                return layer
        layer = compile_layer(forms)
        if self._cache_path and is_worth_it:
            save_layer(layer, self._cache_path, _fingerprint(forms, list(forms)))
        return layer


def _drop_ended(connection: Connection, matcher: Matcher) -> None:
    """Remove the topics that have ended since the matcher was made.

    A match of one of them would stay for ever, or refer to a topic that does not exist.
    """
    if len(matcher) != topics.count_caught_up(connection):
        for topic in matcher.list_topics() - topics.list_caught_up(connection).keys():
            matcher.leave(topic)


def _find_progress(connection: Connection, newest: int) -> int:
    """Return up to which change topics were matched.

    A number above that of the newest change is not believed: nothing would be found until there
    are as many changes. Matching begins behind the newest match then; a match is added once.
    """
    progress = topics.get_match_progress(connection)
    if progress <= newest:
        return progress
    last = topics.find_last_match(connection)
    log.error("matched up to change %d, but there are %d: going on from %d", progress, newest, last)
    return last


def _match_batch(connection: Connection, matcher: Matcher, after: int, to: int) -> tuple[int, int]:
    """Compare the next :data:`BATCH_SIZE` changes above ``after``, and up to ``to``, with topics.

    Returns:
        The number of matches, and the number of the last change that was compared.
    """
    batch = changes.list_between(connection, after, to, BATCH_SIZE) if len(matcher) else []
    texts = [extract_fields(some.change.after, [some.change.kind]) for some in batch]
    found = matcher.match(texts)
    pairs = zip(found.topics.tolist(), found.records.tolist(), strict=True)
    matches.add(connection, [(topic, batch[place].seq) for topic, place in pairs])
    return found.topics.size, batch[-1].seq if len(batch) == BATCH_SIZE else to


def _fingerprint(forms: dict[int, str], ids: list[int]) -> str:
    """Return a hash of the topics with these ids.

    It differs if a ledger from a backup has other topics under the same ids.
    """
    lines = "".join(f"{number}\t{forms.get(number)}\n" for number in ids)
    return hashlib.sha256(lines.encode()).hexdigest()


def _describe_damaged(damaged: Sequence[topics.Topic]) -> str:
    names = ", ".join(f"“{topic.title}” ({topic.slug})" for topic in damaged[:_NAMED_TOPICS])
    left = len(damaged) - _NAMED_TOPICS
    more = f" and {left} more" if left > 0 else ""
    return (
        f"what is stored of topics is damaged, so they find nothing: {names}{more}; "
        "restore their canonical forms from a backup, or have them subscribed to again"
    )
