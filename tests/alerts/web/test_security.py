"""Each line of "Security" in docs/reference/pages-and-feeds.md, tried over real HTTP."""

from __future__ import annotations

import re
import socket
import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest
from itsdangerous.encoding import base64_decode

from alerts.ledger import Ledger, StatementTimeout, subscriptions
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.subscribers import subscribe
from alerts.tokens import ExpiredToken, TokenSigner
from alerts.web.private_paths import PRIVATE_PATHS, is_private
from scheduler.web import HttpLimits
from tests.support.paths import REPOSITORY
from tests.support.processor_time import assert_takes_less_than
from tests.support.samples import make_answer, make_question
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    OPERATOR_PASSWORD,
    SUBSCRIBER_DEFAULTS,
    WebClient,
    run_web_client,
)

ADA = "ada@demo.example"
PAGES = (
    "/",
    "/search?q=VRU",
    "/members",
    "/unanswered",
    "/your-alerts",
    "/status.json",
    "/nowhere",
    "/operator",
    "/feeds/everything.atom.xml",
    "/api/v1/changes",
    "/static/style.css",
)


def test_every_response_has_security_headers(site: WebClient) -> None:
    site.publish_questions(make_question(1))
    for path in PAGES:
        _, headers, body = site.request("GET", path)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Strict-Transport-Security"] is None  # it did not come by TLS
        assert headers["Server"] is None
        if headers.get_content_type() == "text/html":
            assert not re.search(rb"<style|\sstyle=|\son\w+=|javascript:", body)


def test_pages_without_a_form_set_no_cookie(site: WebClient) -> None:
    site.publish_questions(make_question(1))
    for path in ("/", "/members", "/topics", "/bodies", "/unanswered", "/status.json", "/nowhere"):
        assert site.request("GET", path)[1]["Set-Cookie"] is None


def test_personal_pages_are_not_indexed(site: WebClient) -> None:
    robots = site.request_text("GET", "/robots.txt")[1].splitlines()
    for path in PRIVATE_PATHS:
        shown = f"{path}x" if path.endswith("/") else path
        assert site.request("GET", shown)[1]["X-Robots-Tag"] == "noindex"
        assert f"Disallow: {path}" in robots
    named = ["User-agent: *", "Sitemap: https://watch.example/sitemap.xml"]
    assert len(list(filter(None, robots))) == len(PRIVATE_PATHS) + len(named)
    assert set(named) <= set(robots)
    assert site.request("GET", "/")[1]["X-Robots-Tag"] is None


def test_every_route_with_a_token_in_it_is_private() -> None:
    """The sources are searched, so that a new page cannot be forgotten."""
    files = (REPOSITORY / "alerts" / "web").rglob("*.py")
    routes = {
        found
        for file in files
        for found in re.findall(r'"(/[^"\s]*\{(?:token|link|key)\}[^"\s]*)"', file.read_text())
    }
    assert len(routes) >= 4
    assert [route for route in routes if not is_private(route)] == []


@pytest.fixture
def proxied(site: WebClient, tmp_path: Path) -> Iterator[WebClient]:
    with run_web_client(site.ledger, site.now, tmp_path / "feeds", proxies=("127.0.0.1",)) as found:
        yield found


FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


