"""The compiled topics of a range, which follow what joins and ends in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from alerts.ledger import topic_ranges
from alerts.ledger.topic_ranges import TopicRange
from alerts.matching.disk_cache import load_layer, save_layer
from alerts.matching.late_topics import CaughtUpTopics
from alerts.matching.matcher import Matcher, MatcherLayer, compile_layer
from crawler.storage import Folder

#: Topics that are worth a cache file. Fewer are compiled in 20 ms, as fast as a file is read.
_MIN_TOPICS_TO_SAVE = 2000
#: The part of a range's topics that a cache file must have to be used: the others are compiled.
_MIN_SAVED_PART = 0.9


class CompiledTopics:
    """The caught-up topics of one range.

    Args:
        connection: The ledger.
        found: The range, as ``connection`` sees it.
        cache_folder: Where compiled topics are kept; None: nowhere.
    """

    def __init__(
        self, connection: Connection, found: TopicRange, cache_folder: Folder | None
    ) -> None:
        # Counted first: what ends meanwhile is looked at again the next time.
        self._endings = topic_ranges.count_endings(connection, found.id)
        forms = topic_ranges.list_caught_up(connection, found.id)
        layer = _load_or_compile(forms, found.id, cache_folder)
        self.matcher = Matcher.from_layer(layer)
        known = set(layer.ids.tolist())
        self.matcher.join_all({topic: form for topic, form in forms.items() if topic not in known})
        self._joins = found.joins
        self._damaged = {topic: forms[topic] for topic in self.list_unreadable()}

    def follow(self, connection: Connection, found: TopicRange) -> bool:
        """Add the topics that joined since, and leave out those that ended.

        Nothing is listed while none did.

        Args:
            connection: The ledger.
            found: The range, as ``connection`` sees it.

        Returns:
            False where a damaged form is another one now: all are to be compiled again.
        """
        endings = topic_ranges.count_endings(connection, found.id)
        if (endings, found.joins) != (self._endings, self._joins):
            wanted = topic_ranges.list_caught_up_ids(connection, found.id)
            known = self.matcher.list_topics()
            for topic in known - wanted:
                self.matcher.leave(topic)
            self._join(topic_ranges.get_forms(connection, wanted - known))
            self._endings, self._joins = endings, found.joins
        if self._damaged:
            return topic_ranges.get_forms(connection, self._damaged) == self._damaged
        return True

    def add_caught_up(self, joined: CaughtUpTopics) -> None:
        """Add topics that one transaction has caught up, which is committed now."""
        self._join(*joined)
        self._joins += 1

    def _join(self, forms: Mapping[int, str], compiled: MatcherLayer | None = None) -> None:
        self.matcher.join_all(forms, compiled)
        self._damaged |= {topic: forms[topic] for topic in self.list_unreadable() if topic in forms}

    def list_unreadable(self) -> tuple[int, ...]:
        """Return the topics that match nothing because their canonical forms are damaged."""
        return tuple(sorted(self.matcher.list_unreadable()))


def _load_or_compile(
    forms: dict[int, str], range_id: int, cache_folder: Folder | None
) -> MatcherLayer:
    """Return most topics of a range from its cache file, or compile all and write the file."""
    if cache_folder is None or len(forms) < _MIN_TOPICS_TO_SAVE:
        return compile_layer(forms)
    layer = load_layer(cache_folder, range_id, lambda ids: _fingerprint(forms, ids))
    if layer is None or layer.ids.size < _MIN_SAVED_PART * len(forms):
        layer = compile_layer(forms)
        save_layer(layer, cache_folder, range_id, _fingerprint(forms, list(forms)))
    return layer


def _fingerprint(forms: Mapping[int, str], ids: Sequence[int]) -> str:
    """Return a hash of the topics with these ids.

    It differs if a ledger from a backup has other topics under the same ids.
    """
    lines = "".join(f"{number}\t{forms.get(number)}\n" for number in ids)
    return hashlib.sha256(lines.encode()).hexdigest()
