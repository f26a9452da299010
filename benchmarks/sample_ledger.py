"""A ledger of many drawn questions, stored and indexed like real ones, for the web benchmark.

Records are put together from a stock of paragraphs, so that each paragraph is tokenised once, not
a hundred thousand times. The keys in the index are those that the service itself would write.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, update

from alerts.ledger import Ledger, open_ledger, word_index
from alerts.ledger.questions import build_columns
from alerts.ledger.schema import change, question, question_identity
from alerts.ledger.word_index import IndexedQuestion
from alerts.matching import TopicMatcher
from alerts.queries import QueryError, extract_fields, index_terms, parse_query, prepare_fields
from alerts.search import build_facets
from alerts.subscribers import publish_topic
from alerts.text import find_definitions
from benchmarks.sample_queries import SyntheticLanguage, draw_queries
from crawler.records import (
    Addressee,
    Answer,
    Asker,
    Meeting,
    Question,
    Speech,
    encode_record,
    hash_content,
)

TODAY = date(2026, 11, 1)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
_PARAGRAPHS, _MEMBERS = 6000, 60
_DAYS = 25 * 365
_BATCH = 1000


class QuestionSampler:
    """A stock of paragraphs, titles and members, from which questions are drawn."""

    def __init__(self, language: SyntheticLanguage) -> None:
        self.random = random.Random(7)
        self.paragraphs = [language.draw_paragraph(60) for _ in range(_PARAGRAPHS)]
        self.titles = [language.draw_paragraph(6) for _ in range(_PARAGRAPHS)]
        self.members = [
            f"{language.draw_topic_word().capitalize()} Drawn{n}" for n in range(_MEMBERS)
        ]

    def draw_question(self, number: int) -> Question:
        """Return one drawn question with its answer."""
        draw = self.random
        size = max(2, min(25, int(draw.lognormvariate(1.75, 0.65))))
        some = draw.choices(self.paragraphs, k=size)
        name = draw.choice(self.members)
        asked = TODAY - timedelta(days=draw.randrange(_DAYS))
        answer = Answer(
            ("The Mayor",),
            asked + timedelta(days=20),
            speeches=(Speech("The Mayor", tuple(some[1:])),),
        )
        return Question(
            id=f"london:/questions/{asked.year}/{number}",
            source="london",
            url=f"https://www.london.gov.uk/questions/{asked.year}/{number}",
            reference=f"{asked.year}/{number}",
            title=draw.choice(self.titles),
            asked_by=Asker(name, f"{name} AM", None, name.lower().replace(" ", "-")),
            asked_of=(Addressee("The Mayor", "The Mayor"),),
            meeting=Meeting(f"MQT on {asked}", asked),
            question=(Speech(name, (some[0],)),),
            status="answered" if draw.random() < 0.97 else "unanswered",
            answers=(answer,),
            generation="2022",
            digest=f"{number}",
        )


def build_ledger(
    folder: Path, count: int, topic_count: int, language: SyntheticLanguage | None = None
) -> tuple[Ledger, list[str]]:
    """Make a ledger with some questions and public topics; return it and the topics' slugs."""
    language = language or SyntheticLanguage(3)
    stock = QuestionSampler(language)
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}")
    known: dict[str, frozenset[str]] = {}
    for start in range(0, count, _BATCH):
        with ledger.writing() as connection:
            records = [stock.draw_question(n) for n in range(start, min(count, start + _BATCH))]
            _store_records(connection, records, start)
            for one in records:
                word_index.write_questions(connection, [_index_words(one, known)])
    with ledger.writing() as connection:
        slugs = [
            publish_topic(connection, form, NOW).slug
            for form in select_valid_queries(draw_queries(language, topic_count, popular=True))
        ]
    TopicMatcher(ledger).match_new_changes()
    return ledger, slugs


def select_valid_queries(forms: Iterator[str]) -> Iterator[str]:
    """Generate the queries that the parser accepts, each once; some prefixes are too short."""
    for form in dict.fromkeys(forms):
        with suppress(QueryError):
            parse_query(form)
            yield form


def _store_records(connection: Connection, records: list[Question], start: int) -> None:
    rows = [
        build_columns(one)
        | {
            "id": one.id,
            "source": one.source,
            "url": one.url,
            "status": one.status,
            "meeting_date": one.meeting.date if one.meeting else None,
            "is_suspect": False,
            "record": encode_record(one).decode(),
            "first_seen_at": NOW,
            "visited_at": NOW,
        }
        for one in records
    ]
    connection.execute(insert(question), rows)
    connection.execute(
        insert(question_identity), [{"identity": one.id, "question_id": one.id} for one in records]
    )
    changed = [
        {
            "seq": start + place + 1,
            "question_id": row["id"],
            "kind": "asked",
            "content_hash": hash_content(one),
            "recorded_at": NOW,
            "silence_reason": "baseline",
            "after": row["record"],
        }
        for place, (row, one) in enumerate(zip(rows, records, strict=True))
    ]
    connection.execute(insert(change), changed)
    connection.execute(update(question).values(is_indexed=True))


def _index_words(one: Question, known: dict[str, frozenset[str]]) -> IndexedQuestion:
    """Return a record's keys from those of its paragraphs; ``known`` keeps what was computed."""
    keys: set[str] = set()
    texts = extract_fields(one)
    for field, paragraphs in texts.items():
        for text in paragraphs:
            part = f"{field}\t{text}"
            if part not in known:
                known[part] = frozenset(
                    index_terms.build_index_keys(prepare_fields({field: [text]}))
                )
            keys |= known[part]
    day = one.meeting.date if one.meeting and one.meeting.date else TODAY
    return IndexedQuestion(
        one.id,
        day,
        frozenset(keys),
        frozenset(find_definitions(texts["title"])),
        build_facets(one, texts),
    )
