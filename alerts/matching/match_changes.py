"""The step from change to match.

All topics that are in step share one line: what is below it has been compared with them. A new
topic starts at zero and is compared with all that the ledger knows, which fills its feed; at the
line it falls in step. (Its subscriptions start at the newest change, so that nobody's first digest
is a heap of history.) Matches and the moved line are committed together.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection

from alerts.ledger import Ledger, changes, matches, topics
from alerts.matching.disk_cache import load, save
from alerts.matching.matcher import BATCH, Layer, Matcher, compiled
from alerts.queries.fields import fields

#: With fewer topics, compiling takes no longer than looking for a file.
_WORTH_SAVING = 2000


class Watcher:
    """Keeps the topics that are in step compiled from one round to the next.

    ``saved`` is a file for them, so that a process that starts need not compile them all again.
    """

    def __init__(self, ledger: Ledger, saved: Path | None = None) -> None:
        self._ledger = ledger
        self._saved = saved
        self._matcher: Matcher | None = None

    def match_new(self) -> int:
        """Compare every topic with the changes that it has not met; the number of matches."""
        matcher = self._in_step()
        added = 0
        is_behind = True
        while is_behind:
            with self._ledger.writing() as connection:
                line, newest = topics.line(connection), changes.newest(connection)
                found, reached = _compare(connection, matcher, line, newest)
                found += topics.match_questions(connection, line, reached)
                topics.move_line(connection, reached)
            added += found
            is_behind = reached < newest
        return added + self._bring_up_late(matcher)

    def _bring_up_late(self, matcher: Matcher) -> int:
        """Compare new topics with what was before them, and let them fall in step."""
        with self._ledger.reading() as connection:
            late = topics.late(connection)
        added = 0
        for reached, level in groupby(late, key=lambda topic: topic.matched_to):
            added += self._bring_up({topic.id: topic.canonical for topic in level}, reached)
        for topic in late:
            matcher.join(topic.id, topic.canonical)
        matcher.tidy()
        return added

    def _bring_up(self, forms: dict[int, str], reached: int) -> int:
        """Compare topics that have come equally far; all of them are then at the line."""
        matcher = Matcher([compiled(forms)])
        added, is_behind = 0, True
        while is_behind:
            with self._ledger.writing() as connection:
                line = topics.line(connection)
                found, reached = _compare(connection, matcher, reached, line)
                is_behind = reached < line
                topics.reached(connection, forms, reached, is_line=not is_behind)
            added += found
        return added

    def _in_step(self) -> Matcher:
        """The matcher of the topics that are in step, made where what we have is not of them."""
        with self._ledger.reading() as connection:
            if self._matcher and len(self._matcher) == topics.count_in_step(connection):
                return self._matcher
            forms = topics.in_step(connection)
        layer = self._loaded(forms)
        self._matcher = Matcher([layer])
        known = set(layer.ids.tolist())
        late = {topic: form for topic, form in forms.items() if topic not in known}
        for topic, form in late.items():
            self._matcher.join(topic, form)
        self._matcher.tidy()
        return self._matcher

    def _loaded(self, forms: dict[int, str]) -> Layer:
        """Most of the topics from the file, or all of them compiled and put into it."""
        is_worth_it = self._saved is not None and len(forms) >= _WORTH_SAVING
        if self._saved and is_worth_it:
            layer = load(self._saved, lambda ids: _mark(forms, ids))
            if layer is not None and layer.ids.size > 0.9 * len(forms):
                return layer
        layer = compiled(forms)
        if self._saved and is_worth_it:
            save(layer, self._saved, _mark(forms, list(forms)))
        return layer


def _compare(connection: Connection, matcher: Matcher, after: int, to: int) -> tuple[int, int]:
    """Compare some of the changes above ``after``, and up to ``to``, with the topics.

    Gives the number of matches and the change that was reached.
    """
    batch = changes.between(connection, after, to, BATCH) if len(matcher) else []
    texts = [fields(some.change.after, [some.change.kind]) for some in batch]
    found = matcher.match(texts)
    pairs = zip(found.topics.tolist(), found.records.tolist(), strict=True)
    matches.add(connection, [(topic, batch[place].seq) for topic, place in pairs])
    return found.topics.size, batch[-1].seq if len(batch) == BATCH else to


def _mark(forms: dict[int, str], ids: list[int]) -> str:
    """What tells whether compiled topics are the ledger's: it may have come from a backup."""
    told = "".join(f"{number}\t{forms.get(number)}\n" for number in ids)
    return hashlib.sha256(told.encode()).hexdigest()
