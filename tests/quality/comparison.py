"""The long judged questions: what topics find, by kind, beside FTS5 and a plain substring."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.ledger import Ledger, open_ledger
from alerts.queries import DEFAULT_FIELDS, Query, extract_fields, parse_query
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.search import apply_suggestions, find_suggestions, index_questions, search_questions
from tests.quality.judged import JudgedQuestion, JudgedTopic, iter_questions, load_topics

#: The kind whose topics mean a subject, however a text calls it.
CONCEPTS = "concepts"
_TYPED_PART = re.compile(r'(-?)((?:\w+:)?)("[^"]*"|[^\s"]+)')
_RECORDED_AT = datetime(2026, 10, 1, 12, tzinfo=UTC)


class Method(NamedTuple):
    """One way to search: its name, and which numbers of questions it finds for a topic."""

    name: str
    find: Callable[[JudgedTopic], set[str]]


class KindScore(NamedTuple):
    """What one method found for the topics of one kind: pairs of a topic and a question."""

    kind: str
    method: str
    right: int
    wrong: tuple[str, ...]  #: as ``topic+number``
    missed: tuple[str, ...]  #: as ``topic-number``

    @property
    def precision(self) -> float:
        """The share of what was found that was meant."""
        return self.right / max(1, self.right + len(self.wrong))

    @property
    def recall(self) -> float:
        """The share of what was meant that was found."""
        return self.right / max(1, self.right + len(self.missed))


def load_long_topics() -> list[JudgedTopic]:
    """Return the topics of the long questions."""
    return load_topics("long_topics.toml")


def list_long_questions() -> list[JudgedQuestion]:
    """Return the long questions, as questions of the source that has a list of other forms."""
    return list(iter_questions("long_questions.txt", source="london"))


def fill_ledger(ledger: Ledger) -> None:
    """Put the long questions into an empty ledger, and index them."""
    readings = [QuestionReading(one.question) for one in list_long_questions()]
    with ledger.writing() as connection:
        record_readings(connection, readings, _RECORDED_AT, RecordingRules())
    index_questions(ledger)


def list_methods(connection: Connection) -> list[Method]:
    """Return the ways to search that are compared."""
    questions = list_long_questions()
    texts = {one.number: _join_texts(one) for one in questions}
    index = _build_fts5(questions, texts)
    return [
        Method("as typed", lambda topic: _search(connection, parse_query(topic.query))),
        Method("with offers", lambda topic: _search(connection, _accept_all(connection, topic))),
        Method("FTS5, porter", lambda topic: _search_fts5(index, topic)),
        Method("substring", lambda topic: _search_substring(texts, topic)),
    ]


def score_kinds(connection: Connection) -> Iterator[KindScore]:
    """Generate the scores of all methods, kind by kind."""
    topics, questions = load_long_topics(), list_long_questions()
    kinds = dict.fromkeys(topic.kind for topic in topics)
    methods = list_methods(connection)
    for kind in kinds:
        some = [topic for topic in topics if topic.kind == kind]
        for method in methods:
            yield _score(kind, method, some, questions)


def join_scores(scores: list[KindScore], kind: str) -> KindScore:
    """Return scores of one method added up."""
    return KindScore(
        kind,
        scores[0].method,
        sum(score.right for score in scores),
        tuple(one for score in scores for one in score.wrong),
        tuple(one for score in scores for one in score.missed),
    )


def _score(
    kind: str, method: Method, topics: list[JudgedTopic], questions: list[JudgedQuestion]
) -> KindScore:
    right, wrong, missed = 0, [], []
    for topic in topics:
        meant = {one.number for one in questions if topic.name in one.topics}
        found = method.find(topic)
        right += len(found & meant)
        wrong += [f"{topic.name}+{number}" for number in sorted(found - meant)]
        missed += [f"{topic.name}-{number}" for number in sorted(meant - found)]
    return KindScore(kind, method.name, right, tuple(wrong), tuple(missed))


def _search(connection: Connection, query: Query) -> set[str]:
    found = search_questions(connection, query, 1000)
    return {one.question_id.rpartition(":")[2] for one in found.newest}


def _accept_all(connection: Connection, topic: JudgedTopic) -> Query:
    """Return the query with all that is offered for it."""
    query = parse_query(topic.query)
    return apply_suggestions(query, find_suggestions(connection, query))


def _join_texts(one: JudgedQuestion) -> str:
    fields = extract_fields(one.question)
    return "\n".join(text for field in sorted(DEFAULT_FIELDS) for text in fields[field])


def _build_fts5(questions: list[JudgedQuestion], texts: Mapping[str, str]) -> sqlite3.Connection:
    index = sqlite3.connect(":memory:")
    index.execute("CREATE VIRTUAL TABLE word USING fts5(asked_by, text, tokenize='porter')")
    for one in questions:
        row = int(one.number), extract_fields(one.question)["asked_by"][0], texts[one.number]
        index.execute("INSERT INTO word (rowid, asked_by, text) VALUES (?, ?, ?)", row)
    return index


def _search_fts5(index: sqlite3.Connection, topic: JudgedTopic) -> set[str]:
    """Return what FTS5 finds for the words typed, each in quotes because of its own signs."""
    parts = []
    for minus, field, text in _TYPED_PART.findall(topic.query):
        parts.append(f'{"NOT" if minus else "AND"} {field}"{text.strip(chr(34))}"')
    typed = " ".join(parts).removeprefix("AND ")
    rows = index.execute("SELECT rowid FROM word WHERE word MATCH ?", [typed])
    return {str(number) for (number,) in rows}


def _search_substring(texts: Mapping[str, str], topic: JudgedTopic) -> set[str]:
    wanted = [text for minus, _, text in _TYPED_PART.findall(topic.query) if not minus]
    typed = " ".join(wanted).replace('"', "").lower()
    return {number for number, text in texts.items() if typed in text.lower()}


def open_filled_ledger(folder: Path) -> Ledger:
    """Return a new ledger in a folder, filled with the long questions."""
    ledger = open_ledger(f"sqlite:///{folder / 'judged.sqlite3'}")
    fill_ledger(ledger)
    return ledger
