"""The matcher: all topics compared with a batch of questions at once.

Topics are compiled once (:mod:`alerts.matching.compile`), and every batch is compared with all of
them together (:mod:`alerts.matching.evaluate`). Topics that join later go into small layers of
their own, because a small layer is compiled again in a millisecond; many that join at once are one
layer. :meth:`Matcher.merge_layers` makes fewer layers of them when nobody is waiting. (The idea is
that of the log-structured merge tree: O'Neil and others, Acta Informatica 33, 1996.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np

from alerts.matching.batch import TextBatch, read_batch
from alerts.matching.compile import CompiledQueries, compile_queries
from alerts.matching.evaluate import QueryRows, Rows, match_rows
from alerts.matching.hashing import Ids, Numbers
from alerts.matching.senses import SHARED_SENSES, WordSenses
from alerts.queries import FIELDS, Query, find_match, parse_canonical, prepare_fields
from alerts.text import PreparedTexts

#: Texts of one record by field, as :func:`alerts.queries.fields.extract_fields` returns them.
FieldTexts = Mapping[str, Sequence[str]]

#: Records to compare at once. Larger batches are no faster per record and need more memory.
BATCH_SIZE = 600
#: Topics in a layer before the next one begins. 64 topics are compiled in about 1 ms, which is
#: what each topic that joins pays at most.
_LAYER_SIZE = 64


class MatcherLayer(NamedTuple):
    """Topics that were compiled together."""

    ids: Ids  #: of the topics, in the order in which they were compiled
    compiled: CompiledQueries


class BatchMatches(NamedTuple):
    """Matches of a batch: ``topics[n]`` matches ``records[n]``, for each ``n``, in any order."""

    topics: Ids
    records: Numbers | Ids  #: places in the batch, from 0

    def group_by_topic(self) -> dict[int, list[int]]:
        """Return the places of the matching records by topic, in order; topics without are out."""
        found: dict[int, list[int]] = {}
        order = np.lexsort((self.records, self.topics))
        pairs = zip(self.topics[order].tolist(), self.records[order].tolist(), strict=True)
        for topic, record in pairs:
            found.setdefault(topic, []).append(record)
        return found

    def limit(self, records: int, most: int) -> tuple[BatchMatches, int]:
        """Return the matches of the first records, about ``most`` of them at most.

        Args:
            records: How many records the batch has.
            most: How many matches to keep; one record's are kept in any case.

        Returns:
            The matches that are kept, and how many records they are of.
        """
        if self.topics.size <= most:
            return self, records
        sums = np.cumsum(np.bincount(self.records, minlength=records))
        kept = max(1, int(np.searchsorted(sums, most, "right")))
        some = np.flatnonzero(self.records < kept)
        return BatchMatches(self.topics[some], self.records[some]), kept


class Matcher:
    """A set of topics that batches of texts are compared with.

    Args:
        topics: Canonical forms by topic id, compiled as the first layer.
        senses: Senses of the words that have been in texts so far.
    """

    def __init__(
        self,
        topics: Mapping[int, str] = MappingProxyType({}),
        senses: WordSenses = SHARED_SENSES,
    ) -> None:
        self._layers = [compile_layer(topics)]
        self._added: list[dict[int, str]] = []  #: topics of each layer but the first
        self._removed: set[int] = set()
        self._senses = senses

    @classmethod
    def from_layer(cls, layer: MatcherLayer) -> Self:
        """Return a matcher whose first layer is compiled already."""
        matcher = cls()
        matcher._layers = [layer]
        return matcher

    def __len__(self) -> int:
        return sum(layer.ids.size for layer in self._layers) - len(self._removed)

    @property
    def layer_count(self) -> int:
        """Number of layers; each costs every batch a fixed fraction of a millisecond."""
        return len(self._layers)

    @property
    def first_layer(self) -> MatcherLayer:
        """The topics that it was made with, compiled."""
        return self._layers[0]

    def join(self, topic: int, canonical: str) -> None:
        """Add a topic that the matcher does not have; one that it had has the same form as then."""
        if topic in self._removed:
            self._removed.discard(topic)
            return
        if self._added and len(self._added[-1]) < _LAYER_SIZE:
            self._layers.pop()
            last = self._added.pop()
        else:
            last = {}
        self._append({**last, topic: canonical})

    def join_all(self, topics: Mapping[int, str], compiled: MatcherLayer | None = None) -> None:
        """Add topics that the matcher does not have, compiled together.

        Args:
            topics: Their canonical forms by id; one that it had has the same form as then.
            compiled: The same topics compiled; None: they are compiled here.
        """
        back = topics.keys() & self._removed
        self._removed -= back
        if new := {topic: form for topic, form in topics.items() if topic not in back}:
            self._append(new, None if back else compiled)

    def _append(self, topics: dict[int, str], compiled: MatcherLayer | None = None) -> None:
        self._added.append(topics)
        self._layers.append(compiled or compile_layer(topics))

    def leave(self, topic: int) -> None:
        """Remove a topic that the matcher has."""
        self._removed.add(topic)

    def list_topics(self) -> set[int]:
        """Return the ids of its topics."""
        ids = {topic for layer in self._layers for topic in layer.ids.tolist()}
        return ids - self._removed

    def list_unreadable(self) -> list[int]:
        """Return the topics that match nothing because their canonical forms are damaged."""
        return [
            topic
            for layer in self._layers
            for topic in layer.ids[layer.compiled.unreadable].tolist()
            if topic not in self._removed
        ]

    def match(self, texts: Sequence[FieldTexts]) -> BatchMatches:
        """Return all matches of a batch; :data:`BATCH_SIZE` records are the best size."""
        batch = read_batch(texts, FIELDS, self._senses)
        prepared: dict[int, PreparedTexts] = {}
        found = [_match_layer(layer, batch, texts, prepared) for layer in self._layers]
        topics, records = found[0]
        if len(found) > 1:
            topics = np.concatenate([some for some, _ in found])
            records = np.concatenate([some for _, some in found])
        if self._removed:
            kept = np.flatnonzero(~np.isin(topics, list(self._removed)))
            topics, records = topics[kept], records[kept]
        return BatchMatches(topics, records)

    def merge_layers(self) -> None:
        """Make fewer layers of the topics that joined, which makes later batches faster.

        A layer is compiled again only together with at least half as many later topics, or where
        it is small. So each topic is compiled a few times at most, however many join one after
        another.
        """
        kept = self._added
        first = max(0, len(kept) - 1)
        later = sum(map(len, kept[first:]))
        while first and max(_LAYER_SIZE, 2 * later) >= len(kept[first - 1]):
            first -= 1
            later += len(kept[first])
        if len(kept) - first > 1:
            merged = {topic: form for some in kept[first:] for topic, form in some.items()}
            gone = self._removed & merged.keys()
            self._removed -= gone
            del self._added[first:], self._layers[first + 1 :]
            self._append({topic: form for topic, form in merged.items() if topic not in gone})


def compile_layer(topics: Mapping[int, str]) -> MatcherLayer:
    """Compile topics, given as canonical forms by id, into one layer."""
    return MatcherLayer(np.array(list(topics), np.int32), compile_queries(list(topics.values())))


def _match_layer(
    layer: MatcherLayer,
    batch: TextBatch,
    texts: Sequence[FieldTexts],
    prepared: dict[int, PreparedTexts],
) -> tuple[Ids, Numbers | Ids]:
    """Return the matches of one layer.

    ``prepared`` collects the texts that were read for inexact queries, so that layers share them.
    """
    found = match_rows(layer.compiled, batch)
    for row in np.flatnonzero(np.isin(found.queries, layer.compiled.inexact)).tolist():
        place = int(np.searchsorted(layer.compiled.inexact, found.queries[row]))
        query = parse_canonical(layer.compiled.inexact_forms[place])
        found.rows[row] = _decide_row(query, found.rows[row], texts, prepared)
    return QueryRows(layer.ids[found.queries], found.rows).list_pairs()


def _decide_row(
    query: Query, row: Rows, texts: Sequence[FieldTexts], prepared: dict[int, PreparedTexts]
) -> Rows:
    """Return the row of an inexact query with only the records that :func:`find_match` confirms."""
    decided = np.zeros(64 * row.size, bool)
    for record in np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist():
        if record not in prepared:
            prepared[record] = prepare_fields(texts[record])
        decided[record] = find_match(query, prepared[record]) is not None
    return np.packbits(decided, bitorder="little").view("<u8")
