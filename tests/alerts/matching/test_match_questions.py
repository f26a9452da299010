"""Questions compared with topics as a whole, or by each of their changes."""

from __future__ import annotations

import pytest

from alerts.matching import Matcher
from alerts.matching.match_questions import QuestionChanges, find_matching_questions
from alerts.queries import format_canonical, parse_query
from tests.support.samples import make_answer, make_question

QUERIES = ("benches", "benches change:asked", "benches change:answered", "gate change:withdrawn")
ASKED = QuestionChanges(make_question(1, words="Where are the benches?"), ["asked"])
GATE = QuestionChanges(make_question(2, words="Where is the gate?"), ["asked", "withdrawn"])
ANSWERED = QuestionChanges(
    make_question(3, make_answer("Here."), words="More benches?"), ["asked", "answered"]
)


@pytest.mark.parametrize(
    ("by_change", "found"),
    [
        (True, [(0, 0), (0, 2), (1, 0), (1, 2), (2, 2), (3, 1)]),
        (False, [(0, 0), (0, 2)]),
    ],
)
def test_a_question_matches_if_one_of_its_changes_does(
    found: list[tuple[int, int]], *, by_change: bool
) -> None:
    matcher = Matcher({n: format_canonical(parse_query(q)) for n, q in enumerate(QUERIES)})
    questions = [ASKED, GATE, ANSWERED]
    assert find_matching_questions(matcher, questions, by_change=by_change) == found
    assert find_matching_questions(matcher, [], by_change=by_change) == []
