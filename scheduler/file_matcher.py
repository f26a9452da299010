"""The queries of a file, matched with questions from anywhere. Needs no ledger."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from alerts.matching import BATCH_SIZE, Matcher, QuestionChanges, find_matching_questions
from alerts.queries import QueryError, format_canonical, infer_changes, parse_query, uses_field
from crawler.records import Question

#: The longest line of a file of queries. The longest query has some thousand characters.
_MAX_LINE_BYTES = 1_000_000


class QueryFile(msgspec.Struct, frozen=True):
    """The queries of a file."""

    lines: dict[str, list[int]]  #: canonical query → numbers of the lines that mean it, from 1
    invalid_lines: list[tuple[int, str]]  #: numbers of the lines that are not a query, and why
    has_change_queries: bool  #: whether a query names a kind of change (``change:answered``)


def read_queries(path: Path) -> QueryFile:
    """Return the queries of a file in UTF-8, one per line; empty lines are skipped.

    Raises:
        OSError: The file cannot be read.
    """
    lines: dict[str, list[int]] = {}
    invalid: list[tuple[int, str]] = []
    has_change_queries = False
    for number, line in enumerate(_read_lines(path), start=1):
        if not line.strip():
            continue
        if len(line) > _MAX_LINE_BYTES:
            invalid.append((number, "is too long for a query; the rest is not read"))
            break
        try:
            query = parse_query(line.decode().strip())
        except UnicodeDecodeError:
            invalid.append((number, "is not UTF-8 text"))
        except QueryError as error:
            invalid.append((number, " ".join(str(error).split())))
        else:
            lines.setdefault(format_canonical(query), []).append(number)
            has_change_queries = has_change_queries or uses_field(query, "change")
    return QueryFile(lines, invalid, has_change_queries)


def _read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file. One that is too long is cut just behind the limit."""
    with path.open("rb") as stream:
        prefix = codecs.BOM_UTF8
        while line := stream.readline(_MAX_LINE_BYTES + 1):
            yield line.removeprefix(prefix)
            prefix = b""


def match_files(queries: QueryFile, questions: Iterable[Question]) -> list[tuple[int, str]]:
    """Return the line number of each query with the id of each question it matches, sorted."""
    canonical_queries = list(queries.lines)
    matcher = Matcher(dict(enumerate(canonical_queries)))
    matches = {
        (line, batch[index].question.id)
        for batch in _split_into_batches(questions)
        for query_number, index in find_matching_questions(
            matcher, batch, by_change=queries.has_change_queries
        )
        for line in queries.lines[canonical_queries[query_number]]
    }
    return sorted(matches)


def _split_into_batches(questions: Iterable[Question]) -> Iterator[list[QuestionChanges]]:
    remaining = iter(questions)
    while batch := [
        QuestionChanges(question, infer_changes(question))
        for question in islice(remaining, BATCH_SIZE)
    ]:
        yield batch
