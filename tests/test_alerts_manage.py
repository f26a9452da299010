"""A subscriber's own page over real HTTP."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import html5lib
import pytest
from test_alerts_confirming import ADA, HABITS, Pages, living, pages  # noqa: F401  # a fixture

from alerts.ledger import subscriptions
from alerts.ledger.subscriptions import Subscriber, Subscription, Wish
from alerts.subscriptions import subscribe

FORM = "application/x-www-form-urlencoded"


def ada(pages: Pages) -> Subscriber:  # noqa: F811
    with pages.ledger.writing() as connection:
        for query in ("VRU", "benches <b>"):
            wish = Wish(query, "daily", "all", "command", note="mine & yours")
            subscribe(connection, ADA, wish, HABITS, pages.now)
        wish = Wish("VRU", "daily", "all", "command")
        subscribe(connection, "vera@demo.example", wish, HABITS, pages.now)
        person = subscriptions.by_email(connection, ADA)
    assert person is not None
    return person


def mine(pages: Pages) -> dict[str, Subscription]:  # noqa: F811
    with pages.ledger.reading() as connection:
        every = subscriptions.living(connection)
    return {s.query: s for s in every if s.email == ADA}


def press(pages: Pages, person: Subscriber, **form: object) -> tuple[int, str]:  # noqa: F811
    return pages.ask("POST", f"/m/{person.token}", urlencode(form), FORM)


def test_it_shows_what_there_is_and_changes_nothing(pages: Pages) -> None:  # noqa: F811
    person = ada(pages)
    before = pages.everything()
    status, html = pages.ask("GET", f"/m/{person.token}")
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(html)
    assert "benches &lt;b&gt;" in html
    assert 'value="mine &amp; yours"' in html
    assert len(html) < 100_000
    assert pages.everything() == before


def test_each_topic_is_changed_paused_and_ended_by_itself(pages: Pages) -> None:  # noqa: F811
    person = ada(pages)
    topic = mine(pages)["VRU"].topic_id
    other = mine(pages)["benches <b>"]
    values = {"every": "weekly", "wants": "answered", "length": "short", "note": " new "}
    assert "That topic is changed." in press(pages, person, do="change", topic=topic, **values)[1]
    found = mine(pages)["VRU"]
    assert (found.frequency, found.wants, found.length) == ("weekly", "answered", "short")
    assert found.note == "new"
    assert "paused" in press(pages, person, do="pause", topic=topic)[1]
    assert mine(pages)["VRU"].paused_at == pages.now
    assert "going on" in press(pages, person, do="resume", topic=topic)[1]
    assert mine(pages)["VRU"].paused_at is None
    assert "ended" in press(pages, person, do="leave", topic=topic)[1]
    assert mine(pages) == {"benches <b>": other}


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"do": "leave"},
        {"do": "leave", "topic": "x"},
        {"do": "leave", "topic": "999999"},
        {"do": "change", "topic": "1", "every": "never", "wants": "all", "length": "full"},
        {"do": "habits", "hour": "24", "zone": "Europe/London"},
        {"do": "habits", "hour": "7", "zone": "../../etc/passwd"},
        {"do": "drop table"},
    ],
)
def test_nonsense_changes_nothing(pages: Pages, form: dict[str, str]) -> None:  # noqa: F811
    person = ada(pages)
    before = pages.everything()
    status, html = press(pages, person, **form)
    assert status == 200
    assert "Nothing was changed." in html
    assert pages.everything() == before


def test_an_hour_and_a_zone(pages: Pages) -> None:  # noqa: F811
    person = ada(pages)
    press(pages, person, do="habits", hour=19, zone="Europe/Paris")
    with pages.ledger.reading() as connection:
        found = subscriptions.by_email(connection, ADA)
    assert found is not None
    assert (found.hour, found.zone) == (19, "Europe/Paris")


def test_ones_data_is_given_and_removed(pages: Pages) -> None:  # noqa: F811
    person = ada(pages)
    status, text = pages.ask("GET", f"/m/{person.token}/data.json")
    assert status == 200
    assert json.loads(text)["subscriber"]["email"] == ADA
    assert "You are forgotten" in press(pages, person, do="forget")[1]
    assert mine(pages) == {}
    assert living(pages.ledger) == ["VRU"]  # another's
    for path in (f"/m/{person.token}", f"/m/{person.token}/data.json", "/m/wrong"):
        assert pages.ask("GET", path)[0] == 404
    assert press(pages, person, do="forget")[0] == 404


def test_a_large_form_is_refused(pages: Pages) -> None:  # noqa: F811
    person = ada(pages)
    assert press(pages, person, do="change", note="x" * 20_000)[0] == 413
