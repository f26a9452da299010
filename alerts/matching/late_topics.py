"""Topics that are not caught up: compared with the changes that they lack, all at once."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from alerts.ledger import topic_ranges
from alerts.matching.batch_step import Pairs, match_batch
from alerts.matching.matcher import Matcher, MatcherLayer


class CaughtUpTopics(NamedTuple):
    """Topics that one transaction caught up."""

    forms: dict[int, str]
    layer: MatcherLayer | None  #: the same topics compiled; None: they are to be compiled


class RangeStep(NamedTuple):
    """What one transaction found for the topics of a range."""

    pairs: Pairs  #: matches to be recorded
    caught_up: CaughtUpTopics | None
    is_last: bool  #: nothing is left to match, or what is left cannot be written now


class LateTopics:
    """The late topics of one range, compiled from one transaction to the next.

    Thousands can join at once, after an import: they are compiled in one go.
    """

    def __init__(self, range_id: int) -> None:
        self._range_id = range_id
        self._forms: dict[int, str] = {}
        self._matcher = Matcher()

    def match(self, connection: Connection, reached: int) -> RangeStep:
        """Compare the topics that lack the most with the next changes up to ``reached``.

        Args:
            connection: One that holds the lock of the range.
            reached: The number of the change up to which the range is matched.
        """
        late = topic_ranges.list_outstanding(connection, self._range_id)
        self._compile({topic.id: topic.canonical for topic in late})
        if not late:
            return RangeStep([], None, is_last=True)
        found, to = match_batch(connection, self._matcher, late[0].matched_up_to, reached)
        ids = [topic.id for topic in late]
        done = topic_ranges.set_matched_up_to(connection, ids, to, is_caught_up=to == reached)
        pairs = [pair for pair in found if pair[0] in done]
        caught_up = self._take(done) if done and to == reached else None
        return RangeStep(pairs, caught_up, is_last=not done)

    def _compile(self, forms: dict[int, str]) -> None:
        """Make the matcher that of the given topics."""
        if not forms.items() <= self._forms.items() or not forms:
            self._matcher = Matcher(forms)
        else:
            for topic in self._forms.keys() - forms.keys():
                self._matcher.leave(topic)
        self._forms = forms

    def _take(self, done: set[int]) -> CaughtUpTopics:
        forms = {topic: form for topic, form in self._forms.items() if topic in done}
        layer = self._matcher.first_layer
        return CaughtUpTopics(forms, layer if layer.ids.size == len(forms) else None)
