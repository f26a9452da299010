"""A rendered digest as the bytes of one email (RFC 5322), the same bytes each time. Pure."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import msgspec

from alerts.signing import SigningKey, sign

#: Beyond this a header of encoded words helps nobody; the whole is in the body.
_SUBJECT_LENGTH = 180
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]+"
)
#: What neither HTML nor a reader of plain text takes; a lone surrogate has no bytes at all.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Links(msgspec.Struct, frozen=True):
    """Where a subscriber's email can lead. None when the service has no public address."""

    mailto: str
    unsubscribe: str | None = None


class Letterhead(msgspec.Struct, frozen=True):
    """What is the same on every message."""

    name: str  #: ``Watchword``
    address: str  #: ``watchword@example.org``
    unsubscribe_address: str
    public_url: str | None = None  #: of the web pages, without a slash at the end
    attributions: dict[str, str] = {}  #: by source, what is to be said beside its words
    keys: tuple[SigningKey, ...] = ()  #: what messages are signed with

    @property
    def domain(self) -> str:
        """The domain that Message-IDs and the list's identity are under."""
        return self.address.rpartition("@")[2]

    @property
    def sender(self) -> str:
        """The name that complaints are counted under: 5 to 15 letters and digits, never changed."""
        name = re.sub(r"[^a-z0-9]", "", self.name.lower())[:15]
        return name if len(name) >= 5 else "watchword"

    def links(self, token: str) -> Links:
        """The links of the subscriber with ``token``.

        Short on purpose: a URI of more than 75 characters would be folded into encoded words,
        which no mail program reads as an address.
        """
        mailto = f"mailto:{self.unsubscribe_address}?subject={token}"
        return Links(mailto, f"{self.public_url}/u/{token}" if self.public_url else None)


class Rendered(msgspec.Struct, frozen=True):
    """A digest in the words that go out."""

    subject: str
    text: str
    html: str


def header(text: str) -> str:
    """``text`` fit for a header: one line, nothing invisible, of a bounded length."""
    line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return line if len(line) <= _SUBJECT_LENGTH else line[: _SUBJECT_LENGTH - 1].rstrip() + "…"


def build(
    rendered: Rendered,
    head: Letterhead,
    links: Links | None,
    recipient: str,
    message_id: str,
    now: datetime,
) -> bytes:
    """The message, with CRLF line ends. Two calls with the same arguments give the same bytes.

    Without ``links`` it is a letter to the operator, who is on no list that could be left.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(header(head.name), addr_spec=head.address)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = header(rendered.subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    if links:
        _put_on_list(message, head, links)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834
    message.set_content(_CONTROLS.sub("", rendered.text), cte="quoted-printable")
    html = _CONTROLS.sub("", rendered.html)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    # The library's own boundary is random, and a retry must not be another message.
    message.set_boundary(f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:40]}")
    return sign(message.as_bytes(), head.keys, now)


def _put_on_list(message: EmailMessage, head: Letterhead, links: Links) -> None:
    """Say which list this is and how to leave it."""
    message["List-Id"] = f"{header(head.name)} digests <digest.{head.domain}>"
    ways = [f"<{way}>" for way in (links.unsubscribe, links.mailto) if way]
    message["List-Unsubscribe"] = ", ".join(ways)
    if links.unsubscribe:
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    message["Precedence"] = "bulk"
    message["Feedback-ID"] = f"::digest:{head.sender}"  # how Google's Postmaster Tools count it
