"""Finding channels: the modules of :mod:`alerts.delivery.channels`, and the configured ones."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from datetime import datetime

from alerts.delivery import channels
from alerts.delivery.channel import ChannelSettings
from alerts.errors import MissingExtra
from alerts.ledger.claims import DueFilter
from alerts.model import AddressError, Recipient


def list_channel_names(scheme: str | None = None) -> tuple[str, ...]:
    """Return the names of the channels, in alphabetical order.

    Args:
        scheme: Only the channels that declare this scheme: ``mailto`` for those that carry email.
            None for all.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(channels.__path__))
    return tuple(name for name in names if scheme is None or _declares(name, scheme))


def load_channel(name: str) -> type[ChannelSettings]:
    """Import a channel and return its settings class.

    Channels are imported only when they are needed: Apprise alone takes 0.3 s.

    Args:
        name: One of :func:`list_channel_names`.

    Raises:
        MissingExtra: The channel needs a package that is not installed.
    """
    module = importlib.import_module(f"{channels.__name__}.{name}")
    [settings] = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, ChannelSettings)
        and value.__module__ == module.__name__
    ]
    return settings


def _declares(name: str, scheme: str) -> bool:
    try:
        return scheme in load_channel(name).schemes
    except MissingExtra:
        return False


def _may_be_fallback(name: str) -> bool:
    try:
        return load_channel(name).is_fallback
    except MissingExtra:
        return True


@dataclass(frozen=True)
class ChannelTable:
    """The configured channels: the one that carries email, and those for other schemes."""

    channels: tuple[ChannelSettings, ...] = ()

    def find(self, recipient: Recipient) -> ChannelSettings | None:
        """Return the channel that carries messages to a recipient; None when there is none."""
        for channel in self.channels:
            if recipient.scheme in channel.schemes:
                return channel
        if recipient.is_email:
            return None
        return next((channel for channel in self.channels if channel.is_fallback), None)

    def find_due(
        self, channel: ChannelSettings, now: datetime, recipient: str | None = None
    ) -> DueFilter:
        """Return which messages of the outbox a channel carries that are due.

        It chooses as :meth:`find` does.

        Args:
            channel: One of the configured channels.
            now: The time.
            recipient: Only messages to this address; None for all.
        """
        earlier = self.channels[: self.channels.index(channel)]
        schemes = channel.schemes.difference(*(one.schemes for one in earlier))
        fallback = next((one for one in self.channels if one.is_fallback), None)
        declared = frozenset[str]().union(*(one.schemes for one in self.channels))
        return DueFilter(now, schemes, declared if channel is fallback else None, recipient)

    def check(self, recipient: Recipient) -> None:
        """Check that messages to a recipient can be delivered. Email always can.

        Raises:
            AddressError: No configured channel carries the scheme, or the one that does cannot
                use the address. The message says what to configure.
        """
        if recipient.is_email:
            return
        channel = self.find(recipient)
        if channel is None:
            name = _suggest_channel(recipient.scheme)
            raise AddressError(
                f"{str(recipient)!r} cannot be sent to: there is no [channels.{name}] in the config"
            )
        if not channel.can_reach(recipient):
            raise AddressError(f"{str(recipient)!r} is not an address of a service that we know")


def _suggest_channel(scheme: str) -> str:
    """Return the name of a channel, not configured, that would carry a scheme."""
    declared = list_channel_names(scheme)
    return (declared or tuple(filter(_may_be_fallback, list_channel_names())))[0]
