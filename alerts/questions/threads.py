"""Which questions belong together: a question and the supplementaries put after it. Pure.

No page names its parent in any way that we could read, so title, meeting and date have to say it.
Where they leave a choice there is no thread: a supplementary under the wrong question is worse
than one that stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crawler.records import Question, normalise_wording

#: What a supplementary's title adds to its parent's. "(1)" alone is none: "Traffic (1)" and
#: "Traffic (2)" are a series of main questions; and "[2019]" is a year.
_SUPPLEMENTARY_MARK = re.compile(
    r"(?:\(supplementary\)(?:\s*\([0-9]{1,3}\))?|\[[0-9]{1,3}\])\s*$", re.IGNORECASE
)
_MAX_MARK_LENGTH = 30


def strip_supplementary_mark(title: str) -> str:
    """``title`` without what marks a supplementary: ``Knife crime (Supplementary) [2]``."""
    title = " ".join(title.split())
    end = len(title)
    while mark := _SUPPLEMENTARY_MARK.search(title, max(0, end - _MAX_MARK_LENGTH), end):
        end = mark.start()
    return title[:end].rstrip()


def make_thread_key(question: Question) -> str | None:
    """What all questions of one thread have in common; None where title or date is unknown.

    Several threads can share a key: the same title is used by many, also at one meeting.
    """
    base = normalise_wording(strip_supplementary_mark(question.title or "")).casefold()
    day = question.meeting.date if question.meeting else None
    return f"{question.source}:{day}:{base}" if base and day else None


def find_parent(supplementary: Question, candidates: Sequence[Question]) -> Question | None:
    """The one main question that ``supplementary`` follows; None where that is not certain.

    Of several with the same title, meeting and date it is the one put to the same people.
    """
    key = make_thread_key(supplementary)
    if key is None or supplementary.kind != "supplementary":
        return None
    found = [c for c in candidates if c.kind == "question" and make_thread_key(c) == key]
    if len(found) > 1:
        found = [c for c in found if _list_addressees(c) == _list_addressees(supplementary)]
    return found[0] if len(found) == 1 else None


def sort_thread(thread: Iterable[Question]) -> tuple[Question, ...]:
    """A thread as it is read: the question, then its supplementaries by number.

    Those whose title has no number come last, in the order in which they were given.
    """
    return tuple(sorted(thread, key=_sort_key))


def _sort_key(question: Question) -> tuple[bool, bool, int]:
    number = question.supplementary_number
    return question.kind == "supplementary", number is None, number or 0


def _list_addressees(question: Question) -> frozenset[str]:
    """Those asked, by name: one person's role is printed in several ways."""
    return frozenset(normalise_wording(a.name).casefold() for a in question.asked_of)
