"""How often a crawl found each field, and how often its two readings agreed.

Only fields that a page can be expected to have are counted: a supplementary prints no reference,
and an unanswered question no author of the answer.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from crawler.reading.items import QuestionItem
from crawler.records import Question


def check_expected_fields(question: Question) -> dict[str, bool]:
    """Return whether each field that ``question`` should have was found. Pure."""
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
    """The counts of one crawl, added up page by page."""

    def __init__(self) -> None:
        self._filled: Counter[str] = Counter()
        self._expected: Counter[str] = Counter()
        self._agreed: Counter[str] = Counter()
        self._differed: Counter[str] = Counter()

    def add(self, item: QuestionItem, question: Question) -> None:
        """Count one page, by its item and the record made from it."""
        for name, there in check_expected_fields(question).items():
            self._expected[name] += 1
            self._filled[name] += there
        self._agreed.update(item.agreed)
        self._differed.update(disagreement.field for disagreement in item.disagreements)

    def as_report_fields(self) -> dict[str, Any]:
        """Return the counts under the names of :class:`crawler.report.CrawlReport`."""
        return {
            "filled": {name: (self._filled[name], of) for name, of in self._expected.items()},
            "agreed": dict(self._agreed),
            "differed": dict(self._differed),
        }
