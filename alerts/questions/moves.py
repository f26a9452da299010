"""The same question at another address, and another question with the same reference. Pure.

The source renames its pages: an address is made from the title, may get a counter, and was changed
for the whole archive in December 2022. What a question is does not depend on its address: source,
reference, meeting, asker and words tell it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from crawler.records import Answer, Question, hash_answer, iter_paragraphs, normalise_wording

#: Letters of a text without a reference from which two are one text. Shorter ones ("Thank you. Why
#: is that?") are said more than once at a meeting.
_MIN_DISTINCT_LETTERS = 40
_NUMBERED_REFERENCE = re.compile(r"(\d{1,5}) ?/ ?(\d{1,5})(-\d+)?", re.ASCII)
#: No questions are older than the Assembly, which first met in 2000.
_FIRST_YEAR = 2000


def make_reference_key(reference: str | None) -> str | None:
    """Return a reference in the form in which two are compared; None without one.

    The source printed ``1500/2008`` until 2014 and prints ``2008/1500`` since.
    """
    if not reference or not reference.strip():
        return None
    match = _NUMBERED_REFERENCE.fullmatch(reference.strip())
    if match is None:
        return reference.strip().casefold()
    first, second = sorted((int(match[1]), int(match[2])))
    return f"{first}/{second}{match[3] or ''}"


def is_same_question(stored: Question, reading: Question) -> bool:
    """Return whether two records are of one question, whatever their addresses are.

    Its source, reference, meeting, asker and words are the same. An asker or a meeting that one
    page does not print is no difference. Without a reference on both pages, title, number and
    meeting must be there and be the same, the words must be long enough, and the answers must not
    contradict each other.
    """
    keys = {make_reference_key(stored.reference), make_reference_key(reading.reference)}
    words = _list_words(reading)
    if stored.source != reading.source or not words or _list_words(stored) != words:
        return False
    if None not in keys:
        return (
            len(keys) == 1
            and _may_be_one(_get_asker(stored), _get_asker(reading))
            and _may_be_one(_get_day(stored), _get_day(reading))
        )
    return (
        len(words) >= _MIN_DISTINCT_LETTERS
        and _describe(stored) == _describe(reading)
        and None not in _describe(reading)[:3]
        and not _do_answers_differ(stored, reading)
    )


def is_reference_reused(stored: Question, reading: Question) -> bool:
    """Return whether two different questions have a reference that should be of one.

    A number with a year is given once. Another one may be given again in the next session: there,
    the meeting or the words must be the same too. A supplementary may print its parent's.
    """
    key = make_reference_key(reading.reference)
    return (
        key is not None
        and stored.source == reading.source
        and stored.kind == reading.kind == "question"
        and make_reference_key(stored.reference) == key
        and not is_same_question(stored, reading)
        and (
            _has_year(key)
            or _get_day(stored) == _get_day(reading)
            or _list_words(stored) == _list_words(reading)
        )
    )


def follow_files(stored: Question, reading: Question) -> Question:
    """Return the stored question with its files at the addresses that they have now.

    Files move together with the pages: one with the same title in the same place of the list is the
    same file. Where the question has not moved, another address is another file.
    """
    if stored.url == reading.url:
        return stored
    addresses: dict[str, list[str]] = {}
    for file in (file for answer in reading.answers for file in answer.attachments):
        addresses.setdefault(normalise_wording(file.title), []).append(file.url)

    def move(answer: Answer) -> Answer:
        moved = [
            msgspec.structs.replace(file, url=found.pop(0))
            if (found := addresses.get(normalise_wording(file.title)))
            else file
            for file in answer.attachments
        ]
        return msgspec.structs.replace(answer, attachments=tuple(moved))

    return msgspec.structs.replace(stored, answers=tuple(move(each) for each in stored.answers))


def _list_words(question: Question) -> str:
    return _join(iter_paragraphs(question.question))


def _join(paragraphs: Iterable[str]) -> str:
    return normalise_wording(" ".join(paragraphs)).casefold()


def _describe(question: Question) -> tuple[str | None, str | None, str | None, int | None]:
    """Return title, asker and day of the meeting, and the number of a supplementary."""
    title = _join((question.title,)) if question.title else None
    return title, _get_asker(question), _get_day(question), question.supplementary_number


def _get_asker(question: Question) -> str | None:
    asker = question.asked_by
    return (asker.person or _join((asker.name,))) if asker else None


def _get_day(question: Question) -> str | None:
    day = question.meeting.date if question.meeting else None
    return day.isoformat() if day else None


def _may_be_one(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _do_answers_differ(one: Question, other: Question) -> bool:
    """Return whether both have answers that are no holding replies, and none in common."""
    ours, theirs = (
        {hash_answer(answer) for answer in question.answers if not answer.holding}
        for question in (follow_files(one, other), other)
    )
    return bool(ours) and bool(theirs) and not ours & theirs


def _has_year(key: str) -> bool:
    match = _NUMBERED_REFERENCE.fullmatch(key)
    return bool(match) and max(map(int, key.split("-", maxsplit=1)[0].split("/"))) >= _FIRST_YEAR
