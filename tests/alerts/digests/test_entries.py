"""What a digest says of each question: what was asked and answered, and what belongs to it."""

from __future__ import annotations

import re
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import msgspec
import pytest

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe
from crawler.records import Answer, Attachment, Question, hash_content
from tests.support.samples import HOLDING_TEXT, make_answer, make_question
from tests.support.service import get_plain_text

IDENTITY = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://demo.example")


def record(ledger: Ledger, now: datetime, *questions: Question) -> None:
    with ledger.writing() as connection:
        readings = [QuestionReading(question) for question in questions]
        record_readings(connection, readings, now, RecordingRules())
    TopicMatcher(ledger).match_new_changes()


def compose(
    ledger: Ledger,
    now: datetime,
    query: str,
    *questions: Question,
    known: tuple[Question, ...] = (),
    identity: MailIdentity = IDENTITY,
) -> tuple[str, str]:
    """The plain text on one line and the HTML of the digest about ``questions``."""
    record(ledger, now, *known)
    with ledger.writing() as connection:
        request = SubscriptionRequest(query, Frequency.IMMEDIATE, "all", "command")
        defaults = SubscriberDefaults("Europe/London", 7)
        subscribe(connection, "ada@demo.example", request, defaults, now)
    record(ledger, now, *questions)
    assert compose_due_digests(ledger, DigestSettings(Templates(), identity), now) == 1
    with ledger.reading() as connection:
        body = decompress_body(connection.execute(message.select()).one().body)
    mail: EmailMessage = BytesParser(policy=policy.default).parsebytes(body)
    html = mail.get_body(("html",))
    assert html is not None
    return " ".join(get_plain_text(mail).split()), html.get_content()


def attach(*files: tuple[str, str]) -> Answer:
    """An answer that has nothing but files, each a title and an address."""
    attachments = tuple(Attachment(*file) for file in files)
    return msgspec.structs.replace(make_answer("See attached."), attachments=attachments)


def of_parliament(number: int, *answers: Answer, **fields: Any) -> Question:
    """A question of another source."""
    made = make_question(number, *answers, **fields)
    changed = {
        "id": f"uk-parliament:/written-questions/{number}",
        "source": "uk-parliament",
        "reference": str(number),
    }
    made = msgspec.structs.replace(made, **changed)
    return msgspec.structs.replace(made, digest=hash_content(made))


def test_an_answer_is_shown_with_the_question_and_its_table_is_summarised(
    ledger: Ledger, now: datetime
) -> None:
    rows = ("Estate | Cost", "Northbank | £5", "Southbank | £6")
    answer = make_answer("The cost by estate would be as follows.", *rows)
    asked = make_question(1, answer, words="What do new benches cost?", title="Ferry benches")
    text, html = compose(ledger, now, "ferry", asked)
    assert "Question: What do new benches cost?" in text
    assert "Answer: The cost by estate would be as follows. [Table of 2 rows: Estate, Cost]" in text
    assert re.search(r"Question</p><p[^>]*>What do new benches cost\?</p>", html)
    assert re.search(r"Answer</p><p[^>]*>The cost by estate would be as follows\. \[Table", html)


@pytest.mark.parametrize(
    ("paragraphs", "shown"),
    [
        (
            ("Estate | Cost", "Northbank | £5"),
            "Answer: [Table of 1 row: Estate, Cost] Read the thread",
        ),
        ((" | ", "Northbank | £5"), "Answer: [Table of 1 row] Read the thread"),
        (("Estate | Cost", "Ferry | £5"), "Answer: *Ferry* | £5 [Table of 1 row: Estate, Cost]"),
        ((" ",), "2026/0001 What does a *ferry* cost? Read the thread"),
    ],
)
def test_an_answer_of_nothing_but_a_table_is_shown_once(
    ledger: Ledger, now: datetime, paragraphs: tuple[str, ...], shown: str
) -> None:
    asked = make_question(1, make_answer(*paragraphs), words="What does a ferry cost?", title="X")
    text, _ = compose(ledger, now, "ferry", asked)
    assert shown in text


def test_the_passage_that_matched_is_shown_under_its_label(ledger: Ledger, now: datetime) -> None:
    answer = make_answer("First. " * 100, "The ferry runs again.")
    text, _ = compose(ledger, now, "ferry", make_question(1, answer, words="Why? " * 100))
    assert "Answer: The *ferry* runs again." in text
    assert "Question: Why?" in text


def test_an_answer_that_begins_with_a_courtesy_says_more(ledger: Ledger, now: datetime) -> None:
    answer = make_answer("Thank you for your question.", "The piers reopen in May.")
    text, _ = compose(ledger, now, "ferry", make_question(1, answer, title="Ferry"))
    assert "Answer: Thank you for your question. The piers reopen in May." in text


def test_a_holding_reply_is_called_so(ledger: Ledger, now: datetime) -> None:
    asked = make_question(1, make_answer(HOLDING_TEXT, holding=True), title="Ferry")
    text, _ = compose(ledger, now, "ferry change:holding", asked)
    assert "Holding reply: Officers are drafting" in text


