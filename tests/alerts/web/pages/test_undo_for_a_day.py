"""What subscribers change on their page or by an email's link, and undo: HTTP in, SMTP out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from html import unescape

import pytest

from alerts.delivery import deliver_due
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import personal_data, subscriptions, undo_records
from alerts.ledger.subscriptions import Subscription, SubscriptionRequest
from alerts.matching import TopicMatcher
from alerts.model import Frequency, Subscriber, Updates
from alerts.subscribers import UNDO_PERIOD, subscribe
from tests.alerts.delivery.test_refusals import open_channel
from tests.support.samples import make_answer, make_question
from tests.support.service import get_plain_text
from tests.support.smtp_server import SmtpServer, run_smtp_server
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    TEMPLATES,
    WebClient,
)

ADA = "ada@demo.example"
ONE_CLICK = "List-Unsubscribe=One-Click"
MINUTE = timedelta(minutes=1)


class Reader:
    """Ada, with her alerts, her page and her mailbox."""

    def __init__(self, site: WebClient, server: SmtpServer) -> None:
        self.site, self.server, self.count = site, server, 0

    def subscribe(
        self, *queries: str, frequency: Frequency = Frequency.IMMEDIATE, updates: Updates = "all"
    ) -> None:
        """Subscribe her, as if she had confirmed."""
        with self.site.ledger.writing() as connection:
            for query in queries:
                request = SubscriptionRequest(query, frequency, updates, "page", note="mine")
                subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, self.site.now)

    @property
    def person(self) -> Subscriber:
        """Her row."""
        with self.site.ledger.reading() as connection:
            found = subscriptions.find_subscriber_by_email(connection, ADA)
        assert found is not None
        return found

    @property
    def path(self) -> str:
        """Her page."""
        link = MAIL_IDENTITY.build_manage_link(self.person.link_subject, self.site.now)
        return link.removeprefix("https://watch.example")

    @property
    def alerts(self) -> dict[str, Subscription]:
        """Her active alerts by their queries."""
        with self.site.ledger.reading() as connection:
            return {a.query: a for a in subscriptions.list_active(connection, self.person.id)}

    def stop_path(self, query: str) -> str:
        """The link of an email that stops one alert."""
        links = MAIL_IDENTITY.build_links(self.person.token, self.site.now)
        return (links.build_stop_alert_link(self.alerts[query].id) or "").removeprefix(
            "https://watch.example"
        )

    def look(self, path: str = "") -> str:
        """Open her page, or another one."""
        status, text = self.site.request_text("GET", path or self.path)
        assert status == 200
        return unescape(text)

    def press(self, action: str, /, **fields: object) -> str:
        """Press a button of her page."""
        form = {name: str(value) for name, value in fields.items()}
        status, text = self.site.submit_form(self.path, self.path, action=action, **form)
        assert status == 200
        return unescape(text)

    def press_for(self, query: str, action: str, /, **fields: object) -> str:
        """Press a button of one alert."""
        fields["topic"] = self.alerts[query].topic_id
        return self.press(action, **fields)

    def save(self, query: str, /, **changes: str) -> str:
        """Save the form of one alert with some other choices."""
        alert = self.alerts[query]
        choices = {
            "query": alert.query,
            "frequency": alert.frequency,
            "updates": alert.updates,
            "detail": alert.detail,
            "note": alert.note or "",
        }
        return self.press_for(query, "save", **choices | changes)

    def post(self, path: str, body: str) -> str:
        """Press a button behind an email's link, or let a mail program do it."""
        status, text = self.site.request_text("POST", path, body, FORM_CONTENT_TYPE)
        assert status == 200
        return unescape(text)

    def undo(self) -> str:
        """Undo what was changed last."""
        with self.site.ledger.reading() as connection:
            since = self.site.now - timedelta(days=30)
            newest = undo_records.list_since(connection, self.person.id, since)[0]
        return self.press("undo", undo=newest.id)

    def ask(self, words: str) -> str:
        """Let a new question be published; return its title."""
        self.count += 1
        self.site.now += MINUTE
        self.site.publish_questions(make_question(self.count, words=words))
        return f"Question {self.count}"

    def answer(self, title: str, words: str) -> None:
        """Let a question be answered."""
        number = int(title.removeprefix("Question "))
        self.site.now += MINUTE
        asked = make_question(number, make_answer("An answer."), words=words)
        self.site.publish_questions(asked)

    def read_mail(self) -> list[str]:
        """Send what is due; return the titles in the digests that arrive now, sorted."""
        self.site.now += MINUTE
        TopicMatcher(self.site.ledger).match_new_changes()
        settings = DigestSettings(TEMPLATES, MAIL_IDENTITY)
        compose_due_digests(self.site.ledger, settings, self.site.now)
        before = len(self.server.messages)
        deliver_due(self.site.ledger, open_channel(self.server), lambda: self.site.now)
        found: list[str] = []
        for body in self.server.messages[before:]:
            text = get_plain_text(message_from_bytes(body, policy=policy.default))
            found += [f"Question {n}" for n in range(1, 100) if f"Question {n}\n" in text]
        return sorted(found)


