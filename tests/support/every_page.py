"""A served archive with a page of every kind, and people in the middle of everything one can do.

Its data are marked: each word of a name, title or text begins with ``zz``, or is in `DATA`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from sqlalchemy import select

from alerts.digests import DigestSettings, compose_due_digests
from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.ledger import Ledger, notices, subscriptions
from alerts.ledger.schema import message
from alerts.mail import MailIdentity, MessageContext
from alerts.model import SiteDescription, SourceInfo
from alerts.operator import ServiceStatus, build_status
from alerts.recording import take_down
from alerts.rendering import Templates
from alerts.subscribers import publish_topic, send_manage_link
from alerts.web.pages.query_examples import COMBINED, WORDS
from crawler.records import Answer, Asker, Meeting, Question
from crawler.storage import LocalFolder
from tests.support.samples import make_answer, make_question
from tests.support.web_client import FORM_CONTENT_TYPE, WebClient, run_web_client

NAME, SITE_NAME = "Zzname", "replica.example"
ADA, BEN = "zzada@demo.example", "zzben@demo.example"
#: What is data and does not begin with ``zz``.
DATA = (
    *("benches", "trams", "VRU", "The Mayor", "the Mayor", "Ada Brook AM", "Ada Brook", "AM"),
    *("the benches", "status:unanswered", "TRAMS", "trum", "vru", "a", "b", "org"),  # typed
    *(word for one in (*WORDS, *COMBINED) for word in (*one.finds, *one.misses)),
)
IDENTITY = MailIdentity(NAME, "w@demo.example", "leave@demo.example", "https://watch.example")
FEEDS = FeedIdentity(
    NAME, "watch.example,2026", "https://replica.example", "https://watch.example",
    attributions={"london": "Zzattribution."},
)  # fmt: skip
_BASE = "https://watch.example"


def _ask(number: int, *answers: Answer, **fields: Any) -> Question:
    words = "Zzwhat zzof zzthe benches, zzthe trams zzand zzthe VRU?"
    asker = Asker("Ada Brook", "Ada Brook AM", "Zzparty", "ada-brook")
    known = {"title": f"Zztitle {number}", "asked_by": asker}
    meeting = Meeting("Zzmeeting", date(2026, 7, 16))
    return make_question(number, *answers, words=words, meeting=meeting, **(known | fields))


def _reply(number: int, *paragraphs: str, **fields: Any) -> Answer:
    given = f"Zzanswer {number} zzon benches zzand trams zzby zzthe VRU."
    return make_answer(given, *paragraphs, date=date(2026, 7, 28), **fields)


class EveryPage:
    """The site, with what its people were sent."""

    def __init__(self, pages: WebClient, templates: Templates) -> None:
        self.pages = pages
        self.templates = templates
        self.links: dict[str, str] = {}  #: addresses that only their owner knows, by what they are
        self.answers: list[tuple[str, str]] = []  #: what forms answered, by what was sent

    def publish(self, *records: Question) -> None:
        """Record questions, match them, and write the feeds with our templates."""
        self.pages.publish_questions(*records)
        publish_feeds(
            self.pages.ledger, LocalFolder(self.pages.folder), FeedContext(FEEDS, self.templates)
        )

    def submit(self, page: str, path: str, **fields: str) -> None:
        """Send a form, and keep what it answers."""
        sent = " ".join([path, *(f"{name}={value}" for name, value in fields.items())])
        self.answers.append((sent, self.pages.submit_form(page, path, **fields)[1]))

    def press(self, path: str, body: str = "") -> None:
        """Press a button of a page that needs no form token."""
        status, _, page = self.pages.request("POST", path, body.encode(), FORM_CONTENT_TYPE)
        self.answers.append((f"POST {path} {body} {status}", page.decode()))

    def find_link(self, kind: str) -> str:
        """Return the newest link of a kind that was sent: ``/c/``."""
        pattern = rf"{re.escape(_BASE)}({kind}[\w.~=&?/-]+)"
        found = [link for text in self.read_texts() for link in re.findall(pattern, text)]
        return str(found[-1])

    def read_texts(self) -> list[str]:
        """Return the plain text of each message."""
        read = (
            message_from_string(text, EmailMessage, policy=default)
            for text in self.pages.read_messages()
        )
        bodies = (one.get_body(("plain",)) for one in read)
        return [str(body.get_content()) for body in bodies if body]

    def send_digests(self, now: datetime) -> None:
        """Compose what is due."""
        self.pages.now = now
        compose_due_digests(self.pages.ledger, DigestSettings(self.templates, IDENTITY), now)


@contextmanager
def run_every_page(ledger: Ledger, now: datetime, folder: Path) -> Iterator[EveryPage]:
    """Fill a ledger and serve it, in the language that the process speaks now."""
    templates = Templates()
    sources = {
        "london": SourceInfo(name="Zzsource", home_url="https://replica.example",
                             description="Zzquestions zzof zzmembers.")
    }  # fmt: skip

    def read_status() -> ServiceStatus:
        with ledger.reading() as connection:
            return build_status(connection, {"london": SITE_NAME}, now)

    with run_web_client(
        ledger, now, folder, templates=templates, name=NAME, mail_identity=IDENTITY,
        site=SiteDescription(introduction="Zzintroduction.", sources=sources),
        feed_identity=FEEDS, read_status=read_status,
    ) as pages:  # fmt: skip
        site = EveryPage(pages, templates)
        _fill_archive(site)
        _sign_up(site)
        _publish_news(site)
        _send_notices(site)
        _do_everything(site)
        yield site


def _fill_archive(site: EveryPage) -> None:
    with site.pages.ledger.writing() as connection:
        for query in ("benches", "trams"):
            publish_topic(connection, query, site.pages.now)
    site.publish(
        *(_ask(number) for number in range(1, 8)),
        _ask(8, _reply(8, holding=True)),
        _ask(9, _reply(9, "Zzyear | Zzsum", "2026 | 3", files=("zzfile.pdf",))),
        _ask(10, kind="supplementary", supplementary_number=1, parent="london:/questions/9"),
        *(_ask(number, _reply(number)) for number in range(20, 60)),
        _ask(60, title="Zzgone"),
    )
    with site.pages.ledger.writing() as connection:
        take_down(connection, "london:/questions/60", "zzreason", site.pages.now)


def _sign_up(site: EveryPage) -> None:
    """Ada confirms two alerts and follows a question; Ben has not confirmed."""
    wanted = {"benches": "immediate", "VRU OR trams": "daily", "zzone": "weekly"}
    for query, frequency in wanted.items():
        page = f"/search?q={query.replace(' ', '+')}"
        site.submit(page, "/sign-up", q=query, email=ADA, frequency=frequency, updates="all")
        site.links["confirmation"] = site.find_link("/c/")
        site.press(site.links["confirmation"])
    options = {"frequency": "daily", "updates": "asked"}
    site.submit("/search?q=trams", "/sign-up", q="trams", email=BEN, **options)
    site.links["pending"], site.links["never"] = site.find_link("/c/"), site.find_link("/n/")
    for query, email in (("benches", "zzada@"), ("", ADA), ("(benches", ADA), ("a@b.org", ADA)):
        site.submit("/search?q=benches", "/sign-up", q=query, email=email, **options)
    context = MessageContext(site.templates, IDENTITY, site.pages.now)
    with site.pages.ledger.writing() as connection:
        send_manage_link(connection, context, ADA)
    site.links["own page"] = site.find_link("/m/")
    site.submit("/your-alerts", "/your-alerts", email=ADA)
    site.submit("/your-alerts", "/your-alerts", email="zzada@")


def _publish_news(site: EveryPage) -> None:
    """A new question, a holding reply, an answer, a correction, and one that waits."""
    pages = site.pages
    pages.now += timedelta(minutes=30)
    site.publish(
        _ask(61), _ask(2, _reply(2, holding=True)), _ask(3, _reply(3, "Zzmore zzof benches.")),
        _ask(20, _reply(20, "Zzother zzwords zzon benches.")),
    )  # fmt: skip
    site.send_digests(pages.now + timedelta(minutes=20))
    site.send_digests(pages.now + timedelta(days=1))
    site.publish(_ask(62, _reply(62)), _ask(63))


def _send_notices(site: EveryPage) -> None:
    pages = site.pages
    for kind in ("unavailable", "restored"):
        pages.now += timedelta(hours=1)
        with pages.ledger.writing() as connection:
            since = pages.now - timedelta(hours=37)
            notices.add(connection, "london", SITE_NAME, kind, since, pages.now)
        site.send_digests(pages.now)
    publish_feeds(pages.ledger, LocalFolder(pages.folder), FeedContext(FEEDS, site.templates))


def _do_everything(site: EveryPage) -> None:
    """Press the buttons of one's own page and of the links of emails, and undo it."""
    with site.pages.ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        own = subscriptions.list_active(connection)
        key = connection.execute(select(message.c.key).where(message.c.kind == "digest")).scalar()
    page = IDENTITY.build_manage_link(person.link_subject, site.pages.now).removeprefix(_BASE)
    site.links["own page"], site.links["unsubscribe"] = page, f"/u/{person.token}"
    topic = str(own[0].topic_id)
    for action in (f"pause:{topic}", f"resume:{topic}", "schedule", "add", "feed", "nothing"):
        fields = {"topic": topic, "q": "benches trams", "frequency": "daily"}
        site.submit(page, page, action=action, zone="Europe/London", hour="8", **fields)
    for query in ("(zzbad", "benches zznew"):
        fields |= {"q": query, "updates": "all", "detail": "titles", "note": "Zznote"}
        site.submit(page, page, action="save", **fields)
    site.submit(page, page, action="accept_email")
    digest = IDENTITY.build_links(person.token, site.pages.now, key).digest or ""
    site.links["digest"] = digest.removeprefix(_BASE)
    site.links["stop"] = f"/u/{person.token}/{own[0].id}"
    for body in ("action=weekly", "action=pause-month", "action=unsubscribe", "action=undo"):
        site.press(site.links["stop"], body)
    site.press(site.links["never"], "action=stop")
    site.press(site.links["never"], "action=allow")
    site.press(site.links["unsubscribe"])
    site.press(site.links["unsubscribe"], "action=restore")
