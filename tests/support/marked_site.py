"""A site full of private things, each made of marked words that no public answer may contain."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy import select
from starlette.applications import Starlette

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import (
    Ledger,
    alarms,
    bounces,
    jobs,
    secrets,
    subscriptions,
)
from alerts.ledger.bounces import Bounce
from alerts.ledger.schema import message, pending_subscription, subscriber, topic
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, MessageContext
from alerts.matching import TopicMatcher
from alerts.model import Frequency, Origin
from alerts.operator import ServiceStatus, build_status
from alerts.recording import take_down
from alerts.secret import Secret
from alerts.subscribers import request_confirmation, subscribe
from alerts.web import MetricsAccess
from tests.support.outbox import list_due
from tests.support.samples import make_answer, make_question
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    TEMPLATES,
    WebClient,
    run_web_client,
)

#: Stands in everything private, in any case.
MARK = "zzmark"
#: Stands in what is public, so that it is seen that a crawl reads pages.
PUBLIC_MARK = "zzpublic"
PASSWORD = "zzmark operator password"
METRICS_TOKEN = "zzmark token of the metrics"
READER = "zzmark.reader@zzmarkmail.example"
_PRIVATE_FEED = re.compile(r"/feeds/private/[\w.-]+")
_SECRET = b"zzmark token secret of sixteen bytes"


@dataclass
class MarkedSite:
    """The served site, and what nobody may see of it."""

    pages: WebClient
    app: Starlette
    #: Strings without the mark: tokens, keys and the forms in which bytes are written.
    secrets: set[str] = field(default_factory=set)
    #: Addresses that only their owner knows, by the pattern of their route.
    private_paths: dict[str, str] = field(default_factory=dict)
    private_feeds: list[str] = field(default_factory=list)  #: addresses that their owner's page has
    slugs: list[str] = field(default_factory=list)  #: of private topics
    session: str = ""  #: the operator's cookie


@contextmanager
def run_marked_site(ledger: Ledger, now: datetime, folder: Path) -> Iterator[MarkedSite]:
    """Serve a ledger of private topics, subscribers and secrets."""
    identity = msgspec.structs.replace(MAIL_IDENTITY, token_secret=_SECRET)

    def read_status() -> ServiceStatus:
        with ledger.reading() as connection:
            return build_status(connection, {"london": "replica.example"}, now)

    with run_web_client(
        ledger,
        now,
        folder,
        proxies=("127.0.0.1",),  # so that requests can come from many networks
        mail_identity=identity,
        operator_password=Secret(PASSWORD),
        metrics_access=MetricsAccess(Secret(METRICS_TOKEN)),
        read_status=read_status,
    ) as pages:
        assert pages.app is not None
        site = MarkedSite(pages, pages.app)
        _publish_questions(site)
        _add_private_subscribers(site, identity)
        _publish_changes(site, identity)
        _add_private_rows(site)
        _collect_secrets(site, identity)
        _sign_in(site)
        yield site


def _publish_questions(site: MarkedSite) -> None:
    records = [
        make_question(
            number, words=f"What of the {PUBLIC_MARK} benches, the trams and the mutual aid?"
        )
        for number in range(1, 4)
    ]
    gone = make_question(9, words=f"What of {MARK} taken down?", title=f"{MARK} question")
    site.pages.publish_questions(*records, gone)
    with site.pages.ledger.writing() as connection:
        take_down(connection, gone.id, f"{MARK} reason of the operator", site.pages.now)


def _request(query: str, origin: Origin, **more: Any) -> SubscriptionRequest:
    return SubscriptionRequest(query, Frequency.IMMEDIATE, "all", origin, **more)


def _add_private_subscribers(site: MarkedSite, identity: MailIdentity) -> None:
    """Somebody who watches phrases, one of them of a question, and signs up for one more."""
    pages = site.pages
    context = MessageContext(TEMPLATES, identity, pages.now)
    with pages.ledger.writing() as connection:
        for query in (f'benches AND NOT "{MARK} one"', f"trams AND NOT {MARK}two", "mutual"):
            wish = _request(query, "page", note=f"{MARK} note")
            subscribe(connection, READER, wish, SUBSCRIBER_DEFAULTS, pages.now)
        followed = _request("Question 2", "page", question_id="london:/questions/2")
        subscribe(connection, READER, followed, SUBSCRIBER_DEFAULTS, pages.now)
        for email in (READER, f"{MARK}.other@{MARK}mail.example"):
            wish = _request(f'"{MARK} pending"', "page")
            request_confirmation(connection, context, email, wish, SUBSCRIBER_DEFAULTS)


def _publish_changes(site: MarkedSite, identity: MailIdentity) -> None:
    """Answer the questions, so that the subscriber's topics match and a digest is sent."""
    site.pages.publish_questions(
        *(
            make_question(
                number,
                make_answer(
                    f"The {PUBLIC_MARK} benches are repaired, as are the trams, by mutual aid."
                ),
                words=f"What of the {PUBLIC_MARK} benches, the trams and the mutual aid?",
            )
            for number in range(1, 4)
        )
    )
    TopicMatcher(site.pages.ledger).match_new_changes()
    settings = DigestSettings(TEMPLATES, identity)
    assert compose_due_digests(site.pages.ledger, settings, site.pages.now) >= 1
    site.pages.publish_questions()


