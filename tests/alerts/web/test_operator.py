"""The operator's page: who may see it, and what its buttons do."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import html5lib
import msgspec
import pytest

from alerts.ledger import Ledger, changes
from alerts.ledger import held_changes as held
from alerts.ledger import holds as halts
from alerts.model import Alarm
from alerts.operator.status import ServiceStatus, SourceStatus
from alerts.recording.record import Reading, Rules, record
from tests.support.samples import question
from tests.support.visitor import FORM, OPERATOR, Pages, served


def signed_in(pages: Pages) -> str:
    body = urlencode({"do": "sign in", "token": OPERATOR})
    status, headers, _ = pages.answer("POST", "/operator", body.encode(), FORM)
    assert (status, headers["Location"]) == (303, "/operator")
    cookie = headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/operator"} <= set(cookie.split("; "))
    return cookie.partition(";")[0]


def shown(pages: Pages, cookie: str) -> str:
    status, html = pages.ask("GET", "/operator", Cookie=cookie)
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(html)
    return html


def press(pages: Pages, cookie: str, **fields: str) -> tuple[int, str]:
    csrf = re.search(r'name="csrf" value="([^"]+)"', shown(pages, cookie))
    assert csrf is not None
    body = urlencode({"csrf": unescape(csrf[1])} | fields)
    return pages.ask("POST", "/operator", body, FORM, Cookie=cookie)


def status_at(now: datetime) -> ServiceStatus:
    alarm = Alarm(1, "london", "held", "reason <b>", now, None, None, None)
    source = SourceStatus(
        source="london",
        place="www.london.gov.uk",
        last_good=now,
        hours_since_good=0.0,
        verdict="ok",
        reason="read 3",
        resting_until=None,
        fill_rates={},
        agreement=None,
        questions={"unanswered": 2},
        refused=0,
        held=(),
        alarms=(alarm,),
        subscribers_told=False,
    )
    return ServiceStatus(now=now, sources=(source,), messages={"sent": 3})


@pytest.fixture
def watched(ledger: Ledger, now: datetime, tmp_path: Path) -> object:
    with served(ledger, now, tmp_path / "feeds", status=lambda: status_at(now)) as pages:
        yield pages


def test_nothing_is_there_without_a_token(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    with served(ledger, now, tmp_path, operator_token=None) as pages:
        assert pages.ask("GET", "/operator")[0] == 404
        assert pages.ask("POST", "/operator", "do=sign+in&token=", FORM)[0] == 404


def test_nobody_else_sees_or_does_anything(site: Pages) -> None:
    assert "The token of the config" in site.ask("GET", "/operator")[1]
    for token in ("", "wrong", OPERATOR[:-1], OPERATOR + "x"):
        body = urlencode({"do": "sign in", "token": token})
        status, html = site.ask("POST", "/operator", body, FORM)
        assert (status, "That is not the token." in html) == (403, True)
    before = site.everything()
    forged = [f"operator={cookie}" for cookie in ("", "x", "operator.aaa.bbb")]
    for cookie in forged:
        assert "The token of the config" in site.ask("GET", "/operator", Cookie=cookie)[1]
        body = urlencode({"do": "run", "source": "london"})
        assert site.ask("POST", "/operator", body, FORM, Cookie=cookie)[0] == 403
    cookie = signed_in(site)
    for csrf in ("", "x"):  # a form of somebody else's page
        body = urlencode({"do": "run", "source": "london", "csrf": csrf})
        assert site.ask("POST", "/operator", body, FORM, Cookie=cookie)[0] == 403
    assert site.ran == []
    assert site.everything() == before
    site.now += timedelta(hours=13)
    assert "The token of the config" in site.ask("GET", "/operator", Cookie=cookie)[1]


def test_wrong_tokens_come_to_an_end(site: Pages) -> None:
    body = urlencode({"do": "sign in", "token": "wrong"})
    statuses = [site.ask("POST", "/operator", body, FORM)[0] for _ in range(62)]
    assert statuses == [403] * 60 + [429] * 2


def test_what_waits_is_shown_and_done(watched: Pages) -> None:
    with watched.ledger.writing() as connection:
        rules = Rules(hold=True)
        found = [Reading(question(n, title=f"On <i> {n}")) for n in (1, 2)]
        record(connection, found, watched.now, rules)
        held.keep(connection, "london", "flood")
        doubt = ("title: 'One' by structure, \"Two's\" by label", "no answer was found")
        suspect = msgspec.structs.replace(question(3), suspect=doubt)
        record(connection, [Reading(suspect)], watched.now, Rules(as_new=True))
    cookie = signed_in(watched)
    html = shown(watched, cookie)
    assert "reason &lt;b&gt;" in html
    assert "2 × New question of london, as a flood" in html
    assert re.search(r"title</th><td>One</td><td>Two&#39;s</td>", html)
    assert "no answer was found" in html
    assert "london is read now." in press(watched, cookie, do="run", source="london")[1]
    assert watched.ran == ["london"]
    assert "no such source" in press(watched, cookie, do="run", source="paris")[1]
    said = press(watched, cookie, do="release", source="london", because="flood")[1]
    assert "2 changes are released." in said
    with watched.ledger.reading() as connection:
        assert changes.newest(connection) >= 2
        assert held.waiting(connection) == []


def test_crawls_and_deliveries_are_put_on_hold(watched: Pages) -> None:
    cookie = signed_in(watched)
    for what in ("crawl london", halts.DELIVERY):
        assert "On hold" in press(watched, cookie, do="pause", what=what)[1]
        with watched.ledger.reading() as connection:
            assert set(halts.standing(connection)) == {what}
        assert "Goes on" in press(watched, cookie, do="resume", what=what)[1]
    assert "Nothing was done." in press(watched, cookie, do="pause", what="crawl paris")[1]
    assert "Nothing was done." in press(watched, cookie, do="explode")[1]
    status, headers, _ = watched.answer(
        "POST",
        "/operator",
        urlencode({"do": "sign out", "csrf": csrf_of(watched, cookie)}).encode(),
        FORM,
        Cookie=cookie,
    )
    assert status == 303
    assert 'operator=""' in headers["Set-Cookie"]


def csrf_of(pages: Pages, cookie: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', shown(pages, cookie))
    assert found is not None
    return unescape(found[1])


def test_another_token_signs_everybody_out(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    with served(ledger, now, tmp_path) as pages:
        cookie = signed_in(pages)
        assert "Sign out" in shown(pages, cookie)
    with served(ledger, now, tmp_path, operator_token="another long token") as pages:
        assert "Sign out" not in shown(pages, cookie)
