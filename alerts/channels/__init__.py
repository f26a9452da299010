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
from typing import Any, Protocol


class DeliveryError(Exception):
    """A message was not delivered; the class says what that means. Caught by ``delivery``."""


class Unavailable(DeliveryError):
    """The way out itself is shut (no connection, login refused): no message is to blame."""


class Postponed(DeliveryError):
    """Not now: the other side asks to try again later (4xx)."""


class Refused(DeliveryError):
    """Never: the other side will not take this message for this recipient (5xx)."""


class InDoubt(DeliveryError):
    """The connection was lost after the message was handed over and before it was acknowledged."""


class Open(Protocol):
    """A channel that is ready to take messages."""

    def deliver(
        self, message_id: str, recipient: str, body: bytes, about_to_hand_over: Callable[[], None]
    ) -> str:
        """Hand one message over and say in a few words what the other side answered.

        Raises one of the :class:`DeliveryError` classes.
        """


class Channel(Protocol):
    """What the settings of each channel offer; ``name`` is what the config calls it."""

    def open(self) -> AbstractContextManager[Open]:
        """The channel, ready; closed at the end. Raises :class:`Unavailable`."""


def names() -> tuple[str, ...]:
    """The channels there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def settings(name: str) -> type[Any]:
    """The settings class of the channel ``name``: a frozen ``msgspec.Struct`` that can ``open``.

    Raises ``KeyError`` when there is no such channel.
    """
    if name not in names():
        raise KeyError(name)
    found: type[Any] = importlib.import_module(f"{__name__}.{name}").Settings
    return found
