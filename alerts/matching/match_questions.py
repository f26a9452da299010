"""Whether questions match topics, as they stand. Pure.

Search, preview, ``match`` and ``explain`` ask here, and here is asked what alerting asks: the
matcher, about a question and one thing that happened to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from alerts.matching.matcher import Matcher
from alerts.queries import extract_fields
from crawler.records import Question


class QuestionChanges(NamedTuple):
    """A question, and what has happened to it."""

    question: Question
    changes: Sequence[str]

    def extract_texts(self, *, by_change: bool) -> list[dict[str, list[str]]]:
        """Its texts, once for each change where that makes a difference."""
        if not by_change:
            return [extract_fields(self.question)]
        return [extract_fields(self.question, [change]) for change in self.changes]


def find_matching_questions(
    matcher: Matcher, questions: Sequence[QuestionChanges], *, by_change: bool
) -> list[tuple[int, int]]:
    """Pairs of a topic (its id) and the place of a question that matches it, each once, sorted.

    ``by_change`` says whether any of the topics uses the field ``change``.
    """
    texts, places = [], []
    for place, told in enumerate(questions):
        some = told.extract_texts(by_change=by_change)
        texts += some
        places += [place] * len(some)
    found = matcher.match(texts)
    pairs = zip(found.topics.tolist(), found.records.tolist(), strict=True)
    return sorted({(topic, places[record]) for topic, record in pairs})
