"""Which questions belong together: one that was put, and what follows it up. Pure.

The source prints no link between them: "Supplementary To:" stands there with nothing behind it.
So they are tied where title, meeting and date say so, and left alone where those say two things.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crawler.records import Question, same_words

#: What a supplementary's title has after its parent's: "(Supplementary) [2]", "(Supplementary)",
#: and "[4]" alone (2019/2104-3). A series, "Traffic (1)", is no supplementary.
_FOLLOWS = re.compile(r"(?:\s*\(supplementary\))?(?:\s*\[\d{1,3}\])?\s*$", re.IGNORECASE)


def base_title(title: str) -> str:
    """The title that a question shares with its supplementaries."""
    return _FOLLOWS.sub("", title, count=1).strip() or title


def thread_key(question: Question) -> str | None:
    """What a thread's questions have in common; None where title or date is not known.

    The meeting's name is no part of it: supplementaries of 2014 to 2019 print the date alone.
    """
    if not question.title or not question.meeting or not question.meeting.date:
        return None
    title = same_words(base_title(question.title)).lower()
    return f"{question.meeting.date.isoformat()} {title}"


def parent_of(supplementary: Question, candidates: Sequence[Question]) -> Question | None:
    """The one of ``candidates`` that ``supplementary`` follows up; None when that is not certain.

    Two questions of one meeting can share their title (2021/4339 and 2021/4340): then it is the
    one that was put to the same people, or none.
    """
    key = thread_key(supplementary)
    if key is None:
        return None
    same = [c for c in candidates if c.kind == "question" and thread_key(c) == key]
    if len(same) > 1:
        asked = {a.name for a in supplementary.asked_of}
        same = [c for c in same if {a.name for a in c.asked_of} == asked]
    return same[0] if len(same) == 1 else None


def in_order(thread: Iterable[Question]) -> tuple[Question, ...]:
    """A thread as it is read: questions first, supplementaries by their number."""
    return tuple(
        sorted(
            thread,
            key=lambda q: (q.kind != "question", q.supplementary_number or 0, q.reference or q.id),
        )
    )
