"""Queries of a file matched with questions of others, with no ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from alerts.matching.decide import Told, decide, names_change
from alerts.matching.matcher import BATCH, Matcher, compiled
from alerts.queries.fields import news
from alerts.queries.parse import QueryError, canonical, parse
from crawler.records import Question


class Queries(msgspec.Struct, frozen=True):
    """The queries of a file, each canonical form once, with the lines that mean it."""

    lines: dict[str, list[int]]
    refused: list[tuple[int, str]]  #: lines that are no query, and why
    by_change: bool  #: whether any of them asks what happened


def read_queries(path: Path) -> Queries:
    """The queries in a file, one a line; empty lines are none. Raises ``OSError``."""
    lines: dict[str, list[int]] = {}
    refused: list[tuple[int, str]] = []
    by_change = False
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            query = parse(line.decode().strip())
        except UnicodeDecodeError:
            refused.append((number, "is not UTF-8 text"))
        except QueryError as error:
            refused.append((number, " ".join(str(error).split())))
        else:
            lines.setdefault(canonical(query), []).append(number)
            by_change = by_change or names_change(query)
    return Queries(lines, refused, by_change)


def match_files(queries: Queries, questions: Iterable[Question]) -> list[tuple[int, str]]:
    """The numbers of queries' lines and the ids of the questions that match, sorted."""
    forms = list(queries.lines)
    matcher = Matcher([compiled(dict(enumerate(forms)))])
    found = {
        (line, identity)
        for some in _batches(questions)
        for topic, place in decide(matcher, some, by_change=queries.by_change)
        for identity in [some[place].question.id]
        for line in queries.lines[forms[topic]]
    }
    return sorted(found)


def _batches(questions: Iterable[Question]) -> Iterator[list[Told]]:
    rest = iter(questions)
    while some := [Told(question, news(question)) for question in islice(rest, BATCH)]:
        yield some
