"""The bytes of an email (RFC 5322): equal arguments give equal bytes. Pure.

The parts are put together here because that is done for every message, and the standard library's
``EmailMessage`` takes as long as all the rest of composing. The library still folds the header
fields, and parses every message in the tests.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.header import Header, decode_header, make_header
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime, quote
from functools import cache
from threading import Lock

import msgspec
from cachetools import LRUCache, cached

from alerts.mail.dkim import sign_message
from alerts.mail.identity import EmailLinks, MailIdentity

#: Mail programs show about 70 characters of a subject; the body has the whole title.
_MAX_SUBJECT_LENGTH = 180
#: Control characters, invisible and direction-changing ones, and lone surrogates.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]+"
)
#: Words of a header that need no quotation marks: atoms (RFC 5322, section 3.2.3) and spaces.
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~ -]+")
#: A line of quoted-printable has at most 76 characters; what does not fit is at most five shorter.
_MIN_ENCODED_LINE = 70
#: Characters of a piece that is worth looking up: a title has about 300, an entry 3,000.
_MIN_SHARED_LENGTH = 200
#: Allowed neither in HTML nor in plain text; a lone surrogate cannot be encoded at all. Those from
#: U+202A and U+2066 on turn the direction of text around: "exe.pdf" for a file "fdp.exe".
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


class RenderedMessage(msgspec.Struct, frozen=True):
    """The words of a message, as the templates wrote them."""

    subject: str
    text: str
    html: str
    #: The parts again, in the pieces that the templates wrote; empty for a message that shares none
    #: with others.
    text_pieces: Sequence[str] = ()
    html_pieces: Sequence[str] = ()
    #: What `encode_lines` returns for some of the pieces. Others are encoded here.
    encoded_pieces: Mapping[str, str] = {}


class EmailHeaders(msgspec.Struct, frozen=True):
    """What the header of one email says beside its subject and sender."""

    recipient: str
    message_id: str  #: with its angle brackets
    date: datetime
    links: EmailLinks | None = None  #: None for an email that belongs to no mailing list


def clean_header(text: str) -> str:
    """Return ``text`` as one line of at most 180 characters, all of them visible."""
    line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return (
        line if len(line) <= _MAX_SUBJECT_LENGTH else line[: _MAX_SUBJECT_LENGTH - 1].rstrip() + "…"
    )


def clean_body(text: str) -> str:
    """Return ``text`` without controls, which could show something else than what is written."""
    return _CONTROL_CHARACTERS.sub("", text)


def build_email(rendered: RenderedMessage, identity: MailIdentity, headers: EmailHeaders) -> bytes:
    """Return the email with CRLF line ends, signed with the identity's keys."""
    # The boundary cannot occur in a part: quoted-printable never contains "=_".
    boundary = f"=_{hashlib.sha256(headers.message_id.encode()).hexdigest()[:40]}"
    sender = str(Address(clean_header(identity.name), addr_spec=identity.address))
    text = _encode_part(rendered.text, rendered.text_pieces, rendered.encoded_pieces)
    html = _encode_part(rendered.html, rendered.html_pieces, rendered.encoded_pieces)
    message = "".join(
        (
            _format_header("From", sender),
            f"To: {headers.recipient}\r\n",
            _format_header("Subject", clean_header(rendered.subject)),
            f"Date: {format_datetime(headers.date)}\r\n",
            f"Message-ID: {headers.message_id}\r\n",
            _format_list_headers(identity, headers.links) if headers.links else "",
            "Auto-Submitted: auto-generated\r\n",  # RFC 3834
            "MIME-Version: 1.0\r\n",
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n',
            _format_part(boundary, "plain", text),
            _format_part(boundary, "html", html),
            f"--{boundary}--\r\n",
        )
    )
    return sign_message(message.encode("ascii"), identity.signing_keys, headers.date)


