"""What a stranger can cause: real HTTP in, a real mail server's messages out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channels import smtp
from alerts.ledger import Ledger, personal_data, subscriptions
from alerts.ledger.confirmation_schema import confirmation_history
from alerts.ledger.schema import topic
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, MessageContext
from alerts.model import Frequency
from alerts.subscribers import EmailRefusedError, request_confirmation, subscribe
from tests.support.samples import make_question
from tests.support.service import get_plain_text
from tests.support.smtp_server import SmtpServer, run_smtp_server
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    TEMPLATES,
    WebClient,
    run_web_client,
)

ADA = "ada@demo.example"
FORGED = "Important\r\nBcc: all@demo.example\r\n\r\nopen this: https://evil.example/login"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with run_smtp_server() as found:
        yield found


def sign_up(pages: WebClient, email: str = ADA, **fields: str) -> tuple[int, str]:
    """Sign up; return the answer without what was typed, which is all that may differ."""
    form = {"q": "VRU", "email": email, "frequency": "daily", "updates": "all"} | fields
    status, text = pages.submit_form("/search?q=VRU", "/sign-up", **form)
    for typed in (email, form["q"]):
        text = text.replace(f">{typed}<", "><")
        text = text.replace(f"latest results for {typed}<", "latest results for <")
    return status, text.replace(urlencode({"q": form["q"]}), "q=")


def deliver(pages: WebClient, server: SmtpServer) -> list[EmailMessage]:
    """Deliver what waits, and return all that the server has received so far, by their topics."""
    channels = ChannelTable((smtp.SmtpSettings("127.0.0.1", server.port, "none"),))
    deliver_due(pages.ledger, channels, lambda: pages.now)
    emails = [message_from_bytes(body, policy=policy.default) for body in server.messages]
    return sorted(emails, key=lambda email: get_plain_text(email).partition("  Topic ")[2])


def read_parts(email: EmailMessage) -> tuple[str, str]:
    part = email.get_body(("html",))
    assert part is not None
    return get_plain_text(email), part.get_content()


def find_path(email: EmailMessage, page: str) -> str:
    found = re.search(rf"https://watch\.example(/{page}/\S+)", get_plain_text(email))
    assert found is not None
    return found[1]


@pytest.mark.slow
def test_a_followed_question_has_the_ledgers_title_everywhere(
    site: WebClient, server: SmtpServer
) -> None:
    site.publish_questions(make_question(1))
    assert sign_up(site, question=make_question(1).id, title=FORGED, q=FORGED)[0] == 200
    [email] = deliver(site, server)
    assert email["Subject"] == "Confirm your Watchword alert"
    assert email["Bcc"] is None
    for part in read_parts(email):
        assert "the question “Question 1”" in part
        assert "evil" not in part
        assert "Important" not in part
    page = site.request_text("POST", find_path(email, "c"))[1]
    assert "the question “Question 1”" in page
    with site.ledger.reading() as connection:
        assert connection.execute(select(topic.c.title)).scalars().all() == ["Question 1"]
        assert [one.query for one in subscriptions.list_active(connection)] == ["Question 1"]


@pytest.mark.slow
def test_a_query_is_one_quoted_line_of_a_hundred_characters(
    site: WebClient, server: SmtpServer
) -> None:
    words = "\r\n\r\n".join(f"word{chr(97 + n)}" for n in range(24))
    assert sign_up(site, q=f"{words}\u202e\u200b ”benches“")[0] == 200
    [email] = deliver(site, server)
    assert email["Subject"] == "Confirm your Watchword alert"
    text, html = read_parts(email)
    [line] = [line for line in text.splitlines() if "worda" in line]
    quoted = line.removeprefix("  Topic      ")
    assert re.fullmatch(r"“[^“”\n]{100}”", quoted)
    assert quoted.endswith("…”")
    assert f"<b>{quoted}</b>" in html
    assert text.count("wordb") == 1


@pytest.mark.slow
@pytest.mark.parametrize("mark", "〞❞ˮ״")
def test_no_mark_in_a_query_seems_to_end_the_quotation(
    site: WebClient, server: SmtpServer, mark: str
) -> None:
    assert sign_up(site, q=f"benches{mark} ring us")[0] == 200
    [email] = deliver(site, server)
    assert '“benches" ring us”' in read_parts(email)[0]


@pytest.mark.parametrize(
    "query",
    [
        '"open this page: https://evil.example/login"',
        "benches OR evil.com",
        "evil。com",
        "evil dot com",
        "ann@evil.example",
        "ring 020 7983 4000",
        "zero two zero seven nine eight three four",
    ],
)
def test_a_query_with_contact_details_is_refused_with_a_sentence(
    site: WebClient, query: str
) -> None:
    before = site.read_all_rows()
    status, text = sign_up(site, q=query)
    assert status == 400
    assert "Take out what looks like a" in text
    assert site.read_all_rows() == before


@pytest.mark.slow
@pytest.mark.parametrize("query", ["SE17 1PB", "2022/1234", "5G", "A40 OR A406", "gov.uk"])
def test_what_people_search_for_is_accepted(site: WebClient, query: str) -> None:
    assert sign_up(site, q=query)[0] == 200
    assert len(site.read_messages()) == 1


def test_a_query_that_is_too_long_is_refused_and_not_cut(site: WebClient) -> None:
    assert sign_up(site, q="bench " * 100)[0] == 400
    assert site.read_messages() == []


@pytest.mark.parametrize(
    "address",
    [
        "x@internal",
        "x@example",
        "x@com",
        f"{'x' * 65}@demo.example",
        "x@localhost",
        "x@127.0.0.1",
        "x@[127.0.0.1]",
        "x@[IPv6:::1]",
        "x@mail.internal",
        "x@printer.local",
        "x@db.lan",
        "x@nas.localdomain",
        "x@x.test",
        "x@x.invalid",
        "x@x.onion",
        "x@1.168.192.in-addr.arpa",
        '"two words"@demo.example',
        "söka@demo.example",
        "x@demo.example\r\nBcc: y@demo.example",
        MAIL_IDENTITY.address,
        MAIL_IDENTITY.address.upper(),
        MAIL_IDENTITY.address.replace("@", "+1@"),
        MAIL_IDENTITY.unsubscribe_address,
    ],
)
def test_only_addresses_that_the_internets_email_reaches_are_accepted(
    site: WebClient, address: str
) -> None:
    before = site.read_all_rows()
    assert sign_up(site, address)[0] == 400
    assert site.read_all_rows() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "address", ["ann@bücher.example", "ann@xn--bcher-kva.example", "a@b.co.uk"]
)
def test_other_addresses_are_accepted(site: WebClient, address: str) -> None:
    assert sign_up(site, address)[0] == 200
    assert len(site.read_messages()) == 1


def test_the_operator_may_subscribe_any_address(ledger: Ledger, now: datetime) -> None:
    request = SubscriptionRequest("evil.com", Frequency.DAILY, "all", "command")
    with ledger.writing() as connection:
        assert subscribe(connection, "x@internal", request, SUBSCRIBER_DEFAULTS, now).is_changed


@pytest.mark.slow
def test_three_unanswered_emails_are_followed_by_a_month_without(
    site: WebClient, server: SmtpServer
) -> None:
    pages = [
        sign_up(site, f"ada{tag}@demo.example", q=f"benches{number}")
        for number, tag in enumerate(["", "+a", "+b", "", "+c"])
    ]
    assert len({(status, text) for status, text in pages}) == 1
    assert len(deliver(site, server)) == 3
    with site.ledger.reading() as connection:
        [row] = (personal_data.collect_data(connection, ADA) or {})["confirmation_emails"]
    assert row["unanswered"] == 3
    site.now += timedelta(days=29)
    sign_up(site, q="trees")
    assert len(deliver(site, server)) == 3
    site.now += timedelta(days=2)
    sign_up(site, q="trees")
    assert len(deliver(site, server)) == 4


@pytest.mark.slow
def test_a_pause_of_a_clock_that_was_ahead_ends_with_it(
    site: WebClient, server: SmtpServer
) -> None:
    site.now += timedelta(days=300)
    for number in range(3):
        sign_up(site, q=f"benches{number}")
    site.now -= timedelta(days=300)
    sign_up(site, q="benches0")  # the same as one of the others
    sign_up(site, q="trees")
    assert len(deliver(site, server)) == 2  # the others are due when the clock comes there


@pytest.mark.slow
def test_an_answer_ends_the_count_and_shows_what_had_no_email(
    site: WebClient, server: SmtpServer
) -> None:
    for number in range(5):
        sign_up(site, q=f"benches{number}")
    first, *_ = deliver(site, server)
    path = find_path(first, "c")
    text = site.request_text("GET", path)[1]
    assert re.findall(r'value="\d+"( checked)?> “(\w+)”', text) == [
        (" checked", "benches0"),
        *(("", f"benches{number}") for number in range(1, 5)),
    ]
    assert site.request_text("POST", path)[0] == 200
    sign_up(site, q="trees")
    assert len(deliver(site, server)) == 4


@pytest.mark.slow
def test_a_strangers_request_does_not_stop_the_email_of_another(
    site: WebClient, server: SmtpServer
) -> None:
    sign_up(site, q="a stranger")
    sign_up(site, q="VRU")
    emails = deliver(site, server)
    [own] = [email for email in emails if "“VRU”" in get_plain_text(email)]
    assert len(emails) == 2
    page = site.request_text("POST", find_path(own, "c"))[1]
    assert "<mark>VRU</mark>" in page
    with site.ledger.reading() as connection:
        assert [one.query for one in subscriptions.list_active(connection)] == ["VRU"]


@pytest.mark.slow
def test_do_not_email_me_again(site: WebClient, server: SmtpServer) -> None:
    expected = sign_up(site)
    [email] = deliver(site, server)
    path = find_path(email, "n")
    before = site.read_all_rows()
    assert "Do not email me again" in site.request_text("GET", path)[1]
    assert site.read_all_rows() == before
    assert "We will not email you again" in site.request_text("POST", path)[1]
    site.now += timedelta(days=400)
    rows = site.read_all_rows()
    assert sign_up(site, "Ada+other@demo.example", q="trees") == expected
    assert site.read_all_rows() == rows  # of the address nothing is kept
    assert len(deliver(site, server)) == 1
    assert "We will not email you again" in site.request_text("GET", path)[1]
    answer = site.request_text("POST", path, "action=allow", FORM_CONTENT_TYPE)[1]
    assert "You can subscribe again" in answer
    assert sign_up(site, q="trees") == expected
    assert len(deliver(site, server)) == 2


@pytest.mark.slow
def test_the_refusal_survives_deletion_and_holds_no_address(
    site: WebClient, server: SmtpServer
) -> None:
    sign_up(site)
    [email] = deliver(site, server)
    site.request_text("POST", find_path(email, "n"))
    with site.ledger.writing() as connection:
        assert "confirmation_emails" in personal_data.delete_data(connection, ADA).kept
        assert subscriptions.find_subscriber_by_email(connection, ADA) is None
        [row] = connection.execute(select(confirmation_history)).all()
    assert "ada" not in str(row)
    sign_up(site)
    assert len(deliver(site, server)) == 1


def test_wrong_links_of_this_page_get_the_answer_of_all_wrong_links(site: WebClient) -> None:
    signed = site.request_text("GET", "/n/" + "0" * 90)
    assert signed == site.request_text("GET", "/c/wrong")
    assert site.request_text("POST", "/n/wrong") == signed
    assert site.request("GET", "/n/wrong")[1]["X-Robots-Tag"] == "noindex"


@pytest.mark.slow
def test_the_answer_does_not_tell_what_is_known_of_an_address(
    site: WebClient, server: SmtpServer
) -> None:
    request = SubscriptionRequest("VRU", Frequency.DAILY, "all", "command")
    with site.ledger.writing() as connection:
        subscribe(connection, "subscriber@demo.example", request, SUBSCRIBER_DEFAULTS, site.now)
    sign_up(site, "refused@demo.example")
    site.request_text("POST", find_path(deliver(site, server)[0], "n"))
    for number in range(3):
        sign_up(site, "paused@demo.example", q=f"benches{number}")
    answers = {
        sign_up(site, f"{name}@demo.example", q="ponds")
        for name in ("unknown", "subscriber", "refused", "paused")
    }
    assert len(answers) == 1


def test_the_bounce_address_is_the_services_own(site: WebClient) -> None:
    identity = MailIdentity(
        "Watchword",
        "w@demo.example",
        "leave@demo.example",
        "https://watch.example",
        bounce_address="bounces@demo.example",
    )
    with run_web_client(site.ledger, site.now, site.folder, mail_identity=identity) as other:
        assert sign_up(other, "bounces+1.x@demo.example")[0] == 400


@pytest.mark.slow
def test_the_operator_is_told_that_emails_are_refused(site: WebClient, server: SmtpServer) -> None:
    sign_up(site)
    site.request_text("POST", find_path(deliver(site, server)[0], "n"))
    context = MessageContext(TEMPLATES, MAIL_IDENTITY, site.now)
    request = SubscriptionRequest("trees", Frequency.DAILY, "all", "command")
    with site.ledger.writing() as connection, pytest.raises(EmailRefusedError):
        request_confirmation(connection, context, ADA, request, SUBSCRIBER_DEFAULTS)