def _add_private_rows(site: MarkedSite) -> None:
    """Alarms, failed jobs, a bounce and a suppression, whose words are the operator's alone."""
    pages, now = site.pages, site.pages.now
    with pages.ledger.writing() as connection:
        person = subscriptions.find_subscriber_by_email(connection, READER)
        assert person is not None
        due = list_due(connection, now)
        bounces.record_bounce(connection, person.id, Bounce("soft", due[0].id, f"{MARK} full"), now)
        reasons = {"queue": f"/srv/{MARK}/path says {READER}"}
        alarms.update_open(connection, None, reasons, (), now)
        alarms.update_open(connection, "london", {"blocked": f"{MARK} alarm"}, (), now)
        jobs.fail(connection, "deliver", f"{MARK} job in /srv/{MARK}", now, now)
        secrets.get_or_create(connection, "return path")


def _collect_secrets(site: MarkedSite, identity: MailIdentity) -> None:
    """Note the tokens and keys, and the addresses that are made with them."""
    pages = site.pages
    with pages.ledger.reading() as connection:
        tokens = dict(connection.execute(select(subscriber.c.email, subscriber.c.token)).all())
        pending = connection.execute(select(pending_subscription.c.token)).scalars().all()
        key = connection.execute(select(message.c.key).where(message.c.kind == "digest")).scalar()
        own = secrets.find_secret(connection, "return path") or b""
        site.slugs = [
            found.slug
            for found in connection.execute(select(topic.c.slug, topic.c.canonical))
            if MARK in (found.canonical or "")
        ]
    assert key is not None
    link = identity.build_manage_link(tokens[READER], pages.now)
    digest = identity.build_links(tokens[READER], pages.now, key).digest or ""
    site.secrets = {*tokens.values(), *pending, key, own.hex(), _SECRET.hex(), *site.slugs}
    site.secrets |= {base64.urlsafe_b64encode(secret).decode() for secret in (own, _SECRET)}
    base = str(identity.public_url)
    page = pages.request_text("GET", link.removeprefix(base))[1]
    site.private_feeds = sorted(set(_PRIVATE_FEED.findall(page)))
    assert site.private_feeds
    site.secrets |= {path.rpartition("/")[2].partition(".")[0] for path in site.private_feeds}
    site.private_paths = {
        "/u/{token}": f"/u/{tokens[READER]}",
        "/c/{token}": f"/c/{pending[0]}",
        "/n/{token}": identity.build_stop_link("0" * 32, pages.now).removeprefix(base),
        "/m/{link}": link.removeprefix(base),
        "/m/{link}/data.json": f"{link.removeprefix(base)}/data.json",
        "/m/{link}/delete": f"{link.removeprefix(base)}/delete",
        "/m/{link}/preview": f"{link.removeprefix(base)}/preview",
        "/m/{link}/unsubscribe/{topic:int}": f"{link.removeprefix(base)}/unsubscribe/1",
        "/u/{token}/{alert:int}": f"/u/{tokens[READER]}/1",
        "/m/{link}/topics.opml": f"{link.removeprefix(base)}/topics.opml",
        "/d/{token}": digest.removeprefix(base),
    }


def _sign_in(site: MarkedSite) -> None:
    body = urlencode({"action": "sign-in", "password": PASSWORD}).encode()
    status, headers, _ = site.pages.request("POST", "/operator", body, FORM_CONTENT_TYPE)
    assert status == 303
    site.session = headers["Set-Cookie"].partition(";")[0]
    site.secrets.add(site.session.partition("=")[2])
