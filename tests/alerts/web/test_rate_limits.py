"""What is answered over a limit: to whom, with what sentence, and who is never refused."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from alerts.ledger import Ledger, subscriptions
from alerts.ledger.address_hashes import get_hash
from alerts.ledger.rate_counts import CountKey, RateCounts
from alerts.limits import Limit, Scope
from alerts.model import Frequency
from alerts.subscribers import refuse_emails, subscribe
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    OPERATOR_PASSWORD,
    SUBSCRIBER_DEFAULTS,
    WebClient,
    run_web_client,
)

ADA = "ada@demo.example"


def add_alert(site: WebClient) -> str:
    """Subscribe somebody; return the path of their page."""
    request = subscriptions.SubscriptionRequest("trams", Frequency.DAILY, "all", "page")
    with site.ledger.writing() as connection:
        subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, site.now)
        found = subscriptions.find_subscriber_by_email(connection, ADA)
    assert found is not None
    return MAIL_IDENTITY.build_manage_link(found.token, site.now).removeprefix(
        "https://watch.example"
    )


def sign_in(site: WebClient, password: str) -> int:
    body = urlencode({"action": "sign-in", "password": password})
    return site.request_text("POST", "/operator", body, FORM_CONTENT_TYPE)[0]


def repeat(number: int, request: Callable[[int], int]) -> list[int]:
    return [request(n) for n in range(number)]


class TestWrongLinks:
    @pytest.mark.slow
    def test_sixty_wrong_links_refuse_no_right_one(self, site: WebClient) -> None:
        page = add_alert(site)
        wrong = repeat(62, lambda n: site.request_text("GET", f"/c/guess{n}")[0])
        assert wrong == [404] * 60 + [429] * 2
        assert site.request_text("GET", page)[0] == 200
        assert site.request_text("GET", f"{page}/data.json")[0] == 200
        assert sign_in(site, "wrong") == 429
        assert sign_in(site, OPERATOR_PASSWORD) == 303

    @pytest.mark.slow
    def test_right_links_are_not_counted(self, site: WebClient) -> None:
        page = add_alert(site)
        assert set(repeat(70, lambda _: site.request_text("GET", page)[0])) == {200}
        assert site.request_text("GET", "/c/guess")[0] == 404

    def test_a_wrong_link_does_not_wait_for_the_writer(self, site: WebClient) -> None:
        """Nor does the writer wait for it: anybody can send thousands of them."""
        with site.ledger.writing():
            for path in ("/u/guess", "/c/guess", "/m/guess"):
                for method in ("GET", "POST"):
                    assert site.request_text(method, path)[0] == 404

    @pytest.mark.slow
    def test_leaving_counts_for_nobody(self, site: WebClient) -> None:
        """One mail provider's network leaves for many."""
        repeat(70, lambda n: site.request_text("POST", f"/u/guess{n}")[0])
        assert site.request_text("GET", "/c/guess")[0] == 404


class TestChanges:
    @pytest.mark.slow
    def test_the_31st_change_of_a_day_is_refused(self, site: WebClient) -> None:
        page = add_alert(site)

        def reword(number: int) -> int:
            with site.ledger.reading() as connection:
                [alert] = subscriptions.list_active(connection)
            fields = {"frequency": "daily", "updates": "all", "detail": "full", "note": ""}
            fields |= {"action": "save", "topic": str(alert.topic_id), "query": f"tram{number}"}
            return site.submit_form(page, page, **fields)[0]

        assert repeat(32, reword) == [200] * 30 + [429] * 2
        with site.ledger.reading() as connection:
            [alert] = subscriptions.list_active(connection)
        assert alert.query == "tram29"
        status, html = site.submit_form(page, page, action="pause", topic=str(alert.topic_id))
        assert status == 429
        assert "You have made as many changes as we allow in a day. Try again in 25 hours." in html
        assert "tram29" in html
        site.now += timedelta(hours=25)
        assert reword(40) == 200

    @pytest.mark.slow
    def test_a_confirmation_is_a_change(self, site: WebClient) -> None:
        page = add_alert(site)
        repeat(30, lambda _: site.submit_form(page, page, action="schedule", hour="7")[0])
        assert site.submit_form("/search?q=VRU", "/sign-up", q="VRU", email=ADA)[0] == 200
        link = re.search(r"https://watch\.example(/c/\S+)", site.read_messages()[-1])
        assert link is not None
        assert site.request_text("POST", link[1])[0] == 429
        site.now += timedelta(hours=25)
        assert site.request_text("POST", link[1])[0] == 200

    @pytest.mark.slow
    def test_leaving_is_never_refused(self, site: WebClient) -> None:
        page = add_alert(site)
        assert repeat(
            31, lambda _: site.submit_form(page, page, action="schedule", hour="7")[0]
        ) == [200] * 30 + [429]
        status, html = site.submit_form(page, page, action="delete")
        assert status == 200
        assert "deleted" in html


