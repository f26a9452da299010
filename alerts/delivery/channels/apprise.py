"""Messages to chat services and phones through Apprise (https://github.com/caronc/apprise).

Apprise knows ntfy, Slack, Matrix and about 250 other URL schemes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import ClassVar

from alerts.delivery.channel import (
    ChannelSettings,
    ConnectionLimit,
    Envelope,
    MessageRejected,
    TemporaryFailure,
)
from alerts.errors import MissingExtra
from alerts.mail import parse_notification
from alerts.model import Recipient

try:
    import apprise
except ImportError as error:
    raise MissingExtra("chat", "Apprise", "channels.apprise") from error


#: For one message to one address.
_MAX_SECONDS = 60.0


class AppriseSettings(ChannelSettings, frozen=True):
    """``[channels.apprise]``: lets a subscriber be an address such as ``ntfy://ntfy.sh/topic``."""

    is_fallback: ClassVar[bool] = True

    connections: ConnectionLimit = 2  #: sessions that are open at once

    @contextmanager
    def open(self) -> Iterator[AppriseNotifier]:
        """Open a session. Apprise connects to each address separately, so nothing is opened yet."""
        yield AppriseNotifier()

    def can_reach(self, recipient: Recipient) -> bool:
        """Return whether Apprise has a service for the address and the address is complete."""
        return apprise.Apprise.instantiate(recipient.address) is not None


class AppriseNotifier:
    """A session that hands messages to Apprise."""

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Send a message's subject and text to one address.

        Raises:
            MessageRejected: Apprise has no service for the address.
            TemporaryFailure: The service did not accept the message. Apprise does not say why.
        """
        notification = parse_notification(envelope.body)
        service = apprise.Apprise()
        if not service.add(envelope.recipient):
            raise MessageRejected("Apprise has no service for this address")
        before_handover()
        notify = partial(service.notify, title=notification.subject, body=notification.text)
        if not _run_within(_MAX_SECONDS, notify):
            raise TemporaryFailure("the service did not accept the message in time")
        return "notified"


def _run_within(seconds: float, notify: Callable[[], object]) -> bool:
    """Return whether ``notify`` returned something true in time.

    Apprise has timeouts for each piece of an answer only, and no way to end a request. A request
    that does not end keeps its thread, which ends with the process.
    """
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(notify()), daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(results and results[0])
