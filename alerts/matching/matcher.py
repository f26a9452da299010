"""Topics compared with batches of questions: the matcher.

Topics are compiled once (:mod:`alerts.matching.compile`) and every batch is compared with all of
them at
once (:mod:`alerts.matching.evaluate`). What joins later stands in a layer of its own: small, so
that it is
compiled anew at each joining; full, it is left as it is and the next one begins.
:meth:`Matcher.tidy` makes one layer of all of them when nobody waits. (The idea is the
log-structured merge tree's: O'Neil and others, Acta Informatica 33, 1996.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from alerts.matching.batch import Batch, read_batch
from alerts.matching.compile import Compiled, compile_queries
from alerts.matching.evaluate import Met, Rows, match_rows
from alerts.matching.hashing import Ids, Numbers
from alerts.queries.ast import Query
from alerts.queries.canonical import restore
from alerts.queries.fields import FIELDS
from alerts.queries.find import find
from alerts.queries.tokens import Prepared, prepare

#: Texts of one record by field, as :func:`alerts.queries.fields.fields` gives them.
Texts = Mapping[str, Sequence[str]]

#: So many records are compared at once: more gain nothing and cost memory.
BATCH = 600
#: So many topics may join before a layer is full: compiling them takes a few milliseconds.
_FULL = 64


class Layer(NamedTuple):
    """Topics that were compiled together."""

    ids: Ids  #: of the topics, in the order in which they were compiled
    compiled: Compiled


class Matches(NamedTuple):
    """Which topics match which records: one place in both arrays is one match."""

    topics: Ids
    records: Numbers | Ids  #: places in the batch

    def by_topic(self) -> dict[int, list[int]]:
        """The records of each topic that matches any, in order."""
        found: dict[int, list[int]] = {}
        order = np.lexsort((self.records, self.topics))
        pairs = zip(self.topics[order].tolist(), self.records[order].tolist(), strict=True)
        for topic, record in pairs:
            found.setdefault(topic, []).append(record)
        return found


class Matcher:
    """Topics by their ids, ready for any batch."""

    def __init__(self, layers: Iterable[Layer] = ()) -> None:
        self.layers = list(layers) or [compiled({})]
        self._joined: dict[int, str] = {}  #: of all layers but those it began with
        self._fresh: dict[int, str] = {}  #: of the last layer, while it is not full
        self._left: set[int] = set()
        self._began_with = len(self.layers)

    def __len__(self) -> int:
        return sum(layer.ids.size for layer in self.layers) - len(self._left)

    def join(self, topic: int, canonical: str) -> None:
        """Take in a topic that is not here."""
        if self._fresh:
            self.layers.pop()
        self._fresh[topic] = self._joined[topic] = canonical
        self.layers.append(compiled(self._fresh))
        if len(self._fresh) >= _FULL:
            self._fresh = {}

    def leave(self, topic: int) -> None:
        """Match a topic no more."""
        self._left.add(topic)

    def tidy(self) -> None:
        """Put all that joined into one layer."""
        if len(self.layers) > self._began_with + 1:
            kept = {topic: form for topic, form in self._joined.items() if topic not in self._left}
            self._left -= self._joined.keys()
            self._joined, self._fresh = kept, {}
            self.layers[self._began_with :] = [compiled(kept)]

    def match(self, texts: Sequence[Texts]) -> Matches:
        """All matches of a batch; of at most :data:`BATCH` records, for the best speed."""
        batch = read_batch(texts, FIELDS)
        prepared: dict[int, Prepared] = {}
        found = [_match(layer, batch, texts, prepared) for layer in self.layers]
        topics, records = found[0]
        if len(found) > 1:
            topics = np.concatenate([some for some, _ in found])
            records = np.concatenate([some for _, some in found])
        if self._left:
            kept = np.flatnonzero(~np.isin(topics, list(self._left)))
            topics, records = topics[kept], records[kept]
        return Matches(topics, records)


def compiled(topics: Mapping[int, str]) -> Layer:
    """Topics in one layer, given as canonical forms by id."""
    return Layer(np.array(list(topics), np.int32), compile_queries(list(topics.values())))


def _match(
    layer: Layer, batch: Batch, texts: Sequence[Texts], prepared: dict[int, Prepared]
) -> tuple[Ids, Numbers | Ids]:
    found = match_rows(layer.compiled, batch)
    for row in np.flatnonzero(np.isin(found.queries, layer.compiled.unsure)).tolist():
        place = int(np.searchsorted(layer.compiled.unsure, found.queries[row]))
        query = restore(layer.compiled.unsure_forms[place])
        found.rows[row] = _decided(query, found.rows[row], texts, prepared)
    return Met(layer.ids[found.queries], found.rows).pairs()


def _decided(
    query: Query, row: Rows, texts: Sequence[Texts], prepared: dict[int, Prepared]
) -> Rows:
    """A row with the records that the text itself says match; see :attr:`Compiled.unsure`."""
    decided = np.zeros(64 * row.size, bool)
    for record in np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist():
        if record not in prepared:
            prepared[record] = prepare(texts[record])
        decided[record] = find(query, prepared[record]) is not None
    return np.packbits(decided, bitorder="little").view("<u8")