@pytest.fixture
def ada(pages: WebClient) -> Iterator[Reader]:
    with run_smtp_server() as server:
        yield Reader(pages, server)


@pytest.mark.slow
def test_an_ended_alert_goes_on_as_it_was(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    sent = ada.ask("The VRU and trees.")
    assert ada.read_mail() == [sent]
    before = ada.alerts["VRU"]
    page = ada.press_for("VRU", "unsubscribe")
    assert "You’re unsubscribed from “VRU”." in page
    assert set(ada.alerts) == {"trees"}
    missed = ada.ask("The VRU.")
    assert ada.read_mail() == []
    ada.site.now += UNDO_PERIOD - timedelta(hours=1)
    assert "You unsubscribed from <b>VRU</b>." in ada.look()
    assert "You’re subscribed again." in ada.undo()
    assert ada.alerts["VRU"] == before
    assert ada.read_mail() == [missed]
    assert ada.read_mail() == []
    assert "You unsubscribed" not in ada.look()


@pytest.mark.slow
def test_what_waited_to_be_sent_is_sent_once_after_an_undo(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    title = ada.ask("The VRU.")
    compose_due_digests(
        ada.site.ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), ada.site.now + MINUTE
    )
    ada.press_for("VRU", "unsubscribe")
    assert ada.read_mail() == []
    ada.undo()
    assert ada.read_mail() == [title]
    assert ada.read_mail() == []


@pytest.mark.slow
def test_after_a_day_nothing_can_be_undone(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    ada.press_for("VRU", "unsubscribe")
    ada.save("trees", frequency="weekly")
    ada.site.now += UNDO_PERIOD
    assert "Changed in the last day" not in ada.look()
    assert "too late" in ada.undo()
    assert set(ada.alerts) == {"trees"}
    assert ada.alerts["trees"].frequency == "weekly"


@pytest.mark.slow
def test_an_edit_is_undone_with_all_its_settings(ada: Reader) -> None:
    ada.subscribe("VRU")
    before = ada.alerts["VRU"]
    ada.save("VRU", frequency="monthly", updates="asked", detail="titles", note="other")
    ada.save("VRU", note="a third")
    assert ada.look().count(">Undo<") == 1  # the newest first
    ada.undo()
    assert ada.alerts["VRU"].note == "other"
    ada.undo()
    assert ada.alerts["VRU"] == before
    assert ">Undo<" not in ada.look()


@pytest.mark.slow
def test_what_an_edit_left_out_is_sent_after_its_undo_and_nothing_twice(ada: Reader) -> None:
    ada.subscribe("VRU")
    first = ada.ask("The VRU.")
    assert ada.read_mail() == [first]
    ada.save("VRU", updates="answered")
    left_out = ada.ask("The VRU again.")
    ada.answer(first, "The VRU.")
    assert ada.read_mail() == [first]  # its answer
    ada.undo()
    assert ada.read_mail() == [left_out]
    ada.save("VRU", query="VRU OR trees")
    assert ada.read_mail() == []
    later = ada.ask("The VRU and trees.")
    assert ada.read_mail() == [later]


@pytest.mark.slow
def test_another_query_is_undone_and_nothing_is_sent_twice(ada: Reader) -> None:
    ada.subscribe("VRU")
    before = ada.alerts["VRU"]
    ada.save("VRU", query="VRU OR trees")
    both, other = ada.ask("The VRU."), ada.ask("Some trees.")
    assert ada.read_mail() == [both, other]
    assert "Everything is as it was" in ada.undo()
    assert ada.alerts == {"VRU": before}
    assert ada.read_mail() == []
    for query in ("VRU OR trees", "VRU OR benches", "VRU"):  # a digest may hold a change once
        [now_there] = ada.alerts
        assert "Alert saved." in ada.save(now_there, query=query)
        assert ada.read_mail() == []
    later = ada.ask("The VRU once more.")
    assert ada.read_mail() == [later]


@pytest.mark.slow
def test_a_pause_is_undone_as_if_it_had_not_been(ada: Reader) -> None:
    ada.subscribe("VRU")
    ada.press_for("VRU", "pause")
    missed = ada.ask("The VRU.")
    assert ada.read_mail() == []
    ada.undo()
    assert ada.read_mail() == [missed]
    ada.press_for("VRU", "pause")
    ada.ask("The VRU in a pause.")
    assert ada.read_mail() == []
    ada.press_for("VRU", "resume")  # without undo: nothing is kept for later
    assert ada.read_mail() == []
    ada.undo()
    assert ada.alerts["VRU"].paused_at is not None
    ada.press_for("VRU", "resume")
    later = ada.ask("The VRU later.")
    assert ada.read_mail() == [later]


@pytest.mark.slow
def test_a_pause_for_a_month_ends_by_itself(ada: Reader) -> None:
    ada.subscribe("VRU")
    path = ada.stop_path("VRU")
    assert "paused for a month" in ada.post(path, "action=pause-month")
    ada.ask("The VRU in the pause.")
    ada.site.now += timedelta(days=29)
    assert ada.read_mail() == []
    assert "Paused until 15 August 2026" in ada.look()
    ada.site.now += timedelta(hours=23)
    ada.ask("The VRU on its last day.")
    ada.site.now += timedelta(hours=1)
    later = ada.ask("The VRU after it.")  # before the pause was seen to have ended
    assert ada.read_mail() == [later]
    assert ada.alerts["VRU"].paused_at is None
    assert ada.alerts["VRU"].resume_at is None


@pytest.mark.slow
def test_leaving_with_everything_is_undone_on_the_own_page(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    before = ada.alerts
    question = ada.look(f"{ada.path}/delete")
    assert "2 alerts for ada@demo.example will end." in question
    assert ada.alerts == before
    assert "You’re unsubscribed from everything." in ada.press("unsubscribe-all")
    assert ada.alerts == {}
    missed = ada.ask("The VRU and trees.")
    assert ada.read_mail() == []
    ada.undo()
    assert ada.alerts == before
    assert ada.read_mail() == [missed]


def test_the_schedule_is_undone(ada: Reader) -> None:
    ada.subscribe("VRU")
    assert "Schedule saved." in ada.press("schedule", hour=19, zone="Europe/Paris")
    assert (ada.person.hour, ada.person.zone) == (19, "Europe/Paris")
    ada.undo()
    assert (ada.person.hour, ada.person.zone) == (7, "Europe/London")


@pytest.mark.slow
def test_a_new_sign_up_stands_above_an_undo(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    ada.press_for("VRU", "unsubscribe")
    ada.subscribe("VRU", frequency=Frequency.WEEKLY)
    assert "Changed in the last day" not in ada.look()
    assert "too late" in ada.undo()
    assert ada.alerts["VRU"].frequency == "weekly"


@pytest.mark.slow
def test_an_undo_of_somebody_else_does_nothing(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    ada.press_for("VRU", "unsubscribe")
    with ada.site.ledger.writing() as connection:
        request = SubscriptionRequest("VRU", Frequency.DAILY, "all", "page")
        subscribe(connection, "vera@demo.example", request, SUBSCRIBER_DEFAULTS, ada.site.now)
        vera = subscriptions.find_subscriber_by_email(connection, "vera@demo.example")
        assert vera is not None
        [record] = undo_records.list_since(connection, ada.person.id, ada.site.now - UNDO_PERIOD)
    path = MAIL_IDENTITY.build_manage_link(vera.link_subject, ada.site.now)
    path = path.removeprefix("https://watch.example")
    status, text = ada.site.submit_form(path, path, action="undo", undo=str(record.id))
    assert status == 200
    assert "Nothing was changed" in text
    assert set(ada.alerts) == {"trees"}


@pytest.mark.slow
def test_the_link_of_an_email_stops_one_alert(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    path, before = ada.stop_path("VRU"), ada.site.read_all_rows()
    for _ in range(3):  # scanners open every link
        page = ada.look(path)
    assert ada.site.read_all_rows() == before
    assert "Unsubscribe from <mark>VRU</mark>?" in page
    assert "Your other alert stays." in page
    assert ADA not in page  # the email may have been forwarded
    page = ada.post(path, ONE_CLICK)
    assert "We won’t email you about <mark>VRU</mark> again." in page
    assert set(ada.alerts) == {"trees"}
    missed = ada.ask("The VRU.")
    assert ada.read_mail() == []
    assert ">Undo<" in ada.look(path)
    assert "as before" in ada.post(path, "action=undo")
    assert ada.read_mail() == [missed]


@pytest.mark.slow
def test_each_topic_of_a_digest_has_its_link(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    ada.ask("The VRU.")
    ada.ask("The trees.")
    ada.read_mail()
    [body] = ada.server.messages
    text = get_plain_text(message_from_bytes(body, policy=policy.default))
    links = re.findall(r"https://watch\.example(/u/[^/\s]+/[0-9]+)\s", text)
    topics = {re.findall("<mark>(.*?)</mark>", ada.look(link))[0] for link in links}
    assert topics == {"VRU", "trees"}
    for link in dict.fromkeys(links):
        assert "You’re unsubscribed" in ada.post(link, "action=unsubscribe")
    assert ada.alerts == {}


def test_the_link_of_an_email_undoes_nothing_after_a_day(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    path = ada.stop_path("VRU")
    ada.post(path, "action=unsubscribe")
    ada.site.now += UNDO_PERIOD
    assert ">Undo<" not in ada.look(path)
    ada.post(path, "action=undo")
    assert set(ada.alerts) == {"trees"}
    assert ada.site.request_text("POST", path, ONE_CLICK, FORM_CONTENT_TYPE)[0] == 200


def test_weekly_instead(ada: Reader) -> None:
    ada.subscribe("VRU", frequency=Frequency.DAILY)
    path = ada.stop_path("VRU")
    assert "Get it weekly instead" in ada.look(path)
    assert "come on Mondays" in ada.post(path, "action=weekly")
    assert ada.alerts["VRU"].frequency == "weekly"
    assert "weekly instead" not in ada.look(path)
    assert "Nothing was changed" in ada.post(path, "action=weekly")
    ada.post(path, "action=undo")
    assert ada.alerts["VRU"].frequency == "daily"
    assert "Nothing was changed" in ada.post(path, "action=undo")


def test_the_id_of_another_alert_shows_all_and_a_wrong_token_nothing(ada: Reader) -> None:
    ada.subscribe("VRU")
    with ada.site.ledger.writing() as connection:
        request = SubscriptionRequest("secret", Frequency.DAILY, "all", "page")
        subscribe(connection, "vera@demo.example", request, SUBSCRIBER_DEFAULTS, ada.site.now)
        [other] = [s for s in subscriptions.list_active(connection) if s.query == "secret"]
    for key in (other.id, 999_999):
        path = f"/u/{ada.person.token}/{key}"
        assert "secret" not in ada.look(path)
        assert "secret" not in ada.post(path, ONE_CLICK)
    with ada.site.ledger.reading() as connection:
        assert len(subscriptions.list_active(connection)) == 2
    assert ada.site.request_text("GET", f"/u/wrong/{other.id}")[0] == 404


@pytest.mark.slow
def test_what_can_be_undone_is_exported_deleted_and_kept_for_a_day(ada: Reader) -> None:
    ada.subscribe("VRU", "trees")
    ada.save("VRU", note="a private note")
    with ada.site.ledger.writing() as connection:
        data = personal_data.collect_data(connection, ADA)
        assert data is not None
        [record] = data["undo_records"]
        assert record["action"] == "edit"
        assert '"mine"' in record["former"]
        undo_records.delete_old(connection, ada.site.now - UNDO_PERIOD + MINUTE)
    assert len((personal_data_of(ada) or {})["undo_records"]) == 1
    ada.site.now += UNDO_PERIOD
    with ada.site.ledger.writing() as connection:
        undo_records.delete_old(connection, ada.site.now - UNDO_PERIOD)
    assert (personal_data_of(ada) or {})["undo_records"] == []
    ada.save("VRU", note="another")
    ada.press("delete")
    assert personal_data_of(ada) is None
    assert "private note" not in str(ada.site.read_all_rows())


def personal_data_of(ada: Reader) -> dict[str, list[object]] | None:
    with ada.site.ledger.reading() as connection:
        return personal_data.collect_data(connection, ADA)
