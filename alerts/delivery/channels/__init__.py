"""Channels: the ways out. One file each, found by its name.

A channel takes a message's bytes as they are and hands them over. It says how that ended by what
it raises, and it calls ``about_to_hand_over`` at the last moment before the other side can accept
the message, so that the ledger knows which messages may have been accepted when the power goes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

import msgspec

from alerts.errors import ExitStatus, WatchwordError
from alerts.model import Recipient


class DeliveryError(WatchwordError):
    """A message was not delivered; the class says what that means. Caught by ``delivery``."""

    exit_status = ExitStatus.UNAVAILABLE


class ChannelUnavailable(DeliveryError):
    """The way out itself is shut (no connection, login refused): no message is to blame."""


class TemporaryFailure(DeliveryError):
    """Not now: the other side asks to try again later (4xx)."""


class MessageRejected(DeliveryError):
    """Never: the other side will not take this message for this recipient (5xx)."""


class ContentRejected(MessageRejected):
    """Never, and it is what the message says that is not liked: nobody's address is to blame."""


class DeliveryCancelled(DeliveryError):
    """Its reader left while it was on its way; the message was not handed over."""


class InDoubt(DeliveryError):
    """The connection was lost after the message was handed over and before it was acknowledged."""


class Envelope(msgspec.Struct, frozen=True):
    """A message, and what is said on its outside."""

    message_id: str
    sender: str | None  #: where it comes back to; None for the channel's own
    recipient: str
    body: bytes


class OpenChannel(Protocol):
    """A channel that is ready to take messages."""

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Hand one message over and say in a few words what the other side answered.

        ``before_handover`` may raise :class:`DeliveryCancelled`: then nothing is handed over.
        Raises one
        of the :class:`DeliveryError` classes.
        """


class Channel(Protocol):
    """What the settings of each channel offer; its file's name is what the config calls it."""

    kind: ClassVar[str]  #: what it carries: see :func:`find_channel_kind`

    @property
    def connections(self) -> int:
        """How many may be open at once."""

    def open(self) -> AbstractContextManager[OpenChannel]:
        """The channel, ready; closed at the end. Raises :class:`ChannelUnavailable`."""

    def was_accepted(self, message_id: str) -> bool:
        """Whether the other side is known to have accepted a message that is in doubt."""


def find_channel_kind(recipient: Recipient) -> str:
    """Which way leads to a recipient: ``mail`` for an address, else the name of a channel."""
    if recipient.is_email:
        return "mail"
    return "webhook" if recipient.scheme in {"http", "https"} else "apprise"


def list_names(kind: str = "mail") -> tuple[str, ...]:
    """The channels there are of a way: ``mail`` carries emails."""
    every = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name for name in every if load_settings_class(name).kind == kind)


def load_settings_class(name: str) -> type[Any]:
    """The settings class of the channel ``name``: a frozen ``msgspec.Struct`` that can ``open``.

    Raises ``KeyError`` when there is no such channel.
    """
    if name not in {module.name for module in pkgutil.iter_modules(__path__)}:
        raise KeyError(name)
    module = importlib.import_module(f"{__name__}.{name}")
    found: type[Any] = getattr(module, f"{name.title()}Settings")
    return found
