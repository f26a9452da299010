"""Queries of a file matched with questions of others, with no ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from alerts.matching import BATCH_SIZE, Matcher, QuestionChanges, find_matching_questions
from alerts.queries import QueryError, format_canonical, infer_changes, parse_query, uses_field
from crawler.records import Question


class QueryFile(msgspec.Struct, frozen=True):
    """The queries of a file, each canonical form once, with the lines that mean it."""

    lines: dict[str, list[int]]
    invalid_lines: list[tuple[int, str]]  #: lines that are no query, and why
    has_change_queries: bool  #: whether any of them asks what happened


def read_queries(path: Path) -> QueryFile:
    """The queries in a file, one a line; empty lines are none. Raises ``OSError``."""
    lines: dict[str, list[int]] = {}
    refused: list[tuple[int, str]] = []
    by_change = False
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            query = parse_query(line.decode().strip())
        except UnicodeDecodeError:
            refused.append((number, "is not UTF-8 text"))
        except QueryError as error:
            refused.append((number, " ".join(str(error).split())))
        else:
            lines.setdefault(format_canonical(query), []).append(number)
            by_change = by_change or uses_field(query, "change")
    return QueryFile(lines, refused, by_change)


def match_files(queries: QueryFile, questions: Iterable[Question]) -> list[tuple[int, str]]:
    """The numbers of queries' lines and the ids of the questions that match, sorted."""
    forms = list(queries.lines)
    matcher = Matcher(dict(enumerate(forms)))
    found = {
        (line, identity)
        for some in _split_into_batches(questions)
        for topic, place in find_matching_questions(
            matcher, some, by_change=queries.has_change_queries
        )
        for identity in [some[place].question.id]
        for line in queries.lines[forms[topic]]
    }
    return sorted(found)


def _split_into_batches(questions: Iterable[Question]) -> Iterator[list[QuestionChanges]]:
    rest = iter(questions)
    while some := [
        QuestionChanges(question, infer_changes(question)) for question in islice(rest, BATCH_SIZE)
    ]:
        yield some
