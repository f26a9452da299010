"""london.gov.uk from about 2014 to 2019, and the plain text of such a page. Pure.

No markup of this design survives that we could see; only text does, in the order described in
``docs/source.md``. So the page is read by its visible labels alone, from its lines, and a page
saved as plain text is read by the very same code.

There is no second reading of most fields: a label and the place of its value are one line of
evidence, not two. What the page prints twice is compared, the title (again in "Answer for ...")
and the day (again in the meeting's name). Values that stand in the known order without any label,
as on a few pages of 2013, are read by that order alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crawler.reading import Document
from crawler.reading.comparison import (
    FieldValues,
    ReadingComparison,
    compare_fields,
    describe_disagreement,
    merge_comparisons,
)
from crawler.reading.dates import find_date, read_date
from crawler.reading.items import AnswerItem, Paragraph, QuestionItem
from crawler.reading.labels import read_labels
from crawler.records import normalise_wording

_LABELS = {
    "session date": "session_date",
    "question by": "asked_by",
    "organisation": "party",
    "asked of": "asked_of",
    "supplementary to": "supplementary_to",
    "supplementary questions": "supplementary_questions",
    "answered by": "answered_by",
}
_LABEL_LINE = re.compile(rf"({'|'.join(_LABELS)})\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)
_MEETING = re.compile(r"(?:MQT|Plenary)\s+on\s+\d{4}-\d{2}-\d{2}")
_ANSWER_FOR = re.compile(r"Answer for\s+", re.IGNORECASE)
#: Marks of the designs that came after, with the same labels.
_LATER_DESIGN_CSS = (
    "table.styled-table, h3.page-section, h2#answer, "
    ".node--answer, div.answers, div.field--name-field-asked-by"
)
#: Labels that the designs after it print and this one does not.
_LATER_DESIGN_LABELS = frozenset(("reference", "meeting", "category", "session name"))
#: How the day is printed above the asker: "December 20, 2018".
_US_DATE = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
#: Whom a question may be put to, when no label says that it is: an office, or a name with one.
_ADDRESSEE = re.compile(r"The Mayor|.+ \(.+\).*")
_NOT_ANSWERED_YET = "answer not yet available"

#: Labels that are followed by nothing in every page seen (links may have stood there): their line
#: ends the question.
_VALUELESS_FIELDS = frozenset(("supplementary_to", "supplementary_questions"))


def _parse_label(line: Paragraph) -> tuple[str, str] | None:
    """The field that a line's label names and what follows it on the line."""
    match = _LABEL_LINE.fullmatch(line.text)
    return (_LABELS[match[1].lower()], match[2].strip()) if match else None


class London2014:
    """Reader of the labelled lines."""

    source = "london"
    generation = "2014"

    def recognises(self, document: Document) -> bool:
        """By "Question By:" and a dated session or an addressee, in no table."""
        if document.is_html and document.main.css_first(_LATER_DESIGN_CSS):
            return False
        if _find_unlabelled_values(document.lines) is not None:
            return True
        found_labels = [found for line in document.lines if (found := _parse_label(line))]
        if any(value.startswith("|") for _, value in found_labels):
            return False
        fields = {name for name, _ in found_labels}
        later = {name.lower() for name in read_labels(document.lines).labels} & _LATER_DESIGN_LABELS
        return "asked_by" in fields and bool(fields & {"session_date", "asked_of"}) and not later

    def read(self, document: Document) -> QuestionItem:
        """The item: head, question and answer are told apart by the labels between them."""
        at = _find_unlabelled_values(document.lines)
        lines = document.lines if at is None else _insert_labels(document.lines, at)
        first = next(i for i, line in enumerate(lines) if _parse_label(line))
        title, meeting = self._read_heading(lines[:first])
        fields, labels, body_at = self._read_fields(lines, first)
        body_end, answer_at = self._find_answer_bounds(lines, body_at, title)
        answer, answered_label = self._read_answer(lines[answer_at:])
        again = self._find_answer_title(lines[body_end:answer_at])
        titles = compare_fields(_build_title_field(title), _build_title_field(again))
        said = merge_comparisons({}, (titles, _compare_dates(fields.get("session_date"), meeting)))
        return QuestionItem(
            source=self.source,
            generation=self.generation,
            url=document.canonical_url,
            title=title or again,
            agreed=said.agreed,
            disagreements=said.disagreements,
            asked_by=fields.get("asked_by"),
            party=fields.get("party"),
            asked_of=fields.get("asked_of"),
            meeting=meeting,
            session_date=fields.get("session_date"),
            labels={}
            if at is not None
            else labels | _read_linked_labels(lines[body_end:answer_at], title) | answered_label,
            supplementary=any(
                found[0] == "supplementary_to" for line in lines if (found := _parse_label(line))
            ),
            body=lines[body_at:body_end],
            answers=answer,
        )

    @staticmethod
    def _read_heading(lines: Sequence[Paragraph]) -> tuple[str | None, str | None]:
        """Title and meeting link from the lines above the first label (either may be missing)."""
        meeting = next((x.text for x in lines if _MEETING.fullmatch(x.text)), None)
        title = next((x.text for x in reversed(lines) if x.text != meeting), None)
        return title, meeting

    @staticmethod
    def _read_fields(
        lines: Sequence[Paragraph], at: int
    ) -> tuple[dict[str, str], dict[str, str], int]:
        """Fields and labels from the labelled lines, and where the question's words begin.

        A value stands behind its label or on the next line; the party has a label of its own on
        a few pages (2015/1959-0) and otherwise follows the asker's name.
        """
        fields: dict[str, str] = {}
        labels: dict[str, str] = {}
        while (
            at < len(lines)
            and (found := _parse_label(lines[at]))
            and found[0] not in _VALUELESS_FIELDS
        ):
            name, value = found
            if name == "answered_by":
                break
            printed = lines[at].text.split(":")[0].strip()
            at += 1
            if not value and at < len(lines) and not _parse_label(lines[at]):
                value = lines[at].text
                at += 1
            if value:
                fields[name] = labels[printed] = value
            if name == "asked_by" and at < len(lines) and not _parse_label(lines[at]):
                fields["party"] = lines[at].text
                at += 1
        if at < len(lines) and lines[at].text == "Question":
            at += 1
        return fields, labels, at

    @staticmethod
    def _find_answer_bounds(
        lines: Sequence[Paragraph], at: int, title: str | None
    ) -> tuple[int, int]:
        """Where the question's words end, and where the answer begins (after its headings)."""
        end = at
        while end < len(lines) and not _is_question_end(lines[end], title):
            end += 1
        answer = end
        if (
            end < len(lines)
            and (found := _parse_label(lines[end]))
            and found[0] in _VALUELESS_FIELDS
        ):
            while answer < len(lines) and not _is_answer_start(lines[answer], title):
                answer += 1
        while answer < len(lines) and _is_heading(lines[answer], title):
            answer += 1
        return end, answer

    @staticmethod
    def _find_answer_title(lines: Sequence[Paragraph]) -> str | None:
        """The title from "Answer for <title>", for the pages whose heading is missing."""
        for line in lines:
            if match := _ANSWER_FOR.match(line.text):
                return line.text[match.end() :]
        return None

    @staticmethod
    def _read_answer(
        lines: Sequence[Paragraph],
    ) -> tuple[tuple[AnswerItem, ...], dict[str, str]]:
        """The answer block, if the page has one. No answer date is printed in this design."""
        by: str | None = None
        labels: dict[str, str] = {}
        if lines and (found := _parse_label(lines[0])) and found[0] == "answered_by":
            by, rest = found[1], lines[1:]
            if not by and rest:
                by, rest = rest[0].text, rest[1:]
            if by:
                labels["Answered By"] = by
            lines = rest
        if not lines or lines[0].text.lower().startswith(_NOT_ANSWERED_YET):
            return (), labels
        return (AnswerItem(answered_by=by or None, body=tuple(lines)),), labels


