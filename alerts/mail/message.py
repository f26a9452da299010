"""A rendered digest as the bytes of one email (RFC 5322), the same bytes each time. Pure."""

from __future__ import annotations

import binascii
import hashlib
import re
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache

import msgspec

from alerts.mail.dkim import SigningKey, sign_message
from alerts.tokens import TokenSigner

#: Beyond this a header of encoded words helps nobody; the whole is in the body.
_MAX_SUBJECT_LENGTH = 180
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]+"
)
#: What neither HTML nor a reader of plain text takes; a lone surrogate has no bytes at all.
_LINE_END = re.compile("\r\n|\r|\n")
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


#: So long a link to somebody's own page is good.
MANAGE_LINK_VALIDITY = timedelta(days=60)


class EmailLinks(msgspec.Struct, frozen=True):
    """Where a subscriber's email can lead. None when the service has no public address."""

    mailto: str
    unsubscribe: str | None = None
    digest: str | None = None  #: the page with all of it
    manage: str | None = None  #: the subscriber's own page


class MailIdentity(msgspec.Struct, frozen=True):
    """What is the same on every message."""

    name: str  #: ``Watchword``
    address: str  #: ``watchword@example.org``
    unsubscribe_address: str
    public_url: str | None = None  #: of the web pages, without a slash at the end
    attributions: dict[str, str] = {}  #: by source, what is to be said beside its words
    signing_keys: tuple[SigningKey, ...] = ()  #: what messages are signed with
    token_secret: bytes = b""  #: what links are sealed with

    @property
    def domain(self) -> str:
        """The domain that Message-IDs and the list's identity are under."""
        return self.address.rpartition("@")[2]

    @property
    def feedback_sender_id(self) -> str:
        """The name that complaints are counted under: 5 to 15 letters and digits, never changed."""
        name = re.sub(r"[^a-z0-9]", "", self.name.lower())[:15]
        return name if len(name) >= 5 else "watchword"

    def build_links(self, token: str, now: datetime, digest: str | None = None) -> EmailLinks:
        """The links of the subscriber with ``token``, and to the page of a digest with a key.

        The link to leave by is good for ever; the one to change by, which is no affair of those
        whom an email is forwarded to a year later, from ``now`` on for some weeks.

        Short on purpose: a URI of more than 75 characters would be folded into encoded words,
        which no mail program reads as an address.
        """
        mailto = f"mailto:{self.unsubscribe_address}?subject={token}"
        if not self.public_url:
            return EmailLinks(mailto)
        page = f"{self.public_url}/d/{digest}" if digest else None
        return EmailLinks(
            mailto, f"{self.public_url}/u/{token}", page, self.build_manage_link(token, now)
        )

    def build_manage_link(self, token: str, now: datetime) -> str:
        """Where the subscriber with ``token`` finds their own page, for
        :data:`MANAGE_LINK_VALIDITY`."""
        sealed = TokenSigner(self.token_secret, lambda: now).issue("manage", token)
        return f"{self.public_url}/m/{sealed}"


class RenderedMessage(msgspec.Struct, frozen=True):
    """A digest in the words that go out."""

    subject: str
    text: str
    html: str


def clean_header(text: str) -> str:
    """``text`` fit for a header: one line, nothing invisible, of a bounded length."""
    line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return (
        line if len(line) <= _MAX_SUBJECT_LENGTH else line[: _MAX_SUBJECT_LENGTH - 1].rstrip() + "…"
    )


def build_message(
    rendered: RenderedMessage,
    identity: MailIdentity,
    links: EmailLinks | None,
    recipient: str,
    message_id: str,
    now: datetime,
) -> bytes:
    """The message, with CRLF line ends. Two calls with the same arguments give the same bytes.

    Without ``links`` it is a letter to one person, who is on no list that could be left. The
    parts are put together here, because that is done for every message and the library's way takes
    as long as all the rest; the library folds the header fields, and reads it all in the tests.
    """
    # The boundary cannot stand in a part: quoted-printable never has "=_".
    boundary = f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:40]}"
    message = "".join(
        (
            _format_header(
                "From", str(Address(clean_header(identity.name), addr_spec=identity.address))
            ),
            f"To: {recipient}\r\n",
            _format_header("Subject", clean_header(rendered.subject)),
            f"Date: {format_datetime(now)}\r\n",
            f"Message-ID: {message_id}\r\n",
            _format_list_headers(identity, links) if links else "",
            "Auto-Submitted: auto-generated\r\n",  # RFC 3834
            "MIME-Version: 1.0\r\n",
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n',
            _format_part(boundary, "plain", rendered.text),
            _format_part(boundary, "html", rendered.html),
            f"--{boundary}--\r\n",
        )
    )
    return sign_message(message.encode("ascii"), identity.signing_keys, now)


@lru_cache(maxsize=1024)
def _format_header(name: str, value: str) -> str:
    """A header field, folded and with encoded words where it needs them (RFC 2047)."""
    folded: str = SMTP.header_factory(name, value).fold(policy=SMTP)
    return folded


def _format_list_headers(head: MailIdentity, links: EmailLinks) -> str:
    """Which list this is and how to leave it."""
    ways = ",\r\n ".join(f"<{way}>" for way in (links.unsubscribe, links.mailto) if way)
    at_once = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"  # RFC 8058
    return "".join(
        (
            _format_header("List-Id", f"{clean_header(head.name)} digests <digest.{head.domain}>"),
            f"List-Unsubscribe: {ways}\r\n",
            at_once if links.unsubscribe else "",
            "Precedence: bulk\r\n",
            # how Google's Postmaster Tools count it
            f"Feedback-ID: ::digest:{head.feedback_sender_id}\r\n",
        )
    )


def _format_part(boundary: str, subtype: str, text: str) -> str:
    """One form of the content, in quoted-printable (RFC 2045 6.7)."""
    # The last line end is also what the encoder learns from how its own line ends are to be.
    lines = "\r\n".join([*_LINE_END.split(_CONTROL_CHARACTERS.sub("", text)), ""])
    encoded = binascii.b2a_qp(lines.encode(), istext=True).decode("ascii")
    return (
        f"--{boundary}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{encoded}"
    )