def test_a_trusted_proxy_with_tls_gets_hsts_and_secure_cookies(proxied: WebClient) -> None:
    _, headers, _ = proxied.request("GET", "/search?q=VRU", headers=FORWARDED)
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    cookie = headers["Set-Cookie"]
    assert cookie.startswith("__Host-watchword=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    body = urlencode({"action": "sign-in", "password": OPERATOR_PASSWORD})
    _, headers, _ = proxied.request(
        "POST", "/operator", body.encode(), FORM_CONTENT_TYPE, headers=FORWARDED
    )
    assert {"Secure", "HttpOnly"} <= set(headers["Set-Cookie"].split("; "))


@pytest.mark.slow
def test_forwarded_headers_of_other_clients_are_ignored(site: WebClient) -> None:
    _, headers, _ = site.request("GET", "/search?q=VRU", headers=FORWARDED)
    assert headers["Strict-Transport-Security"] is None
    statuses = set()
    for number in range(12):
        csrf, cookie = site.get_csrf("/search?q=VRU")
        body = urlencode({"q": "VRU", "email": f"p{number}@demo.example", "csrf": csrf})
        claimed = {"X-Forwarded-For": f"203.0.113.{number}", "Cookie": cookie}
        statuses.add(
            site.request_text("POST", "/sign-up", body, FORM_CONTENT_TYPE, headers=claimed)[0]
        )
    assert statuses == {200, 429}  # all from one network


def test_a_form_needs_the_token_of_the_same_browser(site: WebClient) -> None:
    csrf, cookie = site.get_csrf("/search?q=VRU")
    other, _ = site.get_csrf("/search?q=VRU")
    form = {"q": "VRU", "email": ADA}
    for token, kept in ((None, cookie), ("", cookie), (other, cookie), (csrf, ""), (csrf, "x=y")):
        body = urlencode(form | ({"csrf": token} if token is not None else {}))
        assert (
            site.request_text(
                "POST", "/sign-up", body, FORM_CONTENT_TYPE, headers={"Cookie": kept}
            )[0]
            == 403
        )
    assert site.read_messages() == []
    site.now += timedelta(days=8)
    body = urlencode(form | {"csrf": csrf})
    assert (
        site.request_text("POST", "/sign-up", body, FORM_CONTENT_TYPE, headers={"Cookie": cookie})[
            0
        ]
        == 403
    )  # the form has expired
    assert site.read_messages() == []


@pytest.mark.parametrize("path", ["/sign-up", "/your-alerts", "/c/x", "/m/x", "/operator"])
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
def test_posts_from_other_sites_are_refused(
    site: WebClient, path: str, headers: dict[str, str]
) -> None:
    assert site.request_text("POST", path, "", FORM_CONTENT_TYPE, headers=headers)[0] == 403


def test_one_click_unsubscribe_works_from_any_origin(site: WebClient) -> None:
    with site.ledger.writing() as connection:
        subscribe(
            connection,
            ADA,
            SubscriptionRequest("VRU", Frequency.DAILY, "all", "command"),
            SUBSCRIBER_DEFAULTS,
            site.now,
        )
        person = subscriptions.find_subscriber_by_email(connection, ADA)
    assert person is not None
    body, foreign = "List-Unsubscribe=One-Click", {"Origin": "https://mail.example"}
    assert (
        site.request_text("POST", f"/u/{person.token}", body, FORM_CONTENT_TYPE, headers=foreign)[0]
        == 200
    )


class TestEnumeration:
    """Every address gets the same response after the same time."""

    @pytest.mark.slow
    def test_known_and_unknown_addresses_get_the_same_response(self, site: WebClient) -> None:
        with site.ledger.writing() as connection:
            subscribe(
                connection,
                ADA,
                SubscriptionRequest("VRU", Frequency.DAILY, "all", "command"),
                SUBSCRIBER_DEFAULTS,
                site.now,
            )
        took: dict[str, list[float]] = {ADA: [], "nobody@demo.example": []}
        answers = set()
        for page, path in (("/search?q=VRU", "/sign-up"), ("/your-alerts", "/your-alerts")):
            for _ in range(2):
                for email, times in took.items():
                    began = time.perf_counter()
                    status, html = site.submit_form(page, path, q="VRU", email=email)
                    times.append(time.perf_counter() - began)
                    answers.add((path, status, html.replace(email, "")))  # but for what was typed
        assert len(answers) == 2
        known, unknown = (statistics.median(times) for times in took.values())
        assert min(known, unknown) > 0.2  # each waits for the same moment
        assert abs(known - unknown) < 0.1


@pytest.mark.slow
def test_confirmation_emails_are_limited_by_address_and_network(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    with run_web_client(ledger, now, tmp_path) as pages:
        for _ in range(5):
            assert pages.submit_form("/search?q=VRU", "/sign-up", q="VRU", email=ADA)[0] == 200
        assert len(pages.read_messages()) == 1
        statuses = [
            pages.submit_form("/search?q=VRU", "/sign-up", q="VRU", email=f"p{n}@demo.example")[0]
            for n in range(8)
        ]
        assert statuses == [200] * 5 + [429] * 3


@pytest.mark.slow
def test_alerts_over_the_limit_are_not_added(site: WebClient) -> None:
    for number in range(8):
        assert site.submit_form("/search?q=VRU", "/sign-up", q=f"word{number}", email=ADA)[0] == 200
    email_text, *_ = site.read_messages()
    link = re.search(r"https://watch\.example(/c/\S+)", email_text)
    assert link is not None
    boxes = re.findall(r'name="sign_up" value="(\d+)"', site.request_text("GET", link[1])[1])
    body = "&".join(["choice=1", *(f"sign_up={value}" for value in boxes)])
    status, html = site.request_text("POST", link[1], body, FORM_CONTENT_TYPE)
    assert status == 200
    assert "3 more could not be added" in html
    assert [word in html for word in ("word4", "word5")] == [True, False]
    with site.ledger.reading() as connection:
        assert len(subscriptions.list_active(connection)) == 5


class TestTokens:
    def test_a_token_is_valid_for_one_purpose_and_a_limited_time(self, now: datetime) -> None:
        moment = now
        seal = TokenSigner(b"secret", lambda: moment)
        token = seal.issue("manage", "somebody")
        day = timedelta(days=1)
        assert seal.verify("manage", token, day) == "somebody"
        assert seal.verify("form", token, day) is None
        assert TokenSigner(b"another", lambda: moment).verify("manage", token, day) is None
        for place in range(len(token)):
            for sign in "Ax_.":
                changed = token[:place] + sign + token[place + 1 :]
                assert changed == token or seal.verify("manage", changed, day) is None
        moment = now + timedelta(days=2)
        with pytest.raises(ExpiredToken) as expired:
            seal.verify("manage", token, day)
        assert expired.value.subject == "somebody"

    def test_other_spellings_of_a_token_are_refused(self, now: datetime) -> None:
        """Base64 has unused bits: several last characters decode to the same signature."""
        seal = TokenSigner(b"secret", lambda: now)
        token = seal.issue("manage", "somebody")
        mark = token.rpartition(".")[2]
        alike = [
            mark[:-1] + last
            for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            if base64_decode(mark[:-1] + last) == base64_decode(mark)
        ]
        assert len(alike) > 1
        opened = [
            seal.verify("manage", token.replace(mark, one), timedelta(days=1)) for one in alike
        ]
        assert opened.count("somebody") == 1

    @pytest.mark.slow
    def test_wrong_links_get_the_same_response_and_are_limited(self, site: WebClient) -> None:
        good = MAIL_IDENTITY.build_manage_link("nobody", site.now).removeprefix(
            "https://watch.example"
        )
        guesses = ["/u/x", "/c/x", "/m/x", "/d/x", good, f"{good[:-1]}A", "/m/%00", "/u/%F0%9F"]
        answers = {
            (status, html) for status, html in (site.request_text("GET", g) for g in guesses)
        }
        assert len(answers) == 1
        statuses = [site.request_text("GET", f"/c/guess{n}")[0] for n in range(60)]
        assert statuses[0] == 404
        assert statuses[-1] == 429
        # Leaving is never refused: one mail provider's network leaves for many.
        assert site.request_text("GET", "/u/guess")[0] == 404


QUERIES = [
    " OR ".join(f"word{n}" for n in range(10_000)),
    "x" * 100_000,
    "(" * 100_000,
    "***",
    ".*(a+)+$",
    "NOT a",
    "“smart quotes”",
    '"' * 501,
    "a NEAR/99999999999999999999 b",
    "\ud7ff" * 400,
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:12])
@pytest.mark.slow
def test_no_query_takes_long(site: WebClient, query: str) -> None:
    site.publish_questions(
        *(make_question(n, make_answer("A word, and smart quotes.")) for n in range(1, 30))
    )
    site.request_text("GET", "/search?q=warm")
    for path in (
        f"/search?q={quote(query)}",
        f"/feeds/queries/feed.json?q={quote(query)}",
        f"/api/v1/questions?q={quote(query)}",
    ):
        with assert_takes_less_than(seconds=2):  # of this process, which serves the pages
            status = raw_status(site, path)
        assert status in {200, 400, 414, 431}, path[:60]


def raw_status(pages: WebClient, path: str) -> int:
    try:
        return pages.request("GET", path)[0]
    except ConnectionError:
        return 414  # closed before it was read to its end


@pytest.mark.slow
def test_a_slow_statement_is_cancelled(ledger: Ledger) -> None:
    slow = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT count(*) FROM n",
        "postgresql": "SELECT pg_sleep(60)",
    }[ledger.engine.dialect.name]
    began = time.perf_counter()
    with pytest.raises(StatementTimeout), ledger.reading_with_timeout(0.3) as connection:
        connection.exec_driver_sql(slow)
    assert time.perf_counter() - began < 10
    with ledger.reading() as connection:  # and is itself again
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