class TestSearches:
    @pytest.mark.parametrize(
        ("limit", "path"),
        [
            (Limit.SEARCHES, "/api/v1/questions?q=trams"),
            (Limit.PREVIEWS, "/search?q=trams"),
            (Limit.FEEDS, "/feeds/queries/feed.json?q=tram{}"),
            (Limit.CHARTS, "/charts/search.csv?q=tram{}"),
        ],
    )
    def test_each_way_to_search_is_limited_with_a_sentence(
        self, site: WebClient, limit: Limit, path: str
    ) -> None:
        with closing(RateCounts(site.ledger)) as counts:  # as another server has counted
            office = {CountKey(Scope.NETWORK, "127.0.0.0/24"): limit.rule.most[Scope.NETWORK] - 5}
            counts.add(limit, limit.rule.period, office, {}, site.now)
        statuses = repeat(8, lambda n: site.request_text("GET", path.format(n))[0])
        assert statuses == [200] * 5 + [429] * 3
        status, headers, body = site.request("GET", path.format(400))
        assert status == 429
        assert int(headers["Retry-After"]) in range(1, 611)
        assert "Too many requests from your network. Try again in 11 minutes." in body.decode()
        if path.startswith("/api"):
            assert set(json.loads(body)) == {"error"}
        site.now += timedelta(seconds=int(headers["Retry-After"]))
        assert site.request_text("GET", path.format(500))[0] == 200

    def test_a_page_without_a_search_is_not_counted(self, site: WebClient) -> None:
        with closing(RateCounts(site.ledger)) as counts:
            office = {CountKey(Scope.NETWORK, "127.0.0.0/24"): 9999}
            counts.add(Limit.PREVIEWS, Limit.PREVIEWS.rule.period, office, {}, site.now)
        assert site.request_text("GET", "/search?q=trams")[0] == 429
        assert site.request_text("GET", "/")[0] == 200


class TestSharing:
    @pytest.mark.slow
    def test_two_servers_share_a_limit_and_a_restart_keeps_it(
        self, ledger: Ledger, now: datetime, tmp_path: Path
    ) -> None:
        def sign_up(pages: WebClient, number: int) -> int:
            form = {"q": "VRU", "email": f"p{number}@demo.example"}
            return pages.submit_form("/search?q=VRU", "/sign-up", **form)[0]

        with run_web_client(ledger, now, tmp_path) as one:
            with run_web_client(ledger, now, tmp_path) as other:
                statuses = [sign_up((one, other)[n % 2], n) for n in range(12)]
            assert statuses == [200] * 10 + [429] * 2
            assert len(one.read_messages()) == 10
        with run_web_client(ledger, now, tmp_path) as restarted:
            assert sign_up(restarted, 13) == 429

    @pytest.mark.slow
    def test_an_ipv6_customer_has_one_limit(
        self, ledger: Ledger, now: datetime, tmp_path: Path
    ) -> None:
        with run_web_client(ledger, now, tmp_path, proxies=("127.0.0.1",)) as pages:

            def guess(client: str) -> int:
                return pages.request_text("GET", "/c/x", headers={"X-Forwarded-For": client})[0]

            guesses = [f"2001:db8:1:{n:x}::1" for n in range(182)]
            assert [guess(one) for one in guesses] == [404] * 180 + [429] * 2
            assert guess("2001:db8:2::1") == 404
            mapped = [f"::ffff:192.0.2.{n}" for n in range(30)] + ["64:ff9b::192.0.2.1"] * 30
            assert {guess(one) for one in mapped} == {404}
            assert guess("192.0.2.77") == 429


