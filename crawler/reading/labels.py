"""The reading of a question page by its visible lines and labels, without its markup. Pure.

It is the second reading of pages whose markup we know, and the only one of pages whose markup we
do not know (a rebuilt site) or that were saved as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from crawler.reading.comparison import FieldValues
from crawler.reading.dates import read_date
from crawler.reading.items import AnswerItem, Paragraph

#: Labels above a question in the designs since 2019, in lower case, and the fields they name.
LABEL_FIELDS: Mapping[str, str] = {
    "reference": "reference",
    "question by": "asked_by",
    "asked by": "asked_by",
    "organisation": "party",
    "party": "party",
    "asked of": "asked_of",
    "category": "category",
    "meeting": "meeting",
    "meeting date": "session_date",
    "session date": "session_date",
    "session name": "session_name",
}
#: A row of the table of labels: ``Reference: | 2018/5425``.
_TABLE_ROW = re.compile(r"([^|:]{2,60}): \| (.+)")
_LABEL_LINE = re.compile(rf"({'|'.join(LABEL_FIELDS)})\s*(?:[:|][|\s]*(.*)|$)", re.IGNORECASE)
_TABLE_HEADER = "label | content"
_ANSWER_HEADING = re.compile(r"answers?|answer for .*", re.IGNORECASE)
_DATE = re.compile(r"Date:\s*(.+)", re.IGNORECASE)
_ANSWERED_BY = re.compile(r"Answered by(?:\s*:\s*(.*)|$)", re.IGNORECASE)
#: Characters. No label with its value, and no heading, is longer; a longer line is text.
_MAX_LABEL_LENGTH = 300
_NOT_ANSWERED_YET = "answer not yet available"
#: The title is one of the first lines after the labels; a line "Question" may stand before it.
_TITLE_SEARCH_LINES = 3


class LabelReading(msgspec.Struct, frozen=True):
    """The result of reading a page by its labels."""

    fields: FieldValues
    labels: FieldValues  #: every label, also unknown ones, with its value
    lines_above: tuple[str, ...]  #: the lines above the labels
    paragraphs_below: tuple[Paragraph, ...]  #: between the labels and the heading of the answers
    answers: tuple[AnswerItem, ...]
    #: The page has a heading or a first line of the answers, so the end of the question is known.
    has_answer_heading: bool

    def find_title(self, expected: str | None = None) -> str | None:
        """Return the title, None if no line follows the labels.

        It is the line that equals ``expected``, the title by another reading, or else the first
        line after the labels.
        """
        near = [line.text for line in self.paragraphs_below[:_TITLE_SEARCH_LINES]]
        return next((text for text in near if text == expected), near[0] if near else None)

    def find_body(self, title: str | None) -> tuple[Paragraph, ...]:
        """Return the question's text: the lines below its title."""
        for place, line in enumerate(self.paragraphs_below[:_TITLE_SEARCH_LINES]):
            if line.text == title:
                return self.paragraphs_below[place + 1 :]
        return self.paragraphs_below


def read_labels(lines: Sequence[Paragraph]) -> LabelReading:
    """Read the lines of a page from top to bottom: labels, question, answers."""
    labels, first, at = _find_label_block(lines)
    known = {LABEL_FIELDS[k.lower()]: v for k, v in labels.items() if k.lower() in LABEL_FIELDS}
    end = next((i for i in range(at, len(lines)) if _is_answer_section_start(lines, i)), len(lines))
    below = tuple(lines[at:end])
    if below and below[0].text.lower() == "question":
        below = below[1:]
    return LabelReading(
        fields={name: value for name, value in known.items() if name != "session_name"},
        labels=labels,
        lines_above=tuple(line.text for line in lines[:first]),
        paragraphs_below=below,
        answers=tuple(_read_answers(lines[end:])),
        has_answer_heading=end < len(lines),
    )


def has_bare_asker_label(lines: Sequence[Paragraph]) -> bool:
    """Return whether the asker's label stands alone on a line, without a colon.

    So Drupal prints the labels of its fields (the design of 2019).
    """
    return any(line.text.lower() in ("question by", "asked by") for line in lines)


def is_listing(lines: Sequence[Paragraph]) -> bool:
    """Return whether these are search results, whose rows print labels above a shortened text."""
    askers = sum(line.text.lower().startswith("question by:") for line in lines)
    return askers > 1 or any(
        line.text.lower() in ("search questions", "filter results") for line in lines
    )


def _parse_label(line: Paragraph) -> tuple[str, str] | None:
    """Return the label of a line, as printed, and the value beside it; None without a label."""
    if match := _TABLE_ROW.fullmatch(line.text) or _LABEL_LINE.fullmatch(line.text):
        return match[1].strip(), (match[2] or "").strip()
    return None


