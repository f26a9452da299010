"""Readings that say less than the stored question: a page that was cut looks like this. Pure."""

from __future__ import annotations

from alerts.questions.minor_edits import differs_to_readers
from alerts.questions.moves import follow_files
from crawler.records import (
    Answer,
    Question,
    hash_answer,
    hash_question,
    join_wording,
    normalise_wording,
)


def is_shortened(stored: Question, reading: Question) -> bool:
    """Return whether a reading says less than the stored question and nothing else.

    It does if each of its texts is the stored text or a beginning of it, and an end of a text, an
    answer or an attachment is gone. A page that was cut on its way looks like this, and so does a
    rare real edit. A full stop less is no end of a text. Holding replies are left out where there
    is an answer: they go when it comes.

    Args:
        stored: The question in the ledger.
        reading: The question as read now.
    """
    stored = follow_files(stored, reading)
    begins = _begins(reading.title or "", stored.title or "") and _begins(
        join_wording(reading.question), join_wording(stored.question)
    )
    before, after = _list_answers(stored), _list_answers(reading)
    if not begins or not differs_to_readers(stored, reading):
        return False
    rest = iter(before)
    if not all(any(_is_part(old, new) for old in rest) for new in after):
        return False
    return hash_question(stored) != hash_question(reading) or (
        [hash_answer(a) for a in before] != [hash_answer(a) for a in after]
    )


def _begins(text: str, whole: str) -> bool:
    """Return whether ``text``, apart from dots at its end, is how ``whole`` begins."""
    return normalise_wording(whole).startswith(normalise_wording(text).rstrip("."))


def _is_part(whole: Answer, answer: Answer) -> bool:
    """Return whether ``answer`` is ``whole`` or a beginning of it, without more attachments."""
    files = {attachment.url for attachment in whole.attachments}
    return all(attachment.url in files for attachment in answer.attachments) and _begins(
        join_wording(answer.speeches), join_wording(whole.speeches)
    )


def _list_answers(question: Question) -> list[Answer]:
    """Return the answers of a question, or its holding replies if it has no answer."""
    return [a for a in question.answers if not a.holding] or list(question.answers)
