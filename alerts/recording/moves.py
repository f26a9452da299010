"""Questions that the source shows at another address, found by what they say."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions, word_index
from alerts.questions import is_reference_reused, is_same_question
from crawler.records import Question


def use_known_id(
    connection: Connection, question: Question, requested_id: str | None = None
) -> Question:
    """Return ``question`` under the id by which the ledger knows it, if its address changed.

    The address is known, or a redirect led from a known one, or the question is one that the
    ledger has under another address (:func:`alerts.questions.is_same_question`).
    """
    for identity in (question.id, requested_id):
        if identity and (stored := questions.find(connection, identity)):
            return _leave_suspect(connection, question, stored.record)
    moved = _find_moved(connection, question, question.id)
    return _take_id(question, moved) if moved else question


def is_reference_in_doubt(connection: Connection, question: Question) -> bool:
    """Return whether another question of the ledger has the reference of ``question``."""
    found = questions.list_similar(connection, question)
    return any(is_reference_reused(one, question) for one in found if one.id != question.id)


def _find_moved(connection: Connection, question: Question, own_id: str) -> Question | None:
    """Return the question of the ledger that has moved to the address of ``question``."""
    found = questions.list_similar(connection, question)
    same = [one for one in found if one.id != own_id and is_same_question(one, question)]
    return next((one for one in same if one.digest == question.digest), same[0] if same else None)


def _leave_suspect(connection: Connection, question: Question, stored: Question) -> Question:
    """Return ``question`` under its known id, or under that of the question that has moved here.

    A page that was suspect at first could not be recognised. Once it can be read, the record of
    the suspect page is given up for that of the question.
    """
    known = _take_id(question, stored)
    if not stored.suspect or question.suspect:
        return known
    moved = _find_moved(connection, question, stored.id)
    if moved is None or questions.is_referenced(connection, stored.id):
        return known
    questions.replace_identities(connection, stored.id, moved.id)
    word_index.remove_question(connection, stored.id)
    questions.delete_unreferenced(connection, stored.id)
    return _take_id(question, moved)


def _take_id(question: Question, stored: Question) -> Question:
    """Return ``question`` with the id of ``stored``, and with an address if either has one."""
    return msgspec.structs.replace(question, id=stored.id, url=question.url or stored.url)
