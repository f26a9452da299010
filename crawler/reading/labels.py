"""A question page as a reader sees it: lines and visible labels, no element and no class. Pure.

It is the second reading of pages whose markup we know, the only one of pages whose markup we do
not (a rebuilt site, an unlabelled render), and the reading of a page that was saved as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from crawler.reading.comparison import FieldValues
from crawler.reading.dates import read_date
from crawler.reading.items import AnswerItem, Paragraph

#: Labels above a question in the designs since 2019, and the fields that they name.
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
#: A label of the table, known or not, with its value beside it.
_TABLE_ROW = re.compile(r"([^|:]{2,60}): \| (.+)")
_LABEL_LINE = re.compile(rf"({'|'.join(LABEL_FIELDS)})\s*(?:[:|][|\s]*(.*)|$)", re.IGNORECASE)
_TABLE_HEADER = "label | content"
_ANSWER_HEADING = re.compile(r"answers?|answer for .*", re.IGNORECASE)
_DATE = re.compile(r"Date:\s*(.+)", re.IGNORECASE)
_ANSWERED_BY = re.compile(r"Answered by(?:\s*:\s*(.*)|$)", re.IGNORECASE)
#: No label and no heading is longer, with its value beside it.
_MAX_LABEL_LENGTH = 300
_NOT_ANSWERED_YET = "answer not yet available"
#: So many lines after the labels may be the title: one may say "Question" before it.
_TITLE_SEARCH_LINES = 3


class LabelReading(msgspec.Struct, frozen=True):
    """What the lines of a page say."""

    fields: FieldValues
    labels: FieldValues  #: every label, known to us or not, with its value
    lines_above: tuple[str, ...]  #: the lines above the labels
    paragraphs_below: tuple[
        Paragraph, ...
    ]  #: the lines between the labels and the answer's heading
    answers: tuple[AnswerItem, ...]
    has_answer_heading: (
        bool  #: the page has an answer's heading, so the question ends where it begins
    )

    def find_title(self, expected: str | None = None) -> str | None:
        """The line after the labels; the one that is ``expected`` another reading's, if one is."""
        near = [line.text for line in self.paragraphs_below[:_TITLE_SEARCH_LINES]]
        return next((text for text in near if text == expected), near[0] if near else None)

    def find_body(self, title: str | None) -> tuple[Paragraph, ...]:
        """The question's words: what stands below its title."""
        for place, line in enumerate(self.paragraphs_below[:_TITLE_SEARCH_LINES]):
            if line.text == title:
                return self.paragraphs_below[place + 1 :]
        return self.paragraphs_below


def read_labels(lines: Sequence[Paragraph]) -> LabelReading:
    """Read ``lines`` from top to bottom: labels, question, answers."""
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
    """Whether the asker's label has a line to itself and no colon, as in Drupal's fields."""
    return any(line.text.lower() in ("question by", "asked by") for line in lines)


def is_listing(lines: Sequence[Paragraph]) -> bool:
    """Whether these are search results: each row prints labels, but its words are a teaser's."""
    askers = sum(line.text.lower().startswith("question by:") for line in lines)
    return askers > 1 or any(
        line.text.lower() in ("search questions", "filter results") for line in lines
    )


def _parse_label(line: Paragraph) -> tuple[str, str] | None:
    """The label that a line is or begins with, as printed, and the value beside it."""
    if match := _TABLE_ROW.fullmatch(line.text) or _LABEL_LINE.fullmatch(line.text):
        return match[1].strip(), (match[2] or "").strip()
    return None


def _find_label_block(lines: Sequence[Paragraph]) -> tuple[FieldValues, int, int]:
    """The labels of the longest run of them above the answer, where it begins and where it ends.

    What labels above it say is a reading too, and goes first: if it differs, the page is suspect.
    Below it they are words of the question: its "Reference:" is another one's.
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
    """The labels from ``at`` on, and where they end.

    A value may stand on the next line, but not in a table, where an empty cell is empty.
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
    """Whether a line is the answers' heading, or begins the first where there is no heading."""
    text = lines[at].text
    if len(text) <= _MAX_LABEL_LENGTH and (
        _ANSWER_HEADING.fullmatch(text) or text.lower().startswith(_NOT_ANSWERED_YET)
    ):
        return True
    return _is_answer_start(lines, at)


def _is_answer_start(lines: Sequence[Paragraph], at: int) -> bool:
    """Whether an answer begins here: with its date, or with who gave it where no date stands.

    A "Date:" with no date behind it is a word of the text.
    """
    text = lines[at].text
    if len(text) > _MAX_LABEL_LENGTH:
        return False
    if _ANSWERED_BY.fullmatch(text):
        return at == 0 or not (_is_bare_date(lines, at - 1) or _DATE.fullmatch(lines[at - 1].text))
    match = _DATE.fullmatch(text)
    return read_date(match[1]) is not None if match else _is_bare_date(lines, at)


def _is_bare_date(lines: Sequence[Paragraph], at: int) -> bool:
    """Whether a line is an answer's date with no label, as until 2022: it stands above a name."""
    above = at + 1 < len(lines) and _ANSWERED_BY.fullmatch(lines[at + 1].text)
    return bool(above) and read_date(lines[at].text) is not None


def _read_answers(lines: Sequence[Paragraph]) -> list[AnswerItem]:
    """The answers in the lines from the answers' heading on."""
    headings = 0
    while headings < len(lines) and _ANSWER_HEADING.fullmatch(lines[headings].text):
        headings += 1
    rest = lines[headings:]
    begins = [place for place in range(len(rest)) if _is_answer_start(rest, place)]
    cuts = sorted({0, *begins, len(rest)})
    blocks = [rest[a:b] for a, b in pairwise(cuts)]
    return [item for block in blocks if (item := read_answer(block)).body]


def read_answer(lines: Sequence[Paragraph]) -> AnswerItem:
    """One answer block: its first lines may be its date and who answered."""
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
