"""The operator's sessions end on the server, and what is done is in the log of actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest

from alerts.ledger import operator_actions, operator_sessions
from tests.support.web_client import FORM_CONTENT_TYPE, OPERATOR_PASSWORD, WebClient, run_web_client

TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
PLAIN = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def proxied(site: WebClient, tmp_path: Path) -> Iterator[WebClient]:
    with run_web_client(site.ledger, site.now, tmp_path / "feeds", proxies=("127.0.0.1",)) as found:
        yield found


def post(pages: WebClient, headers: dict[str, str], **fields: str) -> tuple[int, str]:
    """One form, and the Set-Cookie header of the answer."""
    body = urlencode(fields).encode()
    status, answered, _ = pages.request("POST", "/operator", body, FORM_CONTENT_TYPE, headers)
    return status, answered["Set-Cookie"] or ""


def sign_in(pages: WebClient, headers: dict[str, str]) -> str:
    status, cookie = post(pages, headers, action="sign-in", password=OPERATOR_PASSWORD)
    assert status == 303
    return cookie


def find_csrf(pages: WebClient, headers: dict[str, str]) -> str | None:
    """The token of the page's forms; None for a browser that is not signed in."""
    _, html = pages.request_text("GET", "/operator", headers=headers)
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    return unescape(found[1]) if found else None


def press(pages: WebClient, headers: dict[str, str], action: str) -> str:
    csrf = find_csrf(pages, headers)
    assert csrf is not None
    return post(pages, headers, action=action, csrf=csrf)[1]


def read_attributes(cookie: str) -> dict[str, str]:
    [morsel] = SimpleCookie(cookie).values()
    return {
        name: str(value) for name, value in morsel.items() if name not in {"expires", "max-age"}
    }


@pytest.mark.parametrize("scheme", [TLS, PLAIN], ids=["tls", "plain"])
def test_signing_out_deletes_the_cookie_as_it_was_set_and_ends_the_session(
    proxied: WebClient, scheme: dict[str, str]
) -> None:
    cookie = sign_in(proxied, scheme)
    browser = scheme | {"Cookie": cookie.partition(";")[0]}
    deletion = press(proxied, browser, "sign-out")
    name = cookie.partition("=")[0]
    assert name == ("__Secure-operator" if scheme is TLS else "operator")
    assert deletion.startswith(f'{name}=""')
    assert "Max-Age=0" in deletion
    assert read_attributes(deletion) == read_attributes(cookie)
    assert bool(read_attributes(deletion)["secure"]) == (scheme is TLS)
    assert find_csrf(proxied, browser) is None  # whoever kept the cookie is not signed in


@pytest.mark.slow
def test_other_browsers_stay_signed_in_unless_all_are_signed_out(proxied: WebClient) -> None:
    first, second, third = (
        TLS | {"Cookie": sign_in(proxied, TLS).partition(";")[0]} for _ in range(3)
    )
    press(proxied, first, "sign-out")
    assert find_csrf(proxied, second) is not None
    press(proxied, second, "sign-out-everywhere")
    assert find_csrf(proxied, second) is None
    assert find_csrf(proxied, third) is None


def test_a_session_ends_after_a_working_day(proxied: WebClient) -> None:
    browser = TLS | {"Cookie": sign_in(proxied, TLS).partition(";")[0]}
    proxied.now += timedelta(hours=11)
    assert find_csrf(proxied, browser) is not None
    proxied.now += timedelta(hours=2)
    assert find_csrf(proxied, browser) is None
    with proxied.ledger.writing() as connection:
        operator_sessions.delete_expired(connection, proxied.now)
        assert operator_sessions.end_all(connection) == 0


def test_neither_the_page_nor_the_ledger_holds_what_is_in_the_cookie(proxied: WebClient) -> None:
    cookie = sign_in(proxied, TLS).partition(";")[0]
    token = cookie.partition("=")[2]
    assert len(token) >= 43  # 256 bits
    _, html = proxied.request_text("GET", "/operator", headers=TLS | {"Cookie": cookie})
    assert token not in html
    assert token not in str(proxied.read_all_rows())
    assert OPERATOR_PASSWORD not in str(proxied.read_all_rows())


@pytest.mark.slow
def test_the_log_has_what_was_done_and_each_wrong_password_once_an_hour(
    proxied: WebClient,
) -> None:
    for _ in range(5):
        post(proxied, TLS, action="sign-in", password="wrong")
    other = TLS | {"X-Forwarded-For": "198.51.100.7"}
    post(proxied, other, action="sign-in", password="wrong")
    proxied.now += timedelta(hours=2)
    post(proxied, other, action="sign-in", password="wrong")
    browser = TLS | {"Cookie": sign_in(proxied, TLS).partition(";")[0]}
    for action in ("pause-sending", "resume-sending", "sign-out"):
        press(proxied, browser, action)
    with proxied.ledger.reading() as connection:
        done = operator_actions.list_newest(connection, 20)
    here, there = "page from 203.0.113.9", "page from 198.51.100.7"
    assert [(one.actor, one.action) for one in reversed(done)] == [
        (here, "wrong password"),
        (there, "wrong password"),
        (there, "wrong password"),
        (here, "sign-in"),
        (here, "pause-sending"),
        (here, "resume-sending"),
        (here, "sign-out"),
    ]
    browser = TLS | {"Cookie": sign_in(proxied, TLS).partition(";")[0]}
    _, html = proxied.request_text("GET", "/operator", headers=browser)
    assert 'pause-sending <span class="quiet">(page from 203.0.113.9)' in html
    with proxied.ledger.writing() as connection:
        operator_actions.delete_old(connection, proxied.now + operator_actions.KEPT)
        assert len(operator_actions.list_newest(connection, 20)) == 6  # those of the last moment
