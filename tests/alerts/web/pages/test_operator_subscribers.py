"""The operator's pages about subscribers: what they show, and what each button does."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from alerts.ledger import (
    bounces,
    message_lists,
    operator_actions,
    personal_data,
    subscriptions,
)
from alerts.ledger.bounces import Bounce
from alerts.ledger.schema import subscriber
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.subscribers import subscribe
from tests.support.operator_session import Operator
from tests.support.web_client import SUBSCRIBER_DEFAULTS, WebClient

ADA, BEN = "ada@demo.example", "ben@demo.example"
LIST = "/operator/subscribers"


@pytest.fixture
def operator(site: WebClient) -> Operator:
    with site.ledger.writing() as connection:
        for email, query in ((ADA, "benches"), (ADA, "trams"), (BEN, "benches")):
            request = SubscriptionRequest(query, Frequency.DAILY, "all", "page")
            subscribe(connection, email, request, SUBSCRIBER_DEFAULTS, site.now)
    return Operator.sign_in(site)


def find_id(operator: Operator, email: str) -> int:
    with operator.pages.ledger.reading() as connection:
        found = subscriptions.find_subscriber_by_email(connection, email)
    assert found is not None
    return found.id


def list_alerts(operator: Operator, email: str) -> dict[str, bool]:
    """The active alerts, and whether each is paused."""
    with operator.pages.ledger.reading() as connection:
        active = subscriptions.list_active(connection, find_id(operator, email))
    return {one.query: one.paused_at is not None for one in active}


def press(operator: Operator, email: str, action: str, **fields: str) -> str:
    key = find_id(operator, email)
    return operator.press(f"{LIST}/{key}", action=action, subscriber=str(key), **fields)


def test_lists_mask_addresses_and_the_page_of_a_subscriber_shows_theirs(
    operator: Operator,
) -> None:
    listed = operator.see(LIST)
    assert "a...@demo.example" in listed
    assert ADA not in listed
    page = operator.see(f"{LIST}/{find_id(operator, ADA)}")
    assert f"<h1>{ADA}</h1>" in page
    assert "benches" in page
    assert BEN not in page


@pytest.mark.slow
def test_an_address_is_found_by_a_part_of_it_and_is_in_no_address_of_a_page(
    operator: Operator,
) -> None:
    key = find_id(operator, ADA)
    status, _, location, _ = operator.send(LIST, action="find-subscriber", text="ADA@")
    assert (status, location) == (303, f"{LIST}/{key}")
    status, _, _, html = operator.send(LIST, action="find-subscriber", text="demo.example")
    assert status == 200
    assert "2 addresses found." in html
    assert "0 addresses found." in operator.send(LIST, action="find-subscriber", text="%")[3]


@pytest.mark.slow
def test_alerts_are_paused_resumed_and_ended_after_a_question(operator: Operator) -> None:
    with operator.pages.ledger.reading() as connection:
        active = subscriptions.list_active(connection, find_id(operator, ADA))
    topic = str({one.query: one.topic_id for one in active}["trams"])
    assert press(operator, ADA, "pause-alerts", topic=topic) == "1 alert paused."
    assert list_alerts(operator, ADA) == {"benches": False, "trams": True}
    assert press(operator, ADA, "pause-alerts") == "1 alert paused."
    assert press(operator, ADA, "resume-alerts") == "2 alerts resumed."
    key = str(find_id(operator, ADA))
    status, _, _, html = operator.send(
        f"{LIST}/{key}", action="unsubscribe", subscriber=key, topic=topic
    )
    assert status == 200
    assert f"End 1 alert of {ADA}?" in html
    assert list_alerts(operator, ADA) == {"benches": False, "trams": False}
    assert press(operator, ADA, "unsubscribe", topic=topic, confirmed="yes") == "1 alert ended."
    assert list_alerts(operator, ADA) == {"benches": False}
    assert press(operator, ADA, "unsubscribe", topic="x") == "Nothing was done."


@pytest.mark.slow
def test_somebody_is_suspended_and_gets_email_again(operator: Operator) -> None:
    assert press(operator, ADA, "suspend") == f"Nothing is sent to {ADA} any more."
    page = operator.see(f"{LIST}/{find_id(operator, ADA)}")
    assert "Suspended" in page
    assert "by you" in page
    assert "a...@demo.example" in operator.see(f"{LIST}?show=suspended")
    assert "b...@demo.example" not in operator.see(f"{LIST}?show=suspended")
    assert press(operator, ADA, "resume-email") == f"{ADA} gets email again."
    assert press(operator, ADA, "resume-email") == f"{ADA} was not suspended."
    assert list_alerts(operator, ADA) == {"benches": False, "trams": False}


@pytest.mark.slow
def test_the_link_to_their_alerts_is_sent_once_a_day(operator: Operator) -> None:
    assert ADA in press(operator, ADA, "send-link")
    assert operator.pages.wanted_deliveries == 1
    with operator.pages.ledger.reading() as connection:
        [sent] = message_lists.list_messages(connection, 5)
    assert (sent.recipient, sent.kind) == (ADA, "manage_link")
    assert press(operator, ADA, "send-link").startswith("Nothing was sent")


@pytest.mark.slow
def test_data_is_downloaded_and_deleted_after_a_question(operator: Operator) -> None:
    key = find_id(operator, ADA)
    status, _, _, body = operator.send(f"{LIST}/{key}", action="export", subscriber=str(key))
    assert status == 200
    assert json.loads(body)["subscriber"]["email"] == ADA
    status, _, _, html = operator.send(f"{LIST}/{key}", action="forget", subscriber=str(key))
    assert status == 200
    assert "subscriptions: 2" in html
    assert "This cannot be undone." in html
    assert list_alerts(operator, ADA)
    said = press(operator, ADA, "forget", confirmed="yes")
    assert said == f"{ADA} and all data about it are deleted."
    with operator.pages.ledger.reading() as connection:
        assert subscriptions.find_subscriber_by_email(connection, ADA) is None
        assert not personal_data.find_data(connection, ADA).rows
    gone = operator.press(LIST, action="suspend", subscriber=str(key))
    assert gone == "There is no such subscriber any more."
    status, _ = operator.pages.request_text(
        "GET", f"{LIST}/{key}", headers={"Cookie": operator.cookie}
    )
    assert status == 404


@pytest.mark.slow
def test_what_is_done_about_somebody_is_in_the_log_without_their_address(
    operator: Operator,
) -> None:
    press(operator, ADA, "suspend")
    with operator.pages.ledger.writing() as connection:
        mark = operator_actions.name_address(connection, ADA)
        [done] = operator_actions.list_newest(connection, 5, mark)
    assert done.action == "suspend"
    log = operator.see("/operator/actions")
    assert mark in log
    assert ADA not in log
    assert "suspend" in operator.see(f"{LIST}/{find_id(operator, ADA)}")


@pytest.mark.slow
def test_suspensions_wait_for_a_decision_and_can_be_undone_since_a_day(
    operator: Operator,
) -> None:
    now = operator.pages.now
    with operator.pages.ledger.writing() as connection:
        for key in (find_id(operator, ADA), find_id(operator, BEN)):
            for number in range(3):
                bounced = Bounce("hard", key * 10 + number, "550 5.1.1 no such mailbox")
                bounces.record_bounce(connection, key, bounced, now - timedelta(days=number))
    waiting = operator.see(f"{LIST}?show=waiting")
    assert "Suspend all 2" in waiting
    assert "550 5.1.1 no such mailbox" in waiting
    assert "2 addresses bounced or complained." in operator.see()
    assert operator.press(LIST, action="suspend-waiting") == "2 addresses suspended."
    assert "Suspend all" not in operator.see(f"{LIST}?show=waiting")
    assert operator.press(LIST, action="resume-since", since="soon").startswith("Type the day")
    day = f"{now:%Y-%m-%d}"
    said = operator.press(LIST, action="resume-since", since=day)
    assert said == "2 addresses get email again."
    with operator.pages.ledger.reading() as connection:
        assert bounces.list_suspended(connection) == []


@pytest.mark.slow
def test_a_list_goes_on_where_it_ended(operator: Operator) -> None:
    with operator.pages.ledger.writing() as connection:
        for number in range(60):
            subscriptions.ensure_subscriber(
                connection, f"reader{number}@demo.example", "UTC", 7, operator.pages.now
            )
    first = operator.see(LIST)
    older = re.search(rf'rel="next" href="({LIST}[^"]+)"', first)
    assert older is not None
    second = operator.see(older[1].replace("&amp;", "&"))
    ids = [set(re.findall(rf"{LIST}/(\d+)", html)) for html in (first, second)]
    assert not ids[0] & ids[1]
    with operator.pages.ledger.reading() as connection:
        everybody = set(map(str, connection.execute(select(subscriber.c.id)).scalars()))
    assert ids[0] | ids[1] == everybody
    assert 'rel="first"' in second
