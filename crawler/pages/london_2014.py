"""london.gov.uk from about 2014 to 2019, and the plain text of such a page. Pure.

We know no surviving markup of this design, only text, in the order described in
``docs/explanation/source.md``. So the page is read from its lines by the visible labels, and a page
saved as plain text is read by the same code.

Most fields have no second reading. What the page prints twice is compared: the title (again in
"Answer for ...") and the day (again in the meeting's name). A few pages of 2013 print the values
in the usual order without labels; those are read by their order.
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
#: Elements of the later designs, which print the same labels.
_LATER_DESIGN_CSS = (
    "table.styled-table, h3.page-section, h2#answer, "
    ".node--answer, div.answers, div.field--name-field-asked-by"
)
#: Labels that the later designs print and this one does not.
_LATER_DESIGN_LABELS = frozenset(("reference", "meeting", "category", "session name"))
#: The date above the asker: "December 20, 2018".
_US_DATE = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
#: An addressee without a label: an office, or a name with an office in brackets.
_ADDRESSEE = re.compile(r"The Mayor|.+ \(.+\).*")
_NOT_ANSWERED_YET = "answer not yet available"

#: Labels without a value on every page seen (they may have had links). Their line ends the
#: question.
_VALUELESS_FIELDS = frozenset(("supplementary_to", "supplementary_questions"))


def _parse_label(line: Paragraph) -> tuple[str, str] | None:
    """Return the field of a line's label and the rest of the line, None without a label."""
    match = _LABEL_LINE.fullmatch(line.text)
    return (_LABELS[match[1].lower()], match[2].strip()) if match else None


class London2014:
    """The page object for the labelled lines."""

    source = "london"
    generation = "2014"

    def recognises(self, document: Document) -> bool:
        """Return whether the page has "Question By:" and a session date or an addressee.

        They do not stand in a table, and no label of a later design is there.
        """
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
        """Return the item. The labels separate the fields, the question and the answer."""
        at = _find_unlabelled_values(document.lines)
        lines = document.lines if at is None else _insert_labels(document.lines, at)
        first = next(i for i, line in enumerate(lines) if _parse_label(line))
        title, meeting = self._read_heading(lines[:first])
        fields, labels, body_at = self._read_fields(lines, first)
        body_end, answer_at = self._find_answer_bounds(lines, body_at, title)
        again = self._find_answer_title(lines[body_end:answer_at])
        answers, answered_label = self._read_answers(lines[answer_at:], title or again)
        linked = _read_linked_labels(lines[body_end:answer_at], title)
        said = _compare_repeated_fields(title, again, fields.get("session_date"), meeting)
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
            labels=labels | linked | answered_label if at is None else {},
            supplementary=_has_label(lines, "supplementary_to"),
            body=lines[body_at:body_end],
            answers=answers,
        )

    @staticmethod
    def _read_heading(lines: Sequence[Paragraph]) -> tuple[str | None, str | None]:
        """Return title and meeting from the lines above the first label, None if missing."""
        meeting = next((x.text for x in lines if _MEETING.fullmatch(x.text)), None)
        title = next((x.text for x in reversed(lines) if x.text != meeting), None)
        return title, meeting

    @staticmethod
    def _read_fields(
        lines: Sequence[Paragraph], at: int
    ) -> tuple[dict[str, str], dict[str, str], int]:
        """Return fields, labels with their values, and the first line of the question.

        A value stands after its label or on the next line. The party has its own label on a few
        pages (2015/1959-0) and otherwise follows the asker's name.
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
        """Return the line after the question, and the line after the answer's headings."""
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
        """Return the title from "Answer for <title>", None if there is no such line."""
        for line in lines:
            if match := _ANSWER_FOR.match(line.text):
                return line.text[match.end() :]
        return None

    @staticmethod
    def _read_answers(
        lines: Sequence[Paragraph], title: str | None
    ) -> tuple[tuple[AnswerItem, ...], dict[str, str]]:
        """Return the answers and the label of the first. This design prints no answer date.

        A page with a second "Answered By:" has a holding reply and the answer that followed it.
        """
        starts = [i for i, line in enumerate(lines) if i == 0 or _is_answered_by(line)]
        ends = [*starts[1:], len(lines)] if starts else []
        labels: dict[str, str] = {}
        answers: list[AnswerItem] = []
        for start, end in zip(starts, ends, strict=True):
            by, body = _read_answer_block(lines[start:end])
            while end < len(lines) and body and _is_heading(body[-1], title):
                body = body[:-1]  # the title above the next answer
            if by:
                labels.setdefault("Answered By", by)
            if body and not body[0].text.lower().startswith(_NOT_ANSWERED_YET):
                answers.append(AnswerItem(answered_by=by or None, body=tuple(body)))
        return tuple(answers), labels


def _is_answered_by(line: Paragraph) -> bool:
    found = _parse_label(line)
    return found is not None and found[0] == "answered_by"


def _read_answer_block(lines: Sequence[Paragraph]) -> tuple[str | None, Sequence[Paragraph]]:
    """Return who answered, from the label and the line after it, and the lines of the answer."""
    if not (lines and (found := _parse_label(lines[0])) and found[0] == "answered_by"):
        return None, lines
    by, rest = found[1], lines[1:]
    if not by and rest:
        by, rest = rest[0].text, rest[1:]
    return by or None, rest


def _find_unlabelled_values(lines: Sequence[Paragraph]) -> int | None:
    """Return the first line of unlabelled values: day, asker, party, addressee.

    Returns:
        None if the page has labels, or no such lines.
    """
    if any(_parse_label(line) for line in lines):
        return None
    for at, line in enumerate(lines[:-4]):
        if _US_DATE.fullmatch(line.text) and _ADDRESSEE.fullmatch(lines[at + 3].text):
            return at
    return None


def _insert_labels(lines: Sequence[Paragraph], at: int) -> tuple[Paragraph, ...]:
    """Return ``lines`` with labels inserted before the unlabelled values from ``at`` on."""
    day, asker, party, asked = lines[at : at + 4]
    session, by, of = (Paragraph(label) for label in ("Session date:", "Question By:", "Asked Of:"))
    rest = list(lines[at + 4 :])
    named = (i for i in range(1, len(rest)) if rest[i].text == asked.text)
    if answered := next((i for i in named if _ANSWER_FOR.match(rest[i - 1].text)), None):
        rest.insert(answered, Paragraph("Answered By:"))
    return (*lines[:at], session, day, by, asker, party, of, asked, *rest)


def _has_label(lines: Sequence[Paragraph], field: str) -> bool:
    return any(found[0] == field for line in lines if (found := _parse_label(line)))


def _compare_repeated_fields(
    title: str | None, title_again: str | None, session: str | None, meeting: str | None
) -> ReadingComparison:
    """Compare what the page prints twice: the title and the date."""
    titles = compare_fields(_build_title_field(title), _build_title_field(title_again))
    return merge_comparisons({}, (titles, _compare_dates(session, meeting)))


def _compare_dates(session: str | None, meeting: str | None) -> ReadingComparison:
    """Compare the session date with the date in the meeting's name."""
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
    """Return the title as the fields of one reading; above the answer it is printed again."""
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
    """Return the labels that link to other questions, with their values if they have any."""
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
    """Return whether a line is one of the headings between question and answer."""
    text = _ANSWER_FOR.sub("", line.text, count=1)
    found = _parse_label(line)
    return (
        bool(found and found[0] in _VALUELESS_FIELDS)
        or line.text == "Answer"
        or text != line.text
        or (title is not None and normalise_wording(text) == normalise_wording(title))
    )


PAGE = London2014()
