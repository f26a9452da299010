"""The London Assembly's questions until about 2014, as text. Pure.

We know no surviving page of that search, only its text as people quoted it
(``docs/explanation/source.md``): the title, "[Main question]", "Question number 1500/2008",
"Meeting date 16/07/2008", "Question by" and a name, the question, "Answer by" and a name, and the
answer or "Answer not yet available."
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crawler.reading import Document
from crawler.reading.items import AnswerItem, Paragraph, QuestionItem

_FIELD_PATTERNS = {
    "reference": re.compile(r"Question number:? (?P<value>\d{1,5} ?/ ?\d{4})", re.IGNORECASE),
    "session_date": re.compile(r"Meeting date:? (?P<value>\d\d/\d\d/\d{4})", re.IGNORECASE),
    "asked_by": re.compile(r"Question by:? (?P<value>[^:]+)", re.IGNORECASE),
}
_LABELS = {
    "reference": "Question number",
    "session_date": "Meeting date",
    "asked_by": "Question by",
}
_KIND_LINE = re.compile(r"\[(?P<kind>Main|Supplementary) question\]", re.IGNORECASE)
#: A name does not end with a full stop: "Answer by return, please." is part of a question.
_ANSWER_BY = re.compile(r"Answer by:? (?P<value>[^:]{2,80}[^:.?!])", re.IGNORECASE)
_NOT_ANSWERED_YET = "answer not yet available"


class London2000:
    """The page object for that text."""

    source = "london"
    generation = "2000"

    def recognises(self, document: Document) -> bool:
        """Return whether number and meeting date stand on lines of their own, with labels."""
        texts = [line.text for line in document.lines if len(line.text) < 50]
        marks = (_FIELD_PATTERNS["reference"], _FIELD_PATTERNS["session_date"])
        return all(any(mark.fullmatch(text) for text in texts) for mark in marks)

    def read(self, document: Document) -> QuestionItem:
        """Return the item. The reference is kept as printed, with the year last: 1500/2008."""
        lines = document.lines
        fields = {name: _find_line(lines, shape) for name, shape in _FIELD_PATTERNS.items()}
        places = [place for place, _ in fields.values() if place is not None]
        first, last = min(places), max(places)
        kind = next((m["kind"] for x in lines if (m := _KIND_LINE.fullmatch(x.text))), "Main")
        title = [x.text for x in lines[:first] if not _KIND_LINE.fullmatch(x.text)]
        body, answers, answered_by = _split_parts(lines[last + 1 :])
        printed = {_LABELS[name]: value for name, (_, value) in fields.items() if value}
        return QuestionItem(
            source=self.source,
            generation=self.generation,
            url=document.canonical_url,
            title=title[-1] if title else None,
            reference=fields["reference"][1],
            session_date=fields["session_date"][1],
            asked_by=fields["asked_by"][1],
            labels=printed | ({"Answer by": answered_by} if answered_by else {}),
            supplementary=kind.lower() == "supplementary",
            body=body,
            answers=answers,
        )


def _find_line(lines: Sequence[Paragraph], shape: re.Pattern[str]) -> tuple[int | None, str | None]:
    """Return the index and the value of the first line with a pattern, None without one."""
    for place, line in enumerate(lines):
        if match := shape.fullmatch(line.text):
            return place, match["value"].strip()
    return None, None


def _split_parts(
    lines: Sequence[Paragraph],
) -> tuple[tuple[Paragraph, ...], tuple[AnswerItem, ...], str | None]:
    """Return the question's text, its answers, and who gave them."""
    at, by = _find_line(lines, _ANSWER_BY)
    until = len(lines) if at is None else at
    body = [x for x in lines[:until] if not _KIND_LINE.fullmatch(x.text)]
    not_yet = next(
        (i for i, x in enumerate(body) if x.text.lower().startswith(_NOT_ANSWERED_YET)), None
    )
    if not_yet is not None:
        return tuple(body[:not_yet]), (), None
    spoken = () if at is None else tuple(lines[at + 1 :])
    if not spoken or spoken[0].text.lower().startswith(_NOT_ANSWERED_YET):
        return tuple(body), (), by
    return tuple(body), (AnswerItem(answered_by=by, body=spoken),), by


PAGE = London2000()
