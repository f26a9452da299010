"""A test email: a digest about an invented question, composed as every digest is.

It is composed from a ledger that is made for it and deleted afterwards, so the service's own ledger
knows nothing of it, and its links to alerts lead nowhere.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import msgspec

from alerts.digests import DigestSettings, preview_due_digests
from alerts.language import gettext, set_language
from alerts.ledger import Ledger, open_ledger, secrets
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import OutgoingMessage
from alerts.matching import TopicMatcher
from alerts.model import Frequency, Recipient
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.secret import KeyRing
from alerts.subscribers import SubscriberDefaults, subscribe
from crawler.records import Asker, Meeting, Question, Speech, hash_content
from scheduler.config import Config, load_signing_keys

#: What the digest is about, which its subject begins with.
_QUERY = '"test email"'


def compose_sample_digest(config: Config, recipient: Recipient, now: datetime) -> OutgoingMessage:
    """Return a digest that says it is a test, signed as the config says.

    Args:
        config: With the templates, the sender and the keys.
        recipient: Who is to have it.
        now: Its date.
    """
    set_language(config.site.language)
    with tempfile.TemporaryDirectory(prefix="watchword-") as folder:
        ledger = open_ledger(f"sqlite:///{Path(folder) / 'ledger.sqlite3'}")
        try:
            _fill(ledger, config, recipient, now)
            return _compose(ledger, config, now)
        finally:
            ledger.engine.dispose()


def _fill(ledger: Ledger, config: Config, recipient: Recipient, now: datetime) -> None:
    """Let one subscriber and one question about their topic be in the ledger."""
    digests = config.digests
    defaults = SubscriberDefaults(digests.zone, digests.hour, config.channel_table)
    request = SubscriptionRequest(_QUERY, Frequency.IMMEDIATE, "all", "command")
    with ledger.writing() as connection:
        subscribe(connection, recipient.address, request, defaults, now)
        readings = [QuestionReading(_invent_question(config, now))]
        record_readings(connection, readings, now, RecordingRules(as_new=True))
    TopicMatcher(ledger).match_new_changes()


def _invent_question(config: Config, now: datetime) -> Question:
    name = config.site.name
    title = gettext("Test email from %(name)s") % {"name": name}
    words = gettext(
        "This test email was written like every digest of %(name)s, and sent by watchword doctor. "
        "Did it arrive in the inbox, and not among the spam? The question is invented, and the "
        "links about alerts lead nowhere."
    ) % {"name": name}
    source, url = next(iter(config.site_urls.items()), ("test", None))
    question = Question(
        id=f"{source}:/test",
        source=source,
        url=url,
        title=title,
        asked_by=Asker("watchword doctor", "watchword doctor"),
        meeting=Meeting(date=now.date()),
        question=(Speech(None, (words,)),),
        generation="test",
        digest="",
    )
    return msgspec.structs.replace(question, digest=hash_content(question))


def _compose(ledger: Ledger, config: Config, now: datetime) -> OutgoingMessage:
    with ledger.writing() as connection:
        key_ring = KeyRing(secrets.get_or_create(connection, "pages"))
    identity = msgspec.structs.replace(
        config.mail_identity, signing_keys=load_signing_keys(config), token_secret=key_ring
    )
    settings = DigestSettings(Templates(config.templates), identity)
    with ledger.reading() as connection:
        [preview] = preview_due_digests(connection, settings, now)
    return preview.message
