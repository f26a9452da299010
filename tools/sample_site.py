"""The sample archive, served: with a subscriber of five alerts, crawls and alarms, for pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import msgspec
from sqlalchemy import select

from alerts.digests import DigestSettings, compose_due_digests
from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.ledger import (
    Ledger,
    alarms,
    crawl_runs,
    deliveries,
    jobs,
    open_ledger,
    questions,
    subscriptions,
)
from alerts.ledger.crawl_runs import CrawlResult
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, MessageContext
from alerts.matching import TopicMatcher
from alerts.model import Frequency, SiteDescription, SourceInfo
from alerts.operator import ServiceStatus, build_status
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.search import index_questions
from alerts.secret import Secret
from alerts.subscribers import (
    AlertSample,
    SubscriberDefaults,
    publish_topic,
    request_confirmation,
    subscribe,
)
from alerts.web import WebContext, create_app
from crawler.records import Question
from crawler.storage import LocalFolder
from scheduler.web import serve
from tools.sample_archive import NOW, SITE_URL, build_old_questions, iter_news

OPERATOR_PASSWORD = "a password for pictures"  # noqa: S105  # of a service that nobody else sees
_BASE = "https://watch.example"
_ADA = "ada@demo.example"
_IDENTITY = MailIdentity(
    *("Watchword", "watchword@demo.example", "leave@demo.example", _BASE),
    site_urls={"harbour": SITE_URL},
)
_FEEDS = FeedIdentity(
    *("Watchword", "watch.example,2026", SITE_URL, _BASE),
    attributions={"harbour": "Contains public sector information of an invented assembly."},
    site_urls={"harbour": SITE_URL},
)
_DEFAULTS = SubscriberDefaults("Europe/London", 7)
_TOPICS = ("VRU", "knife crime", "youth clubs", "school exclusions", "night ferry", "lifts")
#: Others who get emails, and for what.
_READERS = tuple((f"reader{number}@demo.example", _TOPICS[number % 3]) for number in range(24))
_ALERTS = {
    "VRU": Frequency.DAILY,
    '"youth clubs" NOT trust': Frequency.WEEKLY,
    '"step-free access" OR lifts': Frequency.DAILY,
    "knife crime": Frequency.DAILY,
    "asbestos": Frequency.MONTHLY,
}


class SampleSite(msgspec.Struct, frozen=True):
    """The served site."""

    url: str
    addresses: dict[str, str]  #: of what has no fixed address, by what it is
    raise_alarm: Callable[[], None]  #: gives the operator something to do


@contextmanager
def run_sample_site(folder: Path) -> Iterator[SampleSite]:
    """Fill a ledger in a folder, and serve it."""
    ledger, templates = open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}"), Templates()
    _fill(ledger, templates)
    publish_feeds(ledger, LocalFolder(folder / "feeds"), FeedContext(_FEEDS, templates))

    def read_status() -> ServiceStatus:
        with ledger.reading() as connection:
            return build_status(connection, {"harbour": "Harbour Assembly"}, NOW)

    source = SourceInfo(
        name="Harbour Assembly",
        home_url=SITE_URL,
        description="Questions that members of an invented assembly put to the mayor.",
    )
    context = WebContext(
        name="Watchword",
        site=SiteDescription(sources={"harbour": source}, zone="Europe/London"),
        domain="watch.example",
        subscriber_defaults=_DEFAULTS,
        ledger=ledger,
        templates=templates,
        feeds_folder=LocalFolder(folder / "feeds"),
        clock=lambda: NOW,
        read_status=read_status,
        mail_identity=_IDENTITY,
        feed_identity=_FEEDS,
        is_sign_up_enabled=True,
        operator_password=Secret(OPERATOR_PASSWORD),
    )
    with serve(create_app(context)) as url:
        # Browsers keep cookies of localhost, which counts as secure.
        addresses = _find_addresses(ledger, folder)
        yield SampleSite(
            url.replace("127.0.0.1", "localhost"), addresses, lambda: _raise_alarm(ledger)
        )
    ledger.engine.dispose()


def _fill(ledger: Ledger, templates: Templates) -> None:
    start = min(moment for moment, _ in iter_news()) - timedelta(days=1)
    _record_crawls(ledger)
    with ledger.writing() as connection:
        for topic in _TOPICS:
            publish_topic(connection, topic, start)
    # Each is read on its day, so that alerts know since when there is something.
    _record(ledger, build_old_questions(), start, is_baseline=True)
    with ledger.writing() as connection:
        wanted = [(_ADA, query, frequency) for query, frequency in _ALERTS.items()]
        wanted += [(email, query, Frequency.IMMEDIATE) for email, query in _READERS]
        for email, query, frequency in wanted:
            request = SubscriptionRequest(query, frequency, "all", "page")
            subscribe(connection, email, request, _DEFAULTS, start)
    for moment, records in sorted(iter_news(), key=lambda one: one[0]):
        _record(ledger, records, moment)
        if moment.date() < date(2026, 11, 24):
            _send(ledger, templates, moment + timedelta(days=2))
    _send(ledger, templates, NOW.replace(hour=8, minute=0))
    context = MessageContext(templates, _IDENTITY, NOW)
    with ledger.writing() as connection:
        request = SubscriptionRequest("VRU", Frequency.DAILY, "all", "page")
        newest = questions.find(connection, "harbour:/questions/1590")
        sample = AlertSample(2.1, newest.record if newest else None)
        request_confirmation(
            connection, context, "eve@demo.example", request, _DEFAULTS, sample=sample
        )
        jobs.begin(connection, "round", NOW - timedelta(minutes=2))
        jobs.end_well(connection, "round", NOW - timedelta(minutes=1))


def _raise_alarm(ledger: Ledger) -> None:
    reason = "3 questions of 19 November 2026 are listed and could not be read"
    with ledger.writing() as connection:
        since = NOW - timedelta(hours=3)
        alarms.update_open(connection, "harbour", {"missing": reason}, (), since)


def _record(
    ledger: Ledger, records: list[Question], moment: datetime, *, is_baseline: bool = False
) -> None:
    with ledger.writing() as connection:
        readings = [QuestionReading(one) for one in records]
        record_readings(connection, readings, moment, RecordingRules(baseline=is_baseline))
    TopicMatcher(ledger).match_new_changes()
    index_questions(ledger)


def _send(ledger: Ledger, templates: Templates, moment: datetime) -> None:
    """Compose what is due, and note it as sent."""
    compose_due_digests(ledger, DigestSettings(templates, _IDENTITY), moment)
    attempt = DeliveryAttempt("sent", None, "sent", moment)
    with ledger.writing() as connection:
        new = connection.execute(select(message.c.id).where(message.c.sent_at.is_(None))).scalars()
        deliveries.record_attempts(connection, [(id_, attempt, moment) for id_ in new])


def _record_crawls(ledger: Ledger) -> None:
    """Two crawls a day for three months, of which one was blocked."""
    with ledger.writing() as connection:
        for half_day in range(180, -1, -1):
            began = NOW - timedelta(hours=12 * half_day, minutes=7)
            verdict = "blocked" if half_day == 41 else "ok"
            run = crawl_runs.start_run(connection, "harbour", began)
            result = CrawlResult(
                verdict=verdict,
                reason="the site answered 403" if verdict == "blocked" else "",
                report="null",
                is_complete=verdict == "ok",
                change_counts={},
            )
            ended = began + timedelta(minutes=3 + half_day % 4)
            crawl_runs.finish_run(connection, run, result, ended)


def _find_addresses(ledger: Ledger, folder: Path) -> dict[str, str]:
    """Return addresses of pages and files that have no fixed one."""
    with ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, _ADA)
        bodies = connection.execute(select(message.c.body).order_by(message.c.id)).scalars()
        emails = [
            message_from_bytes(decompress_body(body), EmailMessage, policy=default)
            for body in bodies
        ]
    assert person is not None
    digest = [one for one in emails if one["To"] == _ADA and "VRU" in one["Subject"]][-1]
    confirmation = next(one for one in emails if "eve@" in one["To"])
    confirm = re.search(rf"{_BASE}(/c/\S+)", _read(confirmation, "plain"))
    assert confirm is not None
    return {
        "own page": _IDENTITY.build_manage_link(person.link_subject, NOW).removeprefix(_BASE),
        "unsubscribe": f"/u/{person.token}",
        "confirm": confirm[1],
        "check email": "/search?q=VRU",
        "digest": _write(folder / "digest.html", _read(digest, "html")),
        "confirm email": _write(folder / "confirm-email.html", _read(confirmation, "html")),
    }


def _read(email: EmailMessage, kind: str) -> str:
    body = email.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def _write(path: Path, html: str) -> str:
    path.write_text(html, encoding="utf-8")
    return path.as_uri()
