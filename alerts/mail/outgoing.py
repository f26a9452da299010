"""Outgoing messages: the one place that gives each its kind, key, Message-ID and lane.

A message is drafted first, because what it says may link to its key, and written then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from alerts.mail.identity import EmailLinks, MailIdentity
from alerts.mail.mime import EmailHeaders, RenderedMessage, build_email
from alerts.mail.notification import Notification, encode_notification
from alerts.model import MessageKind, Recipient, Subscriber

#: Lanes of the outbox: the lower one is sent first, and no daily limit holds it back.
PRIORITY_LANE = 0
DIGEST_LANE = 1


class _Kind(msgspec.Struct, frozen=True):
    """How messages of one kind are named and sent."""

    message_id_prefix: str
    lane: int


#: A message of only notices has the Message-ID of a digest: what is in the outbox does not change
#: its name.
_KINDS: Final[Mapping[MessageKind, _Kind]] = {
    "digest": _Kind("digest", DIGEST_LANE),
    "notice": _Kind("digest", DIGEST_LANE),
    "confirmation": _Kind("confirmation", PRIORITY_LANE),
    "manage_link": _Kind("manage-link", PRIORITY_LANE),
    "operator": _Kind("operator", PRIORITY_LANE),
}
#: Prefixes of earlier versions: a bounce may quote a message that one of them sent.
_FORMER_PREFIXES = ("confirm", "link", "letter")
_PREFIXES = sorted({kind.message_id_prefix for kind in _KINDS.values()} | {*_FORMER_PREFIXES})
_OUR_MESSAGE_ID = re.compile(rf"<(?:{'|'.join(_PREFIXES)})\.[0-9a-f]{{32}}@[!-;=?-~]{{1,255}}>")


class MessageDraft(msgspec.Struct, frozen=True):
    """A message that has its name and recipient, and no content yet."""

    kind: MessageKind
    subscriber_id: int
    recipient: Recipient
    key: str  #: 32 hexadecimal digits that nobody else can guess; in the Message-ID
    message_id: str  #: with its angle brackets


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the bytes that go out, and what the outbox keeps beside it."""

    kind: MessageKind
    subscriber_id: int
    key: str  #: of the draft; unique for one subscriber and kind
    message_id: str
    recipient: str
    subject: str
    body: bytes
    items: tuple[tuple[int, int], ...] = ()  #: (subscription, change) that a digest is made of
    notice_ids: tuple[int, ...] = ()
    sent_log_data: bytes = b""  #: what the sent log notes once the message is accepted

    @property
    def lane(self) -> int:
        """The lane of the outbox that messages of this kind wait in."""
        return _KINDS[self.kind].lane


def build_message_id(kind: MessageKind, key: str, domain: str) -> str:
    """Return the Message-ID of the message with a key: ``<digest.0f3c…@example.org>``."""
    return f"<{_KINDS[kind].message_id_prefix}.{key}@{domain}>"


def draft_message(
    kind: MessageKind, subscriber: Subscriber, occasion: str, identity: MailIdentity
) -> MessageDraft:
    """Return the draft of a message.

    Its key and Message-ID follow from the arguments alone, so a message that is composed again
    after a crash is the same message.

    Args:
        kind: What kind of message it is.
        subscriber: Who it is for.
        occasion: What it is about: ``confirm TOKEN``, the due times of a digest. Two messages to
            one subscriber never have the same.
        identity: Whose domain the Message-ID has.
    """
    key = hashlib.sha256(f"{subscriber.token} {occasion}".encode()).hexdigest()[:32]
    message_id = build_message_id(kind, key, identity.domain)
    return MessageDraft(kind, subscriber.id, subscriber.recipient, key, message_id)


def write_email(
    draft: MessageDraft,
    rendered: RenderedMessage,
    identity: MailIdentity,
    now: datetime,
    links: EmailLinks | None = None,
) -> OutgoingMessage:
    """Return the message as an email; with ``links`` it belongs to the list of digests."""
    headers = EmailHeaders(draft.recipient.address, draft.message_id, now, links)
    return _finish(draft, rendered.subject, build_email(rendered, identity, headers))


def write_notification(
    draft: MessageDraft,
    subject: str,
    text: str,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> OutgoingMessage:
    """Return the message as JSON, for a recipient that is not a mailbox."""
    notification = Notification(draft.message_id.strip("<>"), subject, text)
    return _finish(draft, subject, encode_notification(notification, now, details))


def _finish(draft: MessageDraft, subject: str, body: bytes) -> OutgoingMessage:
    return OutgoingMessage(
        kind=draft.kind,
        subscriber_id=draft.subscriber_id,
        key=draft.key,
        message_id=draft.message_id,
        recipient=draft.recipient.address,
        subject=subject,
        body=body,
    )


def find_message_id(text: str) -> str | None:
    """Return the first Message-ID in ``text`` that has the form of ours; None without one."""
    found = _OUR_MESSAGE_ID.search(text)
    return found[0] if found else None