def test_attached_files_are_named_linked_and_searched(ledger: Ledger, now: datetime) -> None:
    files = ("Minutes", "https://a.example/my minutes.pdf"), ("Ferry plan", "/files/plan.pdf")
    text, html = compose(ledger, now, "ferry", make_question(1, attach(*files)))
    assert "Attached: *Ferry* plan https://replica.example/files/plan.pdf" in text
    assert "Attached: Minutes https://a.example/my%20minutes.pdf" in text
    assert text.index("Ferry* plan") < text.index("Attached: Minutes")
    assert 'href="https://replica.example/files/plan.pdf"' in html
    assert "Found in: attached file." in text


def test_the_field_of_attached_files_finds_nothing_else(ledger: Ledger, now: datetime) -> None:
    by_file = make_question(1, attach(("Ferry plan", "/a.pdf")), title="By file")
    by_title = make_question(2, make_answer("Yes."), title="Ferry by title")
    text, _ = compose(ledger, now, "attachment:ferry", by_file, by_title)
    assert "By file" in text
    assert "by title" not in text


def test_the_sources_of_a_digest_are_named_when_there_are_several(
    ledger: Ledger, now: datetime
) -> None:
    urls = {"london": "https://city.example", "uk-parliament": "https://members.example/questions"}
    identity = msgspec.structs.replace(IDENTITY, site_urls=urls)
    questions = make_question(1, words="Ferry."), of_parliament(2, words="Ferry.")
    text, html = compose(ledger, now, "ferry", *questions, identity=identity)
    for shown in (text, html):
        assert "city.example" in shown
        assert "members.example" in shown


def test_two_sources_are_named_though_neither_has_an_address(ledger: Ledger, now: datetime) -> None:
    questions = make_question(1, words="Ferry."), of_parliament(2, words="Ferry.")
    text, _ = compose(ledger, now, "ferry", *questions)
    assert "question 2026/0001, london " in text
    assert "question 2, uk-parliament " in text


@pytest.mark.slow
def test_one_source_is_not_named(ledger: Ledger, now: datetime) -> None:
    text, _ = compose(ledger, now, "ferry", make_question(1, words="Ferry."))
    assert "question 2026/0001 Ferry" in text.replace("*", "")
    assert "london" not in text.replace("/london:", "")


@pytest.mark.parametrize("title", [None, "", " \u202e\u200b "], ids=["none", "empty", "invisible"])
def test_a_question_without_a_title_is_called_by_its_first_words(
    ledger: Ledger, now: datetime, title: str | None
) -> None:
    asked = make_question(1, words="When will the ferry come back to us?", title=title)
    text, html = compose(ledger, now, "ferry", asked)
    assert "New question When will the ferry come back to us? Ada Brook" in text
    assert '">When will the ferry come back to us?</a>' in html


def test_a_question_without_words_is_called_by_its_reference(ledger: Ledger, now: datetime) -> None:
    asked = make_question(1, make_answer("Ferry."), title=None, question=())
    _, html = compose(ledger, now, "ferry", asked)
    assert '">Question 2026/0001</a>' in html


def test_characters_that_turn_the_direction_of_text_are_left_out(
    ledger: Ledger, now: datetime
) -> None:
    asked = make_question(1, words="Ferry.", title="Ferry \u202efdp.exe\u2066")
    for shown in compose(ledger, now, "ferry", asked):
        assert "fdp.exe" in shown
        assert not {"\u202e", "\u2066"} & set(shown)


def test_the_answer_that_an_answer_refers_to_is_linked_and_quoted(
    ledger: Ledger, now: datetime
) -> None:
    known = make_question(1, make_answer("The piers reopen in May."), title="Piers")
    answer = make_answer("Please refer to my response to Mayor's Question 2026/0001.")
    text, html = compose(
        ledger, now, "ferry", make_question(2, answer, title="Ferry"), known=(known,)
    )
    assert (
        "Answer to: 2026/0001, Piers https://replica.example/questions/1 The piers reopen in May."
        in text
    )
    assert '<a href="https://replica.example/questions/1"' in html


def test_a_reference_to_a_question_without_an_answer_is_linked(
    ledger: Ledger, now: datetime
) -> None:
    answer = make_answer("I will answer MQ2026/0001 and question 2026/0009 soon.")
    text, _ = compose(
        ledger,
        now,
        "ferry",
        make_question(2, answer, title="Ferry"),
        known=(make_question(1, title="Piers"),),
    )
    assert "Not answered yet: 2026/0001, Piers https://replica.example/questions/1" in text
    assert "0009" not in text.partition("Not answered")[2]


def test_references_by_parliaments_numbers_are_known(ledger: Ledger, now: datetime) -> None:
    known = of_parliament(4711, make_answer("The piers reopen in May."), title="Piers")
    text = "I refer the hon. Member to the answer I gave on 3 March to Questions 4711 and 4712."
    answered = of_parliament(4800, make_answer(text), title="Ferry")
    other = make_question(4712, make_answer("Elsewhere."), reference="4712")
    text, _ = compose(ledger, now, "ferry", answered, known=(known, other))
    assert re.search(r"Answer to: 4711, Piers https://\S+ The piers reopen in May\.", text)
    assert "Elsewhere" not in text