#: Subjects repeat among the subscribers of a topic: 1,024 fields of about 200 bytes = 0.2 MB.
@cached(LRUCache(maxsize=1024), lock=Lock())
def _format_header(name: str, value: str) -> str:
    """Return a header field, folded, with encoded words where it needs them (RFC 2047)."""
    folded: str = SMTP.header_factory(name, value).fold(policy=SMTP)
    if folded.count("=?") > 1 and _decode_header(folded) != value:
        # Python 3.11 loses spaces between encoded words when it folds; the older `Header` does not.
        encoded = Header(value, "utf-8", header_name=name).encode(linesep="\r\n")
        return f"{name}: {encoded}\r\n"
    return folded


def _decode_header(field: str) -> str:
    _, _, folded = field.partition(": ")
    return str(make_header(decode_header(folded.replace("\r\n", ""))))


def _format_list_headers(identity: MailIdentity, links: EmailLinks) -> str:
    """Return the headers that name the mailing list (RFC 2919) and say how to leave it."""
    urls = ",\r\n ".join(f"<{url}>" for url in (links.unsubscribe, links.mailto) if url)
    one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    has_one_click = (links.unsubscribe or "").startswith("https://")  # as RFC 8058 demands
    return "".join(
        (
            _format_list_id(f"{clean_header(identity.name)} digests", identity.domain),
            f"List-Unsubscribe: {urls}\r\n",
            one_click if has_one_click else "",
            "Precedence: bulk\r\n",
            # how Google's Postmaster Tools count complaints
            f"Feedback-ID: ::digest:{identity.feedback_sender_id}\r\n",
        )
    )


@cache
def _format_list_id(name: str, domain: str) -> str:
    """Return the List-Id (RFC 2919), whose name is a phrase (RFC 5322, section 3.2.5)."""
    if not name.isascii():
        phrase = Header(name, "utf-8", header_name="List-Id").encode(linesep="\r\n")
    elif _PLAIN_PHRASE.fullmatch(name):
        phrase = name
    else:
        phrase = f'"{quote(name)}"'
    return f"List-Id: {phrase}\r\n <digest.{domain}>\r\n"


def bound_part_size(text: str) -> int:
    """Return a number of bytes that is no smaller than ``text`` has as a part of an email.

    The bounds of several texts can be added up for the text that they make together. It is found
    ten times as fast as the part is written, and a few per cent too large.
    """
    size = len(text.encode(errors="replace"))
    ascii_size = size if text.isascii() else len(text.encode("ascii", "ignore"))
    # Three bytes for each that is encoded, and at most four more for the end of a line.
    written = (
        size
        + 2 * (size - ascii_size + text.count("="))
        + 4 * (1 + text.count("\n") + text.count("\r"))
    )
    return written + 3 * (1 + written // _MIN_ENCODED_LINE)


def encode_lines(text: str) -> str:
    """Return whole lines in quoted-printable (RFC 2045 6.7), with CRLF line ends.

    Args:
        text: Lines, each with its line end.
    """
    return _encode(_clean_lines(text))


def _clean_lines(text: str) -> str:
    return clean_body(text).replace("\r\n", "\n").replace("\r", "\n")


def _encode(lines: str) -> str:
    # b2a_qp takes the kind of line end that it writes from the first one in its input, so there
    # must be one.
    return binascii.b2a_qp(lines.replace("\n", "\r\n").encode(), istext=True).decode("ascii")


def _encode_part(text: str, pieces: Sequence[str], known: Mapping[str, str]) -> str:
    """Return a part in quoted-printable; pieces of whole lines that are known are taken over."""
    if not known:
        return _encode(f"{_clean_lines(text)}\n")
    encoded: list[str] = []
    pending: list[str] = []
    for piece in pieces:
        lines = known.get(piece) if len(piece) > _MIN_SHARED_LENGTH else None
        if lines is None or (pending and not pending[-1].endswith("\n")):
            pending.append(piece)
        else:
            encoded += [encode_lines("".join(pending)), lines]
            pending.clear()
    return "".join([*encoded, _encode(f"{_clean_lines(''.join(pending))}\n")])


def _format_part(boundary: str, subtype: str, encoded: str) -> str:
    """Return one alternative of the content."""
    return (
        f"--{boundary}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{encoded}"
    )
