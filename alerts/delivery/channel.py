"""What a delivery channel is: its settings, a session of it, and the ways a delivery can fail."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar, Protocol, Self

import msgspec

from alerts.errors import ExitStatus, WatchwordError
from alerts.model import Recipient

#: A positive number of seconds, for timeouts: up to an hour.
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
#: How many sessions of a channel may be open at once.
ConnectionLimit = Annotated[int, msgspec.Meta(ge=1, le=100)]
#: The name or the IP address of a machine: no label is empty or longer than 63 characters, which
#: the system's resolver would refuse with an error of its own (RFC 1035, section 2.3.4).
Host = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([^\s/.:@]{1,63}(\.[^\s/.:@]{1,63})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%a-z]*)$",
        description="a name or an IP address, like localhost",
    ),
]


class DeliveryError(WatchwordError):
    """Base of the ways in which the delivery of one message can fail."""

    exit_status = ExitStatus.UNAVAILABLE


class ChannelUnavailable(DeliveryError):
    """The channel cannot be used (no connection, login rejected); no message is to blame."""


class ChannelRefused(ChannelUnavailable):
    """The other side refuses us, whatever the message: our login, address or reputation."""


class SenderRejected(DeliveryError):
    """The other side rejected a message because of us; it is kept, and no mailbox is charged."""


class TemporaryFailure(DeliveryError):
    """The other side asks to try again later (an SMTP 4xx reply, HTTP 429 or 5xx)."""


class MailboxUnavailable(TemporaryFailure):
    """The recipient's mailbox cannot take the message now: it is full or disabled."""


class MessageRejected(DeliveryError):
    """The other side will never accept this message for this recipient (SMTP 5xx, HTTP 4xx)."""


class ContentRejected(MessageRejected):
    """The other side rejected the message for its content, not for its recipient."""


class DeliveryCancelled(DeliveryError):
    """The subscriber unsubscribed while the message was in transit; it was not handed over."""


class Overtaken(DeliveryCancelled):
    """Another delivery has the message, or may have; it was not handed over by this one."""


class InDoubt(DeliveryError):
    """The connection was lost after the message was handed over and before it was acknowledged."""


class Envelope(msgspec.Struct, frozen=True):
    """A message with the addresses that its transport needs."""

    message_id: str  #: with its angle brackets: ``<20260716.12@example.org>``
    sender: str | None  #: the return path; None for the channel's own
    recipient: str
    body: bytes


class OpenChannel(Protocol):
    """A channel session that is ready to deliver messages, one after another."""

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Deliver one message.

        Args:
            envelope: The message. Its bytes are sent unchanged.
            before_handover: Called at the last moment at which the other side certainly has not
                accepted the message, so that the ledger knows which messages may have been
                accepted if the process is killed. It may raise :class:`DeliveryCancelled`; then
                nothing may be handed over.

        Returns:
            What the other side answered, in a few words: ``250 2.0.0 Ok: queued as 4Xyz12``.

        Raises:
            DeliveryError: One of its subclasses, which says how the delivery failed.
        """


class ChannelProbe(msgspec.Struct, frozen=True):
    """What a conversation with the other side of a channel found, without a message."""

    detail: str  #: what was agreed: ``mail.example.org:587: TLSv1.3, logged in``
    is_encrypted: bool
    is_local: bool  #: whether the other side is on this machine, where no encryption is needed
    #: From when until when the server's certificate is valid, in UTC.
    certificate: tuple[datetime, datetime] | None = None


class ChannelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the channels: the ``[channels.NAME]`` section, and what it can open.

    Each channel is one module in :mod:`alerts.delivery.channels`, named as its section, with one
    subclass. Limits stand on the fields (``msgspec.Meta``). A ``Path`` is taken from the config's
    folder, and a ``Secret`` may come from a file or the environment.
    """

    #: URL schemes of the recipients that the channel carries. ``mailto`` stands for email; the
    #: channel that carries it is the one that ``[mail] channel`` names.
    schemes: ClassVar[frozenset[str]] = frozenset()
    #: Whether the channel also carries the schemes that no other channel declares.
    is_fallback: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The name of the section, which is the one of the module."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def connections(self) -> int:
        """How many sessions may be open at once, in all processes together."""
        return 1

    def open(self) -> AbstractContextManager[OpenChannel]:
        """Open a session, which is closed when the block ends.

        Raises:
            ChannelUnavailable: The channel cannot be used.
        """
        raise NotImplementedError

    def probe(self) -> ChannelProbe | None:
        """Open a session and close it again; return what it is like, None if there is no server.

        Raises:
            ChannelUnavailable: The channel cannot be used.
        """
        return None

    def with_timeout(self, seconds: float) -> Self:
        """Return the settings with a timeout of so many seconds, if they have a longer one."""
        return self

    def show_receiver_secret(self, address: str) -> str | None:
        """Return what a receiver checks our signatures with; None where nothing is signed."""
        return None

    @property
    def private_folder(self) -> Path | None:
        """The folder on this machine that messages are written into; None without one."""
        return None

    def was_accepted(self, message_id: str) -> bool:
        """Return whether the other side is known to have accepted a message that is in doubt.

        Return False when it cannot be asked. Channels where a second delivery does no harm need
        not override this.
        """
        return False

    def delete_copies(self, message_ids: Collection[str]) -> int:
        """Delete what the channel keeps on this machine of messages, by their Message-IDs.

        Returns:
            How many copies were deleted. Channels that keep none need not override this.
        """
        return 0

    def can_reach(self, recipient: Recipient) -> bool:
        """Return whether the channel understands an address of one of its schemes."""
        return True

    def with_sender(self, from_address: str) -> Self:
        """Return the settings with ``[mail] from_address`` where they name no return path."""
        return self
