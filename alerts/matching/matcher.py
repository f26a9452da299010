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

from alerts.matching.batch import TextBatch, read_batch
from alerts.matching.compile import CompiledQueries, compile_queries
from alerts.matching.evaluate import QueryRows, Rows, match_rows
from alerts.matching.hashing import Ids, Numbers
from alerts.queries.ast import Query
from alerts.queries.canonical import parse_canonical
from alerts.queries.fields import FIELDS
from alerts.queries.find import find_match
from alerts.queries.tokens import PreparedTexts, prepare_texts

#: Texts of one record by field, as :func:`alerts.queries.fields.extract_fields` gives them.
FieldTexts = Mapping[str, Sequence[str]]

#: So many records are compared at once: more gain nothing and cost memory.
BATCH_SIZE = 600
#: So many topics may join before a layer is full: compiling them takes a few milliseconds.
_LAYER_SIZE = 64


class MatcherLayer(NamedTuple):
    """Topics that were compiled together."""

    ids: Ids  #: of the topics, in the order in which they were compiled
    compiled: CompiledQueries


class BatchMatches(NamedTuple):
    """Which topics match which records: one place in both arrays is one match."""

    topics: Ids
    records: Numbers | Ids  #: places in the batch

    def group_by_topic(self) -> dict[int, list[int]]:
        """The records of each topic that matches any, in order."""
        found: dict[int, list[int]] = {}
        order = np.lexsort((self.records, self.topics))
        pairs = zip(self.topics[order].tolist(), self.records[order].tolist(), strict=True)
        for topic, record in pairs:
            found.setdefault(topic, []).append(record)
        return found


class Matcher:
    """Topics by their ids, ready for any batch."""

    def __init__(self, layers: Iterable[MatcherLayer] = ()) -> None:
        self.layers = list(layers) or [compile_layer({})]
        self._added: dict[int, str] = {}  #: of all layers but those it began with
        self._last_added: dict[int, str] = {}  #: of the last layer, while it is not full
        self._removed: set[int] = set()
        self._base_layers = len(self.layers)

    def __len__(self) -> int:
        return sum(layer.ids.size for layer in self.layers) - len(self._removed)

    def join(self, topic: int, canonical: str) -> None:
        """Take in a topic that is not here."""
        if self._last_added:
            self.layers.pop()
        self._last_added[topic] = self._added[topic] = canonical
        self.layers.append(compile_layer(self._last_added))
        if len(self._last_added) >= _LAYER_SIZE:
            self._last_added = {}

    def leave(self, topic: int) -> None:
        """Match a topic no more."""
        self._removed.add(topic)

    def merge_layers(self) -> None:
        """Put all that joined into one layer."""
        if len(self.layers) > self._base_layers + 1:
            kept = {
                topic: form for topic, form in self._added.items() if topic not in self._removed
            }
            self._removed -= self._added.keys()
            self._added, self._last_added = kept, {}
            self.layers[self._base_layers :] = [compile_layer(kept)]

    def match(self, texts: Sequence[FieldTexts]) -> BatchMatches:
        """All matches of a batch; of at most :data:`BATCH_SIZE` records, for the best speed."""
        batch = read_batch(texts, FIELDS)
        prepared: dict[int, PreparedTexts] = {}
        found = [_match_layer(layer, batch, texts, prepared) for layer in self.layers]
        topics, records = found[0]
        if len(found) > 1:
            topics = np.concatenate([some for some, _ in found])
            records = np.concatenate([some for _, some in found])
        if self._removed:
            kept = np.flatnonzero(~np.isin(topics, list(self._removed)))
            topics, records = topics[kept], records[kept]
        return BatchMatches(topics, records)


def compile_layer(topics: Mapping[int, str]) -> MatcherLayer:
    """Topics in one layer, given as canonical forms by id."""
    return MatcherLayer(np.array(list(topics), np.int32), compile_queries(list(topics.values())))


def _match_layer(
    layer: MatcherLayer,
    batch: TextBatch,
    texts: Sequence[FieldTexts],
    prepared: dict[int, PreparedTexts],
) -> tuple[Ids, Numbers | Ids]:
    found = match_rows(layer.compiled, batch)
    for row in np.flatnonzero(np.isin(found.queries, layer.compiled.unsure)).tolist():
        place = int(np.searchsorted(layer.compiled.unsure, found.queries[row]))
        query = parse_canonical(layer.compiled.unsure_forms[place])
        found.rows[row] = _decide_row(query, found.rows[row], texts, prepared)
    return QueryRows(layer.ids[found.queries], found.rows).list_pairs()


def _decide_row(
    query: Query, row: Rows, texts: Sequence[FieldTexts], prepared: dict[int, PreparedTexts]
) -> Rows:
    """A row with the records that the text itself says match; see
    :attr:`CompiledQueries.unsure`."""
    decided = np.zeros(64 * row.size, bool)
    for record in np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist():
        if record not in prepared:
            prepared[record] = prepare_texts(texts[record])
        decided[record] = find_match(query, prepared[record]) is not None
    return np.packbits(decided, bitorder="little").view("<u8")
