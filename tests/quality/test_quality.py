"""The judged set is complete, and topics find in it what was meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.matching import Matcher, QuestionChanges, find_matching_questions
from alerts.queries import extract_fields, format_canonical, infer_changes, parse_query
from crawler.records import Question
from tests.quality.comparison import (
    CONCEPTS,
    join_scores,
    list_long_questions,
    load_long_topics,
    open_filled_ledger,
    score_kinds,
)
from tests.quality.judged import (
    compute_precision,
    compute_recall,
    iter_questions,
    load_topics,
    score_topics,
)


def iter_texts(question: Question) -> Iterator[str]:
    fields = extract_fields(question)
    yield from (text for name in ("title", "question", "answer") for text in fields[name])


def test_the_set_is_whole() -> None:
    questions, named = list(iter_questions()), load_topics()
    numbers = Counter(one.number for one in questions)
    assert len(questions) >= 300
    assert len(named) >= 25
    assert set(numbers.values()) == {1}
    assert set.union(*(set(one.topics) for one in questions)) == {topic.name for topic in named}


@pytest.mark.slow
def test_topics_find_what_was_meant() -> None:
    found = score_topics()
    assert compute_precision(found) >= 0.99
    assert compute_recall(found) >= 0.99


@pytest.mark.slow
def test_the_matcher_finds_the_same() -> None:
    named, questions = load_topics(), list(iter_questions())
    forms = {place: format_canonical(parse_query(topic.query)) for place, topic in enumerate(named)}
    changes = [QuestionChanges(one.question, infer_changes(one.question)) for one in questions]
    pairs = find_matching_questions(Matcher(forms), changes, by_change=True)
    by_matcher = {(named[topic].name, questions[place].number) for topic, place in pairs}
    one_by_one = {(s.topic.name, n) for s in score_topics() for n in (*s.right, *s.wrong)}
    assert by_matcher == one_by_one


def test_the_long_set_is_whole() -> None:
    topics, questions = load_long_topics(), list_long_questions()
    assert sum(len(one.topics) for one in questions) >= 200
    assert set.union(*(set(one.topics) for one in questions)) == {topic.name for topic in topics}
    for one in questions:
        words = sum(len(text.split()) for text in iter_texts(one.question))
        assert 150 <= words <= 400, one.number


@pytest.mark.slow
def test_long_questions_are_found_by_every_kind_of_topic(tmp_path: Path) -> None:
    """With offers, the subject is what counts; without, the words."""
    ledger = open_filled_ledger(tmp_path)
    with ledger.reading() as connection:
        scores = {(one.kind, one.method): one for one in score_kinds(connection)}
    ledger.engine.dispose()
    typed = [one for (kind, by), one in scores.items() if by == "as typed" and kind != CONCEPTS]
    literal = join_scores(typed, "literal")
    assert literal.precision >= 0.98
    assert literal.recall >= 0.99
    assert not [one for one in typed if min(one.precision, one.recall) < 0.95]
    concepts = scores[CONCEPTS, "with offers"]
    assert concepts.recall >= 0.85
    assert concepts.precision >= 0.95
