"""The judged set is complete, and topics find in it what was meant."""

from __future__ import annotations

from collections import Counter

from alerts.matching import Matcher, QuestionChanges, find_matching_questions
from alerts.queries import format_canonical, infer_changes, parse_query
from tests.quality.judged import (
    compute_precision,
    compute_recall,
    iter_questions,
    load_topics,
    score_topics,
)


def test_the_set_is_whole() -> None:
    questions, named = list(iter_questions()), load_topics()
    numbers = Counter(one.number for one in questions)
    assert len(questions) >= 300
    assert len(named) >= 25
    assert set(numbers.values()) == {1}
    assert set.union(*(set(one.topics) for one in questions)) == {topic.name for topic in named}


def test_topics_find_what_was_meant() -> None:
    found = score_topics()
    assert compute_precision(found) >= 0.99
    assert compute_recall(found) >= 0.99


def test_the_matcher_finds_the_same() -> None:
    named, questions = load_topics(), list(iter_questions())
    forms = {place: format_canonical(parse_query(topic.query)) for place, topic in enumerate(named)}
    changes = [QuestionChanges(one.question, infer_changes(one.question)) for one in questions]
    pairs = find_matching_questions(Matcher(forms), changes, by_change=True)
    by_matcher = {(named[topic].name, questions[place].number) for topic, place in pairs}
    one_by_one = {(s.topic.name, n) for s in score_topics() for n in (*s.right, *s.wrong)}
    assert by_matcher == one_by_one
