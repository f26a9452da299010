"""The words that spellings are compared with are kept until the archive has others."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, text

from alerts.ledger import Ledger, word_index
from alerts.ledger.schema import takedown
from tests.support.samples import make_question
from tests.support.web_client import WebClient


def list_words(ledger: Ledger, prefix: str) -> set[str]:
    with ledger.reading() as connection:
        return set(word_index.list_keys_with_prefix(connection, prefix))


def test_a_new_word_is_known_at_once_through_every_connection(site: WebClient) -> None:
    site.publish_questions(make_question(1, words="The tramlines."))
    other = site.ledger.open_beside(readers=2, writers=1)
    assert list_words(other, "wxt") == list_words(site.ledger, "wxt") >= {"wxtramlines"}
    site.publish_questions(make_question(2, words="The trolleys."))
    for ledger in (other, site.ledger):
        assert list_words(ledger, "wxt") >= {"wxtramlines", "wxtrolleys"}
        assert list_words(ledger, "wxq") == list_words(ledger, "wxq")
    other.close()


def test_a_word_that_only_a_question_taken_down_had_is_forgotten(
    site: WebClient, now: datetime
) -> None:
    site.publish_questions(make_question(1, words="The tramlines."))
    assert "wxtramlines" in list_words(site.ledger, "wxt")
    with site.ledger.writing() as connection:
        connection.execute(text("DELETE FROM word"))
        word_index.forget_words(connection, ["wxtramlines"])
        row = {"question_id": make_question(1).id, "taken_down_at": now, "reason": ""}
        connection.execute(insert(takedown), row | {"content_digest": ""})
    assert "wxtramlines" not in list_words(site.ledger, "wxt")
