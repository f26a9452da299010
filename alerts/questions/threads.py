"""Threads: a question and its supplementaries. Pure.

No page names its parent in a form that can be read, so title, meeting and date decide. Where they
leave a choice there is no thread: a supplementary under the wrong question is worse than one
without a parent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crawler.records import Question, normalise_wording

#: What a supplementary's title adds to that of its parent. Not "(1)": "Traffic (1)" and "Traffic
#: (2)" are main questions. Not "[2019]", which is a year.
_SUPPLEMENTARY_MARK = re.compile(
    r"(?:\(supplementary\)(?:\s*\([0-9]{1,3}\))?|\[[0-9]{1,3}\])\s*$", re.IGNORECASE
)
#: Characters from the end of a title that are searched for a mark: "(Supplementary) (123)" has 21.
_MAX_MARK_LENGTH = 30


def strip_supplementary_mark(title: str) -> str:
    """Return ``title`` without marks of a supplementary.

    ``Knife crime (Supplementary) [2]`` becomes ``Knife crime``.
    """
    title = " ".join(title.split())
    end = len(title)
    while mark := _SUPPLEMENTARY_MARK.search(title, max(0, end - _MAX_MARK_LENGTH), end):
        end = mark.start()
    return title[:end].rstrip()


def make_thread_key(question: Question) -> str | None:
    """Return a key that all questions of a thread share, None if title or date is unknown.

    Several threads can have the same key: a title is used by several members, also at one meeting.
    """
    base = normalise_wording(strip_supplementary_mark(question.title or "")).casefold()
    day = question.meeting.date if question.meeting else None
    return f"{question.source}:{day}:{base}" if base and day else None


def find_parent(supplementary: Question, candidates: Sequence[Question]) -> Question | None:
    """Return the main question that ``supplementary`` follows, None if that is not certain.

    Of several with the same title, meeting and date, it is the one put to the same people.
    """
    key = make_thread_key(supplementary)
    if key is None or supplementary.kind != "supplementary":
        return None
    found = [c for c in candidates if c.kind == "question" and make_thread_key(c) == key]
    if len(found) > 1:
        found = [c for c in found if _list_addressees(c) == _list_addressees(supplementary)]
    return found[0] if len(found) == 1 else None


def sort_thread(thread: Iterable[Question]) -> tuple[Question, ...]:
    """Return a thread in order: the question, then its supplementaries by number.

    Supplementaries without a number come last, in the order given.
    """
    return tuple(sorted(thread, key=_sort_key))


def _sort_key(question: Question) -> tuple[bool, bool, int]:
    number = question.supplementary_number
    return question.kind == "supplementary", number is None, number or 0


def _list_addressees(question: Question) -> frozenset[str]:
    """Return the names of the addressees, without roles, which are printed in several ways."""
    return frozenset(normalise_wording(a.name).casefold() for a in question.asked_of)