class TestSizeAndTimeLimits:
    def test_a_large_body_is_refused_with_and_without_content_length(self, site: WebClient) -> None:
        large = b"x" * 200_000
        assert refusal(site, b"Content-Length: 100000000\r\n\r\n", b"") == 413
        chunk = f"{len(large):x}\r\n".encode() + large + b"\r\n0\r\n\r\n"
        assert refusal(site, b"Transfer-Encoding: chunked\r\n\r\n", chunk) == 413
        assert refusal(site, b"Content-Length: -1\r\n\r\n", b"") in {400, 413}
        assert site.request_text("GET", "/")[0] == 200

    @pytest.mark.slow
    def test_a_request_that_arrives_too_slowly_is_aborted(
        self, ledger: Ledger, now: datetime, tmp_path: Path
    ) -> None:
        with run_web_client(ledger, now, tmp_path, limits=HttpLimits(request_timeout=0.5)) as pages:
            slow = [connected(pages) for _ in range(20)]
            for number, one in enumerate(slow):
                if number % 2:
                    kind = f"Host: x\r\nContent-Type: {FORM_CONTENT_TYPE}\r\n".encode()
                    one.sendall(
                        b"POST /sign-up HTTP/1.1\r\n" + kind + b"Content-Length: 9\r\n\r\nq"
                    )
                else:
                    one.sendall(b"GET / HTTP/1.1\r\nHost")
            began = time.monotonic()
            assert [ended(one) for one in slow] == [True] * 20
            assert time.monotonic() - began < 10
            assert pages.request_text("GET", "/")[0] == 200

    def test_connections_over_the_limit_are_closed(
        self, ledger: Ledger, now: datetime, tmp_path: Path
    ) -> None:
        with run_web_client(ledger, now, tmp_path, limits=HttpLimits(max_connections=30)) as pages:
            open_ones = [connected(pages) for _ in range(200)]
            closed = sum(ended(one, 0.5) for one in open_ones[-100:])
            assert closed == 100
            for one in open_ones:
                one.close()
            deadline = time.monotonic() + 10
            while raw_status(pages, "/") != 200:
                assert time.monotonic() < deadline


def connected(pages: WebClient) -> socket.socket:
    where = urlsplit(pages.url)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=10)


def ended(connection: socket.socket, seconds: float = 10.0) -> bool:
    """Return whether the server closes the connection within ``seconds``."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        connection.close()


def refusal(pages: WebClient, head: bytes, body: bytes) -> int:
    with connected(pages) as connection:
        connection.sendall(
            b"POST /sign-up HTTP/1.1\r\nHost: x\r\nContent-Type: "
            b"application/x-www-form-urlencoded\r\n" + head
        )
        try:
            connection.sendall(body)
        except ConnectionError:
            return 413
        return int(connection.recv(64).split()[1])


def test_no_redirect_leads_to_another_site(site: WebClient) -> None:
    """No parameter and no Host header decides where a redirect leads."""
    for path in ("//evil.example", "/?next=//evil.example", "/operator?next=https://evil.example"):
        status, headers, _ = site.request("GET", path)
        assert headers["Location"] is None
        assert status in {200, 404}
    _, headers, _ = site.request("GET", "/members/", headers={"Host": "evil.example"})
    assert headers["Location"] is None or "evil" not in headers["Location"]