def _find_unlabelled_values(lines: Sequence[Paragraph]) -> int | None:
    """Where the values begin that stand in their order with no label: day, asker, party, asked."""
    if any(_parse_label(line) for line in lines):
        return None
    for at, line in enumerate(lines[:-4]):
        if _US_DATE.fullmatch(line.text) and _ADDRESSEE.fullmatch(lines[at + 3].text):
            return at
    return None


def _insert_labels(lines: Sequence[Paragraph], at: int) -> tuple[Paragraph, ...]:
    """``lines`` with the labels that the values from ``at`` on lack."""
    day, asker, party, asked = lines[at : at + 4]
    session, by, of = (Paragraph(label) for label in ("Session date:", "Question By:", "Asked Of:"))
    rest = list(lines[at + 4 :])
    named = (i for i in range(1, len(rest)) if rest[i].text == asked.text)
    if answered := next((i for i in named if _ANSWER_FOR.match(rest[i - 1].text)), None):
        rest.insert(answered, Paragraph("Answered By:"))
    return (*lines[:at], session, day, by, asker, party, of, asked, *rest)


def _compare_dates(session: str | None, meeting: str | None) -> ReadingComparison:
    """The day as printed for itself, and the one in the meeting's name."""
    printed = read_date(session) if session else None
    named = find_date(meeting) if meeting else None
    if printed is None or named is None:
        return ReadingComparison({}, (), ())
    if printed == named:
        return ReadingComparison({}, ("session_date",), ())
    return ReadingComparison(
        {}, (), (describe_disagreement("session_date", str(printed), str(named)),)
    )


def _build_title_field(title: str | None) -> FieldValues:
    """The title as a reading: it stands above the labels and, again, above the answer."""
    return {"title": title} if title else {}


def _is_question_end(line: Paragraph, title: str | None) -> bool:
    found = _parse_label(line)
    return bool(found and found[0] in {*_VALUELESS_FIELDS, "answered_by"}) or _is_heading(
        line, title
    )


def _is_answer_start(line: Paragraph, title: str | None) -> bool:
    found = _parse_label(line)
    return found[0] == "answered_by" if found else _is_heading(line, title)


def _read_linked_labels(lines: Sequence[Paragraph], title: str | None) -> dict[str, str]:
    """What the labels for other questions name, where they name anything."""
    labels: dict[str, str] = {}
    printed = ""
    for line in lines:
        if found := _parse_label(line):
            printed, value = line.text.split(":")[0].strip(), found[1]
        else:
            value = "" if _is_heading(line, title) else line.text
        if value:
            labels[printed] = f"{labels[printed]}; {value}" if printed in labels else value
    return labels


def _is_heading(line: Paragraph, title: str | None) -> bool:
    """Whether a line is one of the headings between question and answer."""
    text = _ANSWER_FOR.sub("", line.text, count=1)
    found = _parse_label(line)
    return (
        bool(found and found[0] in _VALUELESS_FIELDS)
        or line.text == "Answer"
        or text != line.text
        or (title is not None and normalise_wording(text) == normalise_wording(title))
    )


PAGE = London2014()
