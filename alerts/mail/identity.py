"""The sender's identity: what is the same on every message, and the links that emails carry."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from alerts.mail.digest_page import DigestPage
from alerts.mail.dkim import SigningKey
from alerts.tokens import TokenSigner

#: How long a link to somebody's alerts works. Emails are kept and forwarded: two months are enough
#: to use a monthly digest's link, and too few for somebody who is forwarded it a year later.
MANAGE_LINK_VALIDITY = timedelta(days=60)
#: How long "do not email me again" works: as long as anybody keeps an email that they did not want.
STOP_LINK_VALIDITY = timedelta(days=3650)
#: Google's Feedback-ID wants 5 to 15 characters as the sender's name.
_FEEDBACK_SENDER_LENGTHS = range(5, 16)


class EmailLinks(msgspec.Struct, frozen=True):
    """The links of one subscriber's email; all but ``mailto`` need the service's web pages."""

    mailto: str  #: unsubscribes by email: ``mailto:leave@example.org?subject=TOKEN``
    unsubscribe: str | None = None  #: unsubscribes on a page, or at once by POST (RFC 8058)
    manage: str | None = None  #: the page with the subscriber's alerts
    page: DigestPage | None = None  #: the page with the whole digest

    @property
    def digest(self) -> str | None:
        """The address of the page with the whole digest. Only long digests link to it."""
        return self.page.url if self.page else None

    def build_stop_alert_link(self, subscription_id: int) -> str | None:
        """Return the address of the page to stop one alert; None without web pages.

        Its authority is the one of `unsubscribe`: whoever has an email can end all its alerts, or
        this one. Like that link, it works until the subscriber makes old links invalid.
        """
        return f"{self.unsubscribe}/{subscription_id}" if self.unsubscribe else None


class MailIdentity(msgspec.Struct, frozen=True):
    """Who the service is in the messages that it sends."""

    name: str  #: ``Watchword``
    address: str  #: of the From header: ``watchword@example.org``
    unsubscribe_address: str  #: an email to it unsubscribes the subscriber in its subject
    public_url: str | None = None  #: of the web pages, without a slash at the end
    attributions: dict[str, str] = {}  #: by source, the notice that its licence asks for
    site_urls: dict[str, str] = {}  #: by source, the address of its site
    signing_keys: tuple[SigningKey, ...] = ()  #: for DKIM
    token_secret: bytes = b""  #: signs the links to subscribers' alerts
    bounce_address: str | None = None  #: where bounces go

    @property
    def domain(self) -> str:
        """The domain of our Message-IDs and of the List-Id."""
        return self.address.rpartition("@")[2]

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """The addresses at which the service itself reads email."""
        own = (self.address, self.unsubscribe_address, self.bounce_address)
        return tuple(address for address in own if address)

    @property
    def feedback_sender_id(self) -> str:
        """The sender's name in Feedback-ID: complaints are counted by it, so it must not change."""
        name = re.sub(r"[^a-z0-9]", "", self.name.lower())[: _FEEDBACK_SENDER_LENGTHS[-1]]
        return name if len(name) in _FEEDBACK_SENDER_LENGTHS else "watchword"

    def build_links(
        self,
        token: str,
        now: datetime,
        digest: str | None = None,
        link_subject: str | None = None,
    ) -> EmailLinks:
        """Return the links for one email to one subscriber.

        The links are short on purpose: a URI of more than 75 characters would be folded into
        encoded words, which no mail program reads as an address.

        Args:
            token: The subscriber's token. The links to unsubscribe work until it is replaced.
            now: When the link to the subscriber's alerts begins to be valid.
            digest: The key of the digest's message, where its page is linked to.
            link_subject: What the link to their alerts is issued for; None for the token.
        """
        mailto = f"mailto:{self.unsubscribe_address}?subject={token}"
        if not self.public_url:
            return EmailLinks(mailto)
        page = DigestPage(self.public_url, digest, self.token_secret) if digest else None
        return EmailLinks(
            mailto,
            f"{self.public_url}/u/{token}",
            self.build_manage_link(link_subject or token, now),
            page,
        )

    def build_manage_link(self, link_subject: str, now: datetime) -> str:
        """Return the URL of a subscriber's alerts, valid for :data:`MANAGE_LINK_VALIDITY`."""
        signed = TokenSigner(self.token_secret, lambda: now).issue("manage", link_subject)
        return f"{self.public_url}/m/{signed}"

    def build_stop_link(self, address_hash: str, now: datetime) -> str:
        """Return the URL of "do not email me again" for an address; it works for ten years."""
        signed = TokenSigner(self.token_secret, lambda: now).issue("stop", address_hash)
        return f"{self.public_url}/n/{signed}"
