"""Questions compared with topics outside the alerting step: search, ``match``, ``explain``. Pure.

A question matches a topic if one of its changes does, because alerts are about changes: ``knife
change:answered`` finds a question that has been answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from alerts.matching.matcher import Matcher
from alerts.queries import extract_fields
from crawler.records import Question


class QuestionChanges(NamedTuple):
    """A question, and the kinds of changes that it has had."""

    question: Question
    changes: Sequence[str]

    def extract_texts(self, *, by_change: bool) -> list[dict[str, list[str]]]:
        """Return the question's texts by field: once, or once for each change if ``by_change``."""
        if not by_change:
            return [extract_fields(self.question)]
        return [extract_fields(self.question, [change]) for change in self.changes]


def find_matching_questions(
    matcher: Matcher, questions: Sequence[QuestionChanges], *, by_change: bool
) -> list[tuple[int, int]]:
    """Return the matches as sorted pairs of a topic's id and a question's place in the list.

    Args:
        matcher: The topics.
        questions: At most :data:`alerts.matching.BATCH_SIZE`, for the best speed.
        by_change: Whether any of the topics uses the field ``change``.
    """
    texts, places = [], []
    for place, question in enumerate(questions):
        extracted = question.extract_texts(by_change=by_change)
        texts += extracted
        places += [place] * len(extracted)
    found = matcher.match(texts)
    pairs = zip(found.topics.tolist(), found.records.tolist(), strict=True)
    return sorted({(topic, places[record]) for topic, record in pairs})
