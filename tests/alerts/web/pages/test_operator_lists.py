"""The operator's pages about changes, crawls, messages, topics, the log and settings."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import insert

from alerts.ledger import (
    changes,
    crawl_runs,
    deliveries,
    held_changes,
    message_lists,
    messages,
    publication,
    subscriptions,
    topics,
)
from alerts.ledger.crawl_runs import CrawlResult
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.subscribers import subscribe
from tests.support.operator_session import Operator
from tests.support.samples import make_answer, make_question
from tests.support.web_client import SUBSCRIBER_DEFAULTS, WebClient

ADA = "ada@demo.example"


@pytest.fixture
def operator(site: WebClient) -> Operator:
    return Operator.sign_in(site)


def add_message(operator: Operator, number: int, phase: messages.MessagePhase) -> None:
    now = operator.pages.now
    with operator.pages.ledger.writing() as connection:
        person = subscriptions.ensure_subscriber(connection, ADA, "UTC", 7, now)
        values = {
            "id": number,
            "subscriber_id": person.id,
            "kind": "digest",
            "key": f"digest {number}",
            "message_id": f"<{number}@demo.example>",
            "recipient": ADA,
            "subject": f"Subject {number}",
            "body": b"",
            "phase": "queued",
            "attempts": 0,
            "due_at": now,
            "composed_at": now,
        }
        connection.execute(insert(message).values(**values))
        outcome: messages.DeliveryOutcome = "sent" if phase == "sent" else "failed"
        attempt = DeliveryAttempt(outcome, f"reply {number}", phase, now)
        deliveries.record_attempts(connection, [(number, attempt, now)])


def read_phases(operator: Operator) -> dict[int, str]:
    with operator.pages.ledger.reading() as connection:
        return {one.id: one.phase for one in message_lists.list_messages(connection, 50)}


class TestMessages:
    def test_lists_by_state_with_masked_addresses(self, operator: Operator) -> None:
        add_message(operator, 1, "sent")
        add_message(operator, 2, "failed")
        add_message(operator, 3, "in_doubt")
        html = operator.see("/operator/messages")
        assert all(f"Subject {number}" in html for number in (1, 2, 3))
        assert ADA not in html
        assert "a...@demo.example" in html
        failed = operator.see("/operator/messages?show=failed")
        assert "Subject 2" in failed
        assert "reply 2" in failed
        assert "Subject 1" not in failed
        assert "Subject 1" in operator.see("/operator/messages?show=sent")
        assert "There is no such message." in operator.see("/operator/messages?show=dropped")

    @pytest.mark.slow
    def test_failed_ones_are_sent_again_one_by_one_or_together(self, operator: Operator) -> None:
        for number in (1, 2, 3):
            add_message(operator, number, "failed")
        path = "/operator/messages"
        status, _, location, _ = operator.send(
            f"{path}?show=failed", action="retry-messages", messages="1"
        )
        assert (status, location) == (303, f"{path}?show=failed")  # the list that was shown
        assert "Send these 2 again" in operator.see(f"{path}?show=failed")
        said = operator.press(path, action="retry-messages", messages="2 3")
        assert said == "2 messages wait to be sent again."
        assert set(read_phases(operator).values()) == {"queued"}
        assert operator.pages.wanted_deliveries == 2
        assert operator.press(path, action="retry-messages", messages="1 x 99") == (
            "Nothing was done."
        )

    def test_those_in_doubt_are_settled(self, operator: Operator) -> None:
        add_message(operator, 1, "in_doubt")
        add_message(operator, 2, "failed")
        said = operator.press("/operator/messages", action="settle-messages", messages="1 2")
        assert said == "1 message counts as sent."
        assert read_phases(operator) == {1: "sent", 2: "failed"}

    def test_the_overview_counts_them_by_day(self, operator: Operator) -> None:
        add_message(operator, 1, "sent")
        add_message(operator, 2, "sent")
        add_message(operator, 3, "failed")
        html = operator.see()
        assert "2 sent, 1 failed." in html
        assert "reply 3" in html


class TestChanges:
    def hold(self, operator: Operator) -> None:
        pages = operator.pages
        pages.publish_questions(make_question(1, make_answer("Yes."), title="Benches in parks"))
        with pages.ledger.writing() as connection:
            rules = RecordingRules(hold=True)
            changed = make_question(1, make_answer("Yes."), title="Seats in parks")
            record_readings(connection, [QuestionReading(changed)], pages.now, rules)
            held_changes.hold_for_approval(connection, "london", "drift")
            fresh = [QuestionReading(make_question(n, title=f"New {n}")) for n in (2, 3)]
            record_readings(connection, fresh, pages.now, rules)
            held_changes.hold_for_approval(connection, "london", "flood")

    def test_each_is_shown_with_what_it_corrects(self, operator: Operator) -> None:
        self.hold(operator)
        html = operator.see("/operator/changes")
        assert "<del>Benches</del>" in html
        assert "<ins>Seats</ins>" in html
        assert "The crawl seems to have misread its pages" in html
        assert "New 3" in html

    @pytest.mark.slow
    def test_they_are_published_by_reason_or_all_together(self, operator: Operator) -> None:
        self.hold(operator)
        with operator.pages.ledger.reading() as connection:
            newest = changes.get_newest_seq(connection)
        path = "/operator/changes"
        said = operator.press(path, action="approve", source="london", reason="flood")
        assert said == "2 changes are published and subscribers are notified."
        assert operator.press(path, action="approve", reason="crawl") == "Nothing was done."
        assert operator.press(path, action="approve-silently") == (
            "1 change is published without notifying subscribers."
        )
        with operator.pages.ledger.reading() as connection:
            assert changes.get_newest_seq(connection) == newest + 3
            assert held_changes.list_awaiting_approval(connection) == []
        assert "No change waits for your approval." in operator.see(path)


class TestCrawls:
    @pytest.mark.slow
    def test_the_history_has_durations_verdicts_and_what_was_found(
        self, operator: Operator
    ) -> None:
        now = operator.pages.now
        with operator.pages.ledger.writing() as connection:
            for number in range(55):
                begun = now - timedelta(hours=60 - number)
                run = crawl_runs.start_run(connection, "london", begun)
                counts = {"asked": 3} if number == 54 else {}
                result = CrawlResult("ok", "read 7 pages", "null", True, counts)
                crawl_runs.finish_run(connection, run, result, begun + timedelta(seconds=252))
            crawl_runs.start_run(connection, "paris", now, "backfill")
        html = operator.see("/operator/crawls")
        assert "4 min 12 s" in html
        assert "3 asked" in html
        assert "Backfill" in html
        assert "not ended" in html
        assert "paris" not in operator.see("/operator/crawls?source=london")
        older = re.search(r'rel="next" href="([^"]+)"', html)
        assert older is not None
        assert "read 7 pages" in operator.see(older[1].replace("&amp;", "&"))

    @pytest.mark.slow
    def test_an_empty_service_has_pages(self, operator: Operator) -> None:
        for path in ("", "/changes", "/crawls", "/messages", "/subscribers", "/topics"):
            operator.see(f"/operator{path}")
        assert "No message was sent in these days." in operator.see()


class TestTopics:
    @pytest.mark.slow
    def test_they_are_found_published_and_hidden(self, operator: Operator) -> None:
        pages = operator.pages
        with pages.ledger.writing() as connection:
            for query in ("benches", "trams", "100% lime"):
                request = SubscriptionRequest(query, Frequency.DAILY, "all", "page")
                subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, pages.now)
        path = "/operator/topics"
        assert "benches" in operator.see(path)
        assert "trams" not in operator.see(f"{path}?q=BENCH")
        assert "trams" not in operator.see(f"{path}?q=100%25")
        with pages.ledger.reading() as connection:
            [slug] = [one.slug for one in topics.list_all(connection) if one.title == "benches"]
        assert pages.request_text("GET", f"/topic/{slug}")[0] == 404
        assert operator.press(path, action="publish-topic", topic=slug) == "“benches” is public."
        assert pages.request_text("GET", f"/topic/{slug}")[0] == 200
        assert "trams" not in operator.see(f"{path}?show=public")
        said = operator.press(path, action="hide-topic", topic=slug)
        assert said == "“benches” is private. Alerts go on."
        assert pages.request_text("GET", f"/topic/{slug}")[0] == 410
        assert "benches" in operator.see(f"{path}?show=hidden")

    @pytest.mark.slow
    def test_a_query_is_published_for_nobody_and_ends_when_hidden(self, operator: Operator) -> None:
        path = "/operator/topics"
        assert operator.press(path, action="publish-topic", topic="lime <b>") != ""
        assert operator.press(path, action="publish-topic", topic="lime trees") == (
            "“lime trees” is public."
        )
        with operator.pages.ledger.reading() as connection:
            state = next(
                one for one in publication.list_states(connection) if one.title == "lime trees"
            )
        said = operator.press(path, action="hide-topic", topic=state.slug)
        assert said.endswith("so it has ended.")
        assert operator.press(path, action="hide-topic", topic="nothing at all").startswith(
            "Nothing was done"
        )
        assert operator.press(path, action="publish-topic", topic="(lime").startswith(
            "“(lime” cannot be published"
        )


class TestSettings:
    def test_the_config_is_shown_as_the_service_describes_it(self, operator: Operator) -> None:
        html = operator.see("/operator/settings")
        assert "watchword secrets rotate" in html
        assert "Sign out on all devices" in html


def test_a_form_of_an_old_page_does_nothing_and_says_so(operator: Operator) -> None:
    body = b"action=pause-sending&csrf=wrong"
    status, html = operator.pages.request_text(
        "POST",
        "/operator/messages",
        body.decode(),
        "application/x-www-form-urlencoded",
        {"Cookie": operator.cookie},
    )
    assert status == 403
    assert "This form has expired" in html
    assert "Resume sending" not in operator.see()


def test_one_signs_in_at_the_page_that_was_asked_for(site: WebClient) -> None:
    status, html = site.request_text("GET", "/operator/topics")
    assert status == 200
    assert 'action="/operator/topics"' in html
    Operator.sign_in(site, "/operator/topics")


def test_a_message_of_another_browser_is_not_shown(operator: Operator) -> None:
    forged = {"Cookie": f"{operator.cookie}; operator-message=PGI-aGFjazwvYj4.aaaa.bbbb"}
    html = operator.pages.request_text("GET", "/operator", headers=forged)[1]
    assert 'role="status"' not in html


@pytest.mark.slow
def test_no_page_grows_with_the_number_of_subscribers(operator: Operator) -> None:
    pages = operator.pages
    with pages.ledger.writing() as connection:
        for number in range(300):
            request = SubscriptionRequest(f"word{number}", Frequency.DAILY, "all", "page")
            email = f"reader{number}@demo.example"
            subscribe(connection, email, request, SUBSCRIBER_DEFAULTS, pages.now)
    for number in range(1, 301):
        add_message(operator, number, "failed")
    for path in ("", "/messages?show=failed", "/subscribers", "/subscribers/301", "/topics"):
        html = operator.see(f"/operator{path}")
        assert len(html.encode()) < 60_000, path
        assert html.count("<tr>") < 120, path
