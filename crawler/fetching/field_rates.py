"""How often each field was found in a crawl, and how often two readings of it agreed. Pure.

Only what a page can be expected to have is counted against it: a supplementary prints no
reference, and who has not been answered was answered by nobody.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from crawler.reading.items import QuestionItem
from crawler.records import Question


def check_expected_fields(question: Question) -> dict[str, bool]:
    """For each field that can be expected of ``question``, whether it is there."""
    found = {
        "title": question.title is not None,
        "asked_by": question.asked_by is not None,
        "asked_of": bool(question.asked_of),
        "party": question.asked_by is not None and question.asked_by.party is not None,
        "meeting": question.meeting is not None and question.meeting.date is not None,
        "question": bool(question.question),
    }
    if question.kind == "question":
        found["reference"] = question.reference is not None
    if question.status == "answered":
        answers = [answer for answer in question.answers if not answer.holding]
        found["answered_by"] = all(answer.answered_by for answer in answers)
        found["answer_date"] = any(answer.date for answer in answers)
    return found


class FieldRates:
    """The counts of one crawl, gathered page by page."""

    def __init__(self) -> None:
        self._filled: Counter[str] = Counter()
        self._expected: Counter[str] = Counter()
        self._agreed: Counter[str] = Counter()
        self._differed: Counter[str] = Counter()

    def add(self, item: QuestionItem, question: Question) -> None:
        """Count one page: what it printed, and the record that was made of it."""
        for name, there in check_expected_fields(question).items():
            self._expected[name] += 1
            self._filled[name] += there
        self._agreed.update(item.agreed)
        self._differed.update(disagreement.field for disagreement in item.disagreements)

    def as_report_fields(self) -> dict[str, Any]:
        """Under the names that the report has for them."""
        return {
            "filled": {name: (self._filled[name], of) for name, of in self._expected.items()},
            "agreed": dict(self._agreed),
            "differed": dict(self._differed),
        }
