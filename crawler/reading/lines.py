"""A question page as a reader sees it: lines and visible labels, no element and no class. Pure.

It is the second reading of pages whose markup we know, the only one of pages whose markup we do
not (a rebuilt site, an unlabelled render), and the reading of a page that was saved as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from crawler.reading.comparison import Reading
from crawler.reading.dates import read_date
from crawler.reading.items import AnswerItem, Paragraph

#: Labels above a question in the designs since 2019, and the fields that they name.
LABELS: Mapping[str, str] = {
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
_CELLS = re.compile(r"([^|:]{2,60}): \| (.+)")
_LABELLED = re.compile(rf"({'|'.join(LABELS)})\s*(?:[:|][|\s]*(.*)|$)", re.IGNORECASE)
_HEADER = "label | content"
_ANSWER = re.compile(r"answers?|answer for .*", re.IGNORECASE)
_DATE = re.compile(r"Date:\s*(.+)", re.IGNORECASE)
_ANSWERED_BY = re.compile(r"Answered by(?:\s*:\s*(.*)|$)", re.IGNORECASE)
#: No label and no heading is longer, with its value beside it.
_LONGEST_LABEL = 300
_NOT_YET = "answer not yet available"
#: So many lines after the labels may be the title: one may say "Question" before it.
_NEAR = 3


class Seen(msgspec.Struct, frozen=True):
    """What the lines of a page say."""

    fields: Reading
    labels: Reading  #: every label, known to us or not, with its value
    above: tuple[str, ...]  #: the lines above the labels
    below: tuple[Paragraph, ...]  #: the lines between the labels and the answer's heading
    answers: tuple[AnswerItem, ...]
    is_closed: bool  #: the page has an answer's heading, so the question ends where it begins

    def title(self, like: str | None = None) -> str | None:
        """The line after the labels; the one that is ``like`` another reading's, if one is."""
        near = [line.text for line in self.below[:_NEAR]]
        return next((text for text in near if text == like), near[0] if near else None)

    def body(self, title: str | None) -> tuple[Paragraph, ...]:
        """The question's words: what stands below its title."""
        for place, line in enumerate(self.below[:_NEAR]):
            if line.text == title:
                return self.below[place + 1 :]
        return self.below


def see(lines: Sequence[Paragraph]) -> Seen:
    """Read ``lines`` from top to bottom: labels, question, answers."""
    labels, first, at = _longest_head(lines)
    known = {LABELS[k.lower()]: v for k, v in labels.items() if k.lower() in LABELS}
    end = next((i for i in range(at, len(lines)) if _opens_answer(lines, i)), len(lines))
    below = tuple(lines[at:end])
    if below and below[0].text.lower() == "question":
        below = below[1:]
    return Seen(
        fields={name: value for name, value in known.items() if name != "session_name"},
        labels=labels,
        above=tuple(line.text for line in lines[:first]),
        below=below,
        answers=tuple(_answers(lines[end:])),
        is_closed=end < len(lines),
    )


def stands_alone(lines: Sequence[Paragraph]) -> bool:
    """Whether the asker's label has a line to itself and no colon, as in Drupal's fields."""
    return any(line.text.lower() in ("question by", "asked by") for line in lines)


def is_listing(lines: Sequence[Paragraph]) -> bool:
    """Whether these are search results: each row prints labels, but its words are a teaser's."""
    askers = sum(line.text.lower().startswith("question by:") for line in lines)
    return askers > 1 or any(
        line.text.lower() in ("search questions", "filter results") for line in lines
    )


def _label(line: Paragraph) -> tuple[str, str] | None:
    """The label that a line is or begins with, as printed, and the value beside it."""
    if match := _CELLS.fullmatch(line.text) or _LABELLED.fullmatch(line.text):
        return match[1].strip(), (match[2] or "").strip()
    return None


def _longest_head(lines: Sequence[Paragraph]) -> tuple[Reading, int, int]:
    """The labels of the longest run of them above the answer, where it begins and where it ends.

    What labels above it say is a reading too, and goes first: if it differs, the page is suspect.
    Below it they are words of the question: its "Reference:" is another one's.
    """
    runs: list[tuple[Reading, int, int]] = []
    in_table = any(_CELLS.fullmatch(line.text) for line in lines)
    at = 0
    while at < len(lines) and not (runs and _opens_answer(lines, at)):
        labels, end = _head(lines, at, in_table=in_table)
        if labels:
            runs.append((labels, at, end))
        at = max(end, at + 1)
    if not runs:
        return {}, len(lines), len(lines)
    longest = max(runs, key=lambda run: len(run[0]))
    earlier = [run[0] for run in runs[: runs.index(longest)]]
    return longest[0] | {k: v for run in reversed(earlier) for k, v in run.items()}, *longest[1:]


def _head(lines: Sequence[Paragraph], at: int, *, in_table: bool) -> tuple[Reading, int]:
    """The labels from ``at`` on, and where they end.

    A value may stand on the next line, but not in a table, where an empty cell is empty.
    """
    labels: Reading = {}
    while at < len(lines):
        found = _label(lines[at])
        if found is None:
            if lines[at].text.lower() != _HEADER:
                break
            at += 1
            continue
        name, value = found
        at += 1
        if not value and not in_table and at < len(lines) and not _label(lines[at]):
            value = lines[at].text
            at += 1
        if value:
            labels.setdefault(name, value)
    return labels, at


def _opens_answer(lines: Sequence[Paragraph], at: int) -> bool:
    """Whether a line is the answers' heading, or begins the first where there is no heading."""
    text = lines[at].text
    if len(text) <= _LONGEST_LABEL and (
        _ANSWER.fullmatch(text) or text.lower().startswith(_NOT_YET)
    ):
        return True
    return _begins_answer(lines, at)


def _begins_answer(lines: Sequence[Paragraph], at: int) -> bool:
    """Whether an answer begins here: with its date, or with who gave it where no date stands.

    A "Date:" with no date behind it is a word of the text.
    """
    text = lines[at].text
    if len(text) > _LONGEST_LABEL:
        return False
    if _ANSWERED_BY.fullmatch(text):
        return at == 0 or not (_is_bare_date(lines, at - 1) or _DATE.fullmatch(lines[at - 1].text))
    match = _DATE.fullmatch(text)
    return read_date(match[1]) is not None if match else _is_bare_date(lines, at)


def _is_bare_date(lines: Sequence[Paragraph], at: int) -> bool:
    """Whether a line is an answer's date with no label, as until 2022: it stands above a name."""
    above = at + 1 < len(lines) and _ANSWERED_BY.fullmatch(lines[at + 1].text)
    return bool(above) and read_date(lines[at].text) is not None


def _answers(lines: Sequence[Paragraph]) -> list[AnswerItem]:
    """The answers in the lines from the answers' heading on."""
    headings = 0
    while headings < len(lines) and _ANSWER.fullmatch(lines[headings].text):
        headings += 1
    rest = lines[headings:]
    begins = [place for place in range(len(rest)) if _begins_answer(rest, place)]
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
    if lines and lines[0].text.lower().startswith(_NOT_YET):
        lines = ()
    return AnswerItem(answered_by=by, date=date, body=tuple(lines))