class TestEmails:
    @pytest.mark.slow
    def test_150_aliases_from_one_48_are_three_emails(
        self, ledger: Ledger, now: datetime, tmp_path: Path
    ) -> None:
        with run_web_client(ledger, now, tmp_path, proxies=("127.0.0.1",)) as pages:
            csrf, cookie = pages.get_csrf("/search?q=VRU")
            statuses = []
            for number in range(150):
                form = {"q": f"tram{number}", "email": f"victim+{number}@demo.example"}
                body = urlencode(form | {"csrf": csrf})
                headers = {"X-Forwarded-For": f"2001:db8:1:{number:x}::1", "Cookie": cookie}
                statuses.append(
                    pages.request_text("POST", "/sign-up", body, FORM_CONTENT_TYPE, headers)[0]
                )
            assert statuses == [200] * 30 + [429] * 120
            assert len(pages.read_messages()) == 3

    def test_at_the_ceiling_every_address_gets_the_same_answer(self, site: WebClient) -> None:
        add_alert(site)
        with closing(RateCounts(site.ledger)) as counts:
            rule = Limit.CONFIRMATIONS.rule
            everybody = {CountKey(Scope.ALL, "all"): rule.most[Scope.ALL]}
            counts.add(Limit.CONFIRMATIONS, rule.period, everybody, {}, site.now)
        answers = {
            site.submit_form("/search?q=VRU", "/sign-up", q="VRU", email=email)
            for email in (ADA, "nobody@demo.example")
        }
        [(status, html)] = answers
        assert status == 429
        assert "This service has more requests than it can answer. Try again in" in html
        assert site.read_messages() == []

    @pytest.mark.slow
    @pytest.mark.parametrize("known", ["unknown", "asked already", "refused", "full"])
    def test_the_ceiling_does_not_tell_what_is_known_of_an_address(
        self, site: WebClient, known: str
    ) -> None:
        email = "grace.hall@demo.example"
        with site.ledger.writing() as connection:
            if known == "refused":
                refuse_emails(connection, get_hash(connection, email), site.now)
        if known == "asked already":
            site.submit_form("/search?q=VRU", "/sign-up", q="VRU", email=email)
        before = count_emails_of_all(site)
        if known == "full":
            name, key = Limit.MAILBOX_CONFIRMATIONS, MAIL_IDENTITY.token_secret
            digest = hmac.new(key, email.encode(), hashlib.sha256).hexdigest()[:24]
            with closing(RateCounts(site.ledger)) as counts:
                mailbox = {CountKey(Scope.MAILBOX, digest): 20}
                counts.add(name, name.rule.period, mailbox, {}, site.now)
        assert site.submit_form("/search?q=VRU", "/sign-up", q="VRU", email=email)[0] == 200
        assert count_emails_of_all(site) == before + 1
        assert len(site.read_messages()) == (known in {"unknown", "asked already"})


def count_emails_of_all(site: WebClient) -> int:
    """Return how many emails to unconfirmed people are counted for everybody together."""
    with closing(RateCounts(site.ledger)) as counts:
        rule = Limit.CONFIRMATIONS.rule
        listed = counts.list_highest(Limit.CONFIRMATIONS, rule.period, site.now, 9)
    return dict(listed).get(CountKey(Scope.ALL, "all"), 0)


class TestUntrustedProxies:
    def test_the_operator_is_warned_of_one(self, site: WebClient) -> None:
        body = urlencode({"action": "sign-in", "password": OPERATOR_PASSWORD}).encode()
        site.request("GET", "/", headers={"X-Forwarded-For": "192.0.2.7"})
        _, headers, _ = site.request("POST", "/operator", body, FORM_CONTENT_TYPE)
        cookie = headers["Set-Cookie"].partition(";")[0]
        html = site.request_text("GET", "/operator", headers={"Cookie": cookie})[1]
        assert "requests from 127.0.0.1 name other clients (X-Forwarded-For)" in html
        html = site.request_text("GET", "/operator/settings", headers={"Cookie": cookie})[1]
        assert "requests from 127.0.0.1 name other clients (X-Forwarded-For)" in html
        assert "wrong links and passwords" in html

    def test_there_is_no_warning_of_a_trusted_one(
        self, ledger: Ledger, now: datetime, tmp_path: Path
    ) -> None:
        with run_web_client(ledger, now, tmp_path, proxies=("127.0.0.1",)) as pages:
            pages.request("GET", "/", headers={"X-Forwarded-For": "192.0.2.7"})
            body = urlencode({"action": "sign-in", "password": OPERATOR_PASSWORD}).encode()
            _, headers, _ = pages.request("POST", "/operator", body, FORM_CONTENT_TYPE)
            cookie = headers["Set-Cookie"].partition(";")[0]
            html = pages.request_text("GET", "/operator", headers={"Cookie": cookie})[1]
            assert "name other clients" not in html