def _find_label_block(lines: Sequence[Paragraph]) -> tuple[FieldValues, int, int]:
    """Find the longest run of labels above the answers.

    Values of labels above that run take precedence: if they differ from the structure's, the page
    is suspect. Labels below it are text of the question: a "Reference:" there is that of another
    question.

    Returns:
        The labels with their values, the first line of the run, and the line after it.
    """
    runs: list[tuple[FieldValues, int, int]] = []
    in_table = any(_TABLE_ROW.fullmatch(line.text) for line in lines)
    at = 0
    while at < len(lines) and not (runs and _is_answer_section_start(lines, at)):
        labels, end = _read_label_block(lines, at, in_table=in_table)
        if labels:
            runs.append((labels, at, end))
        at = max(end, at + 1)
    if not runs:
        return {}, len(lines), len(lines)
    longest = max(runs, key=lambda run: len(run[0]))
    earlier = [run[0] for run in runs[: runs.index(longest)]]
    return longest[0] | {k: v for run in reversed(earlier) for k, v in run.items()}, *longest[1:]


def _read_label_block(
    lines: Sequence[Paragraph], at: int, *, in_table: bool
) -> tuple[FieldValues, int]:
    """Return the labels from line ``at`` on, and the line after them.

    A value may stand on the line after its label, but not in a table, whose cells may be empty.
    """
    labels: FieldValues = {}
    while at < len(lines):
        found = _parse_label(lines[at])
        if found is None:
            if lines[at].text.lower() != _TABLE_HEADER:
                break
            at += 1
            continue
        name, value = found
        at += 1
        if not value and not in_table and at < len(lines) and not _parse_label(lines[at]):
            value = lines[at].text
            at += 1
        if value:
            labels.setdefault(name, value)
    return labels, at


def _is_answer_section_start(lines: Sequence[Paragraph], at: int) -> bool:
    """Return whether a line is the heading of the answers, or starts the first answer."""
    text = lines[at].text
    if len(text) <= _MAX_LABEL_LENGTH and (
        _ANSWER_HEADING.fullmatch(text) or text.lower().startswith(_NOT_ANSWERED_YET)
    ):
        return True
    return _is_answer_start(lines, at)


def _is_answer_start(lines: Sequence[Paragraph], at: int) -> bool:
    """Return whether an answer starts here: with its date or, if it has none, with its author.

    "Date:" without a date is part of the text.
    """
    text = lines[at].text
    if len(text) > _MAX_LABEL_LENGTH:
        return False
    if _ANSWERED_BY.fullmatch(text):
        return at == 0 or not (_is_bare_date(lines, at - 1) or _DATE.fullmatch(lines[at - 1].text))
    match = _DATE.fullmatch(text)
    return read_date(match[1]) is not None if match else _is_bare_date(lines, at)


def _is_bare_date(lines: Sequence[Paragraph], at: int) -> bool:
    """Return whether a line is an answer's date without a label, above "Answered by".

    Pages until 2022 print it so.
    """
    above = at + 1 < len(lines) and _ANSWERED_BY.fullmatch(lines[at + 1].text)
    return bool(above) and read_date(lines[at].text) is not None


def _read_answers(lines: Sequence[Paragraph]) -> list[AnswerItem]:
    """Return the answers in ``lines``, which start with their heading."""
    headings = 0
    while headings < len(lines) and _ANSWER_HEADING.fullmatch(lines[headings].text):
        headings += 1
    rest = lines[headings:]
    begins = [place for place in range(len(rest)) if _is_answer_start(rest, place)]
    cuts = sorted({0, *begins, len(rest)})
    blocks = [rest[a:b] for a, b in pairwise(cuts)]
    return [item for block in blocks if (item := read_answer(block)).body]


def read_answer(lines: Sequence[Paragraph]) -> AnswerItem:
    """Return one answer. Its first lines may be its date and its author."""
    date: str | None = None
    by: str | None = None
    while lines:
        if date is None and (match := _DATE.fullmatch(lines[0].text)):
            date = match[1]
        elif date is None and by is None and _is_bare_date(lines, 0):
            date = lines[0].text
        elif by is None and (match := _ANSWERED_BY.fullmatch(lines[0].text)):
            by = match[1] or ""
            if not by and len(lines) > 1:
                lines = lines[1:]
                by = lines[0].text
        else:
            break
        lines = lines[1:]
    if lines and lines[0].text.lower().startswith(_NOT_ANSWERED_YET):
        lines = ()
    return AnswerItem(answered_by=by, date=date, body=tuple(lines))
