"""Reading emails that come back: bounces (RFC 3464), complaints (RFC 5965), unsubscribing. Pure.

The return path that a report was sent to, or that it quotes, proves which message it is about: we
signed it, and only the recipient's mail server has seen it. Our Message-ID inside proves nothing,
because it stands in every reply to the message. The other addresses are not trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageParseError
from email.message import Message
from email.policy import Policy, compat32
from email.utils import getaddresses
from itertools import islice
from typing import Literal

import msgspec
from flufl.bounce import all_failures

from alerts.bounces.return_path import find_message_number
from alerts.mail import find_message_id
from alerts.refusals import Blame, classify_reply
from crawler.event_log import get_logger

log = get_logger("watchword.bounces")

ReportKind = Literal["hard", "soft", "refused", "complaint", "unsubscribe", "ignored", "unreadable"]

#: What a report that blames somebody counts as.
_KINDS: dict[Blame, ReportKind] = {
    "mailbox": "hard",
    "mailbox_state": "soft",
    "content": "refused",
    "sender": "refused",
    "later": "refused",
}
#: Whom a temporary refusal that lasted for days may blame, so that it counts against the mailbox.
_SOFT_BLAMES: frozenset[Blame] = frozenset({"mailbox", "mailbox_state", "later"})
#: Temporary status codes that say so of the mailbox or the way to it: "expired" and the like. The
#: others are about a policy or a receiving system: 4.7.1, 4.3.2.
_STATUSES_OF_MAILBOXES = frozenset({"4.1", "4.2", "4.4", "4.0"})
#: Bytes of an email that are read. Reports stand before the message that they quote, and ours are
#: smaller; a large one would hold up those behind it.
_READ_LENGTH = 262_144
#: Lines that may begin or end a part of an email; what follows is not read.
_MAX_DELIMITERS = 200
_DELIMITER = re.compile(rb"(?m)^--")
#: Parts of an email that are looked at. A report has three.
_MAX_PARTS = 50
#: Parts of an email that is read at all, with the blocks of fields in a delivery status. The parser
#: calls itself for each that is within another, and Python stops at a thousand such calls.
_MAX_PARSED_PARTS = 250
#: Characters that no detail is stored with; PostgreSQL refuses the first of them.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
#: A reply of a mail server in the text of a report: code, enhanced code, words.
_REPLY_IN_TEXT = re.compile(r"\b[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}\b[^\r\n]{0,200}")
#: Characters of a report that are searched for such a reply. It stands before the quoted message.
_SEARCHED_LENGTH = 20_000
_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
#: A subscriber's token: 16 bytes in base64url.
_TOKEN = re.compile(r"(?<![\w-])[A-Za-z0-9_-]{22}(?![\w-])")
#: A subject is stored as the detail of a bounce; 200 characters are enough to recognise it.
_MAX_SUBJECT_LENGTH = 200


class BounceReport(msgspec.Struct, frozen=True):
    """What an email that came back says about one of our messages."""

    #: ``ignored``: nothing follows, as from a delay or an automatic reply; ``unreadable``: it is
    #: broken in a way that our libraries cannot bear
    kind: ReportKind
    detail: str  #: for the operator: ``5.1.1 smtp; 550 no such user``
    message_number: int | None  #: the message's id in the ledger, from a return path of ours
    message_id: str | None  #: its Message-ID, where the report quotes it; no proof
    token: str | None = None  #: the subscriber's, where they unsubscribe


class _Part(Message):
    """A part of an email. One that is too many is text, so that the parser looks for none in it."""

    is_too_many = False

    def get_content_type(self) -> str:
        return "text/plain" if self.is_too_many else super().get_content_type()


def read_report(raw: bytes, secret: bytes, unsubscribe_address: str) -> BounceReport:
    """Return what an email says that came to the return path or to the unsubscribe address.

    Args:
        raw: The email.
        secret: The secret that return paths are signed with.
        unsubscribe_address: Where an email with a token in its subject unsubscribes.
    """
    try:
        return _read_report(raw, secret, unsubscribe_address)
    except MessageParseError as error:
        return BounceReport("unreadable", str(error), None, None)
    except Exception as error:  # the boundary of a report: anybody can send one
        log.debug("an email that came back cannot be read", exc_info=True)
        reason = _CONTROL_CHARACTERS.sub(" ", f"{type(error).__name__}: {error}")
        return BounceReport("unreadable", reason, None, None)


def _read_report(raw: bytes, secret: bytes, unsubscribe_address: str) -> BounceReport:
    raw = _cut(raw)
    mail = _parse(raw)
    addresses = " ".join(
        str(value) for name in _RECIPIENT_HEADERS for value in mail.get_all(name, ())
    )
    kind, detail = _classify_email(mail)
    detail = _CONTROL_CHARACTERS.sub(" ", detail)
    token = _find_token(mail)
    if kind == "ignored" and token and unsubscribe_address.lower() in addresses.lower():
        return BounceReport("unsubscribe", "unsubscribe email", None, None, token)
    text = raw.decode("latin-1")
    number = find_message_number(f"{addresses}\n{text}", secret)
    return BounceReport(kind, detail, number, find_message_id(text))


def _cut(raw: bytes) -> bytes:
    """Return the beginning of an email, of which reading takes well under a second."""
    raw = raw[:_READ_LENGTH]
    excess = next(islice(_DELIMITER.finditer(raw), _MAX_DELIMITERS, None), None)
    return raw[: excess.start()] if excess else raw


def _parse(raw: bytes) -> Message:
    """Parse an email.

    Raises:
        MessageParseError: It has more than 250 parts, one within the other or not. It is raised
            after the parser has come to its end. An error within hundreds of calls would keep all
            of their frames, and Python before 3.11.5 may use freed memory when these are freed
            (https://github.com/python/cpython/issues/106092).
    """
    parts = -1  # the parser also makes one to see how it is made

    def create_part(policy: Policy[Message] = compat32) -> Message:
        nonlocal parts
        parts += 1
        part = _Part(policy)
        part.is_too_many = parts > _MAX_PARSED_PARTS
        return part

    mail = message_from_bytes(raw, create_part)
    if parts > _MAX_PARSED_PARTS:
        raise MessageParseError(f"it has more than {_MAX_PARSED_PARTS} parts")
    return mail


def name_email(raw: bytes) -> str:
    """Return the Message-ID by which the operator finds an email, however broken the email is."""
    found = re.search(rb"(?im)^message-id:[ \t]*(<[!-~]{1,200}>)", raw[:_READ_LENGTH])
    return found[1].decode() if found else "without a Message-ID"


def _find_token(mail: Message) -> str | None:
    """Return the token that our ``mailto:`` links put into the subject; None without one."""
    found = _TOKEN.search(_get_header(mail, "Subject"))
    return found[0] if found else None


def _classify_email(mail: Message) -> tuple[ReportKind, str]:
    """Return the kind of a report and its detail."""
    if fields := next(_iterate_parts(mail, "message/feedback-report"), None):
        feedback = _get_header(fields, "Feedback-Type", "abuse").strip().lower()
        return ("ignored" if feedback == "not-spam" else "complaint"), f"complaint: {feedback}"
    recipients = list(_iterate_recipients(mail))
    for recipient in recipients:
        if _get_header(recipient, "Action").strip().lower() == "failed":
            return _classify_failure(recipient)
    if recipients:
        return "ignored", "delayed or delivered"
    return _classify_free_form(mail)


def _classify_free_form(mail: Message) -> tuple[ReportKind, str]:
    """Classify an email that has no delivery status of RFC 3464, as qmail's bounces."""
    if not getaddresses([_get_header(mail, "From")]):
        del mail["From"]
        mail["From"] = "<>"  # a detector of flufl.bounce cannot bear a missing or empty one
    temporary, permanent = all_failures(mail)
    if permanent:
        found = _REPLY_IN_TEXT.search(_get_text(mail))
        if found and (kind := _KINDS[classify_reply("rcpt", found[0])]) == "refused":
            return kind, found[0]
        return "hard", _clean_subject(mail)
    return ("soft", _clean_subject(mail)) if temporary else ("ignored", "not a report")


def _classify_failure(recipient: Message) -> tuple[ReportKind, str]:
    """Classify a failed delivery by its status code and the reply of the receiving server."""
    status = _get_header(recipient, "Status").split()
    code = status[0] if status else ""
    diagnostic = " ".join(_get_header(recipient, "Diagnostic-Code").split())
    detail = f"{code} {diagnostic}".strip()
    reply = diagnostic.partition(";")[2].strip() or diagnostic
    blame = classify_reply("rcpt", _join_reply(code, reply)) if detail else "mailbox_state"
    is_about_mailbox = code[:3] in _STATUSES_OF_MAILBOXES or not code
    if not code.startswith("5") and is_about_mailbox and blame in _SOFT_BLAMES:
        # Nobody took it for days. That counts against the mailbox, softly.
        return "soft", detail
    return _KINDS[blame], detail


def _join_reply(status: str, reply: str) -> str:
    """Return a reply with the status code of its report, unless it has an enhanced code itself."""
    if re.search(r"[45]\.\d+\.\d+", reply):
        return reply
    if reply[:3].isdigit():  # where the two disagree, the status is what the report means
        code = reply[:3] if reply[:1] == status[:1] or not status else ""
        return f"{code} {status} {reply[3:]}".strip()
    return f"{status} {reply}"


def _get_header(mail: Message, name: str, otherwise: str = "") -> str:
    """Return a header as text. One with raw bytes that are not ASCII is an object of its own."""
    return str(mail.get(name, otherwise))


def _get_text(mail: Message) -> str:
    """Return the beginning of an email's text, in whatever encoding it is."""
    part = next((p for p in _walk(mail) if p.get_content_maintype() == "text"), mail)
    payload = part.get_payload(decode=True)
    return payload[:_SEARCHED_LENGTH].decode("latin-1") if isinstance(payload, bytes) else ""


def _walk(mail: Message) -> Iterator[Message]:
    """Yield the first parts of an email, in their order."""
    return islice(mail.walk(), _MAX_PARTS)


def _iterate_recipients(mail: Message) -> Iterator[Message]:
    """Yield the fields of each recipient in a delivery status.

    The first block of fields is about the whole report and has no Action.
    """
    for part in _walk(mail):
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            for block in blocks if isinstance(blocks, list) else ():
                if isinstance(block, Message) and "Action" in block:
                    yield block


def _iterate_parts(mail: Message, content_type: str) -> Iterator[Message]:
    """Yield the fields in each part of a content type, whether the parser has split it or not."""
    for part in _walk(mail):
        if part.get_content_type() == content_type:
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                yield inner[0]
            else:
                text = part.get_payload(decode=True)
                yield _parse(text if isinstance(text, bytes) else b"")


def _clean_subject(mail: Message) -> str:
    subject = " ".join(_get_header(mail, "Subject", "returned mail").split())
    return subject[:_MAX_SUBJECT_LENGTH]
