"""What comes back to us by mail: bounces (RFC 3464), complaints (RFC 5965), and leave-taking. Pure.

Which message a report is about is told by the return path that it was sent to, which we signed, or
by our Message-ID inside it, which nobody can guess. The addresses inside are not believed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Literal

import msgspec
from flufl.bounce import all_failures

from alerts.bounces.return_path import find_message_number
from alerts.mail.outgoing import find_message_id

log = logging.getLogger("watchword.bounces")

ReportKind = Literal["hard", "soft", "complaint", "leave", "nothing"]

#: Mailboxes that are full or asleep: their owners may be back (RFC 3463).
_TEMPORARY_CODES = frozenset({"5.2.1", "5.2.2", "5.3.4", "5.4.5"})
_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "To")


class BounceReport(msgspec.Struct, frozen=True):
    """What one email says of one of ours."""

    kind: ReportKind
    detail: str
    message_number: int | None  #: the message's number, where the return path says it
    message_id: str | None  #: or its Message-ID, where it is quoted
    token: str | None = None  #: the subscriber's, where they ask to leave


def read_report(raw: bytes, secret: bytes, unsubscribe_address: str) -> BounceReport:
    """What an email that came to the return path, or to the address for leaving, says."""
    mail = message_from_bytes(raw)
    addresses = " ".join(
        str(value) for name in _RECIPIENT_HEADERS for value in mail.get_all(name, ())
    )
    number = find_message_number(addresses, secret)
    said, detail = _classify_email(mail)
    token = _find_token(mail)
    if said == "nothing" and token and unsubscribe_address.lower() in addresses.lower():
        return BounceReport("leave", "asked by email", None, None, token)
    return BounceReport(said, detail, number, find_message_id(raw.decode("latin-1")))


def _find_token(mail: Message) -> str | None:
    """The token that our unsubscribe addresses put into the subject."""
    found = re.search(r"(?<![\w-])[A-Za-z0-9_-]{22}(?![\w-])", str(mail.get("Subject", "")))
    return found[0] if found else None


def _classify_email(mail: Message) -> tuple[ReportKind, str]:
    if fields := next(_iterate_parts(mail, "message/feedback-report"), None):
        kind = fields.get("Feedback-Type", "abuse").strip().lower()
        return ("nothing" if kind == "not-spam" else "complaint"), f"complaint: {kind}"
    recipients = list(_iterate_recipients(mail))
    for recipient in recipients:
        if recipient.get("Action", "").strip().lower() == "failed":
            return _classify_failure(recipient)
    if recipients:
        return "nothing", "delayed or delivered"
    try:
        temporary, permanent = all_failures(mail)
    except Exception:  # the named boundary: its guesses stumble over some emails
        log.warning("an email that may be a bounce could not be read", exc_info=True)
        return "nothing", "unreadable"
    if permanent:
        return "hard", _clean_subject(mail)
    return ("soft", _clean_subject(mail)) if temporary else ("nothing", "no report")


def _classify_failure(recipient: Message) -> tuple[ReportKind, str]:
    status = recipient.get("Status", "").split()
    code = status[0] if status else ""
    why = " ".join(recipient.get("Diagnostic-Code", "").split())
    is_passing = code in _TEMPORARY_CODES or not code.startswith("5")
    return ("soft" if is_passing else "hard"), f"{code} {why}".strip()


def _iterate_recipients(mail: Message) -> Iterator[Message]:
    """The fields for each recipient in a delivery status; the first block is about the report."""
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            for block in blocks if isinstance(blocks, list) else ():
                if isinstance(block, Message) and "Action" in block:
                    yield block


def _iterate_parts(mail: Message, kind: str) -> Iterator[Message]:
    """The fields in the parts of a kind, whether the parser saw through them or not."""
    for part in mail.walk():
        if part.get_content_type() == kind:
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                yield inner[0]
            else:
                text = part.get_payload(decode=True)
                yield message_from_bytes(text if isinstance(text, bytes) else b"")


def _clean_subject(mail: Message) -> str:
    return " ".join(str(mail.get("Subject", "returned mail")).split())[:200]
