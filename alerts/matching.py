"""Which changes match which topics. Pure.

A topic is matched against the whole record as it stands after the change, so that a question
asked with the words and answered without them is found both times. (Issue C replaces the loop by
a batch inversion behind this same function.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alerts.changes import Numbered
from alerts.fields import fields
from alerts.finding import find
from alerts.query import Query
from alerts.text import prepare


def match(queries: Mapping[int, Query], changes: Iterable[Numbered]) -> dict[int, list[int]]:
    """For each topic (by its id), the numbers of the changes that match it, in order."""
    found: dict[int, list[int]] = {}
    for numbered in changes:
        prepared = prepare(fields(numbered.change.after, [numbered.change.kind]))
        for topic, query in queries.items():
            if find(query, prepared):
                found.setdefault(topic, []).append(numbered.seq)
    return found
