"""The breaker of a channel: when replies show that nothing more should be sent over it now."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

from alerts.delivery.channel import (
    ChannelRefused,
    ChannelUnavailable,
    InDoubt,
    SenderRejected,
)
from alerts.delivery.policy import get_domain
from alerts.ledger.messages import Message
from alerts.refusals import get_reply_kind, strip_addresses

#: Refusals alike that shut a channel. One or two may be the policy of a mailbox; a third from
#: another mailbox is no coincidence.
_MIN_REFUSALS = 3


#: Messages one after another that were left in doubt, after which no more are risked in this run.
_MAX_DOUBTS_IN_A_ROW = 3


class ChannelBreaker:
    """Counts refusals that blame us, and shuts the channel after three alike. Threads share it.

    It also shuts after three messages in a row whose acceptance is in doubt. Where some domains
    refuse us and others accept our messages, it stays open for the others.

    It keeps what was refused, because only the end of a run shows what to do with it: retry it
    like a single refusal, or queue it again untouched because the channel is shut.
    """

    def __init__(self) -> None:
        self._refused: list[tuple[Message, SenderRejected]] = []
        self._recipients: defaultdict[str, set[str]] = defaultdict(set)  # by kind of reply
        self._domains: defaultdict[str, set[str]] = defaultdict(set)  # by kind of reply
        self._accepted_domains: set[str] = set()
        self._lock = threading.Lock()
        self._failure: ChannelUnavailable | None = None
        self._partial_failure: ChannelUnavailable | None = None
        self._doubts_in_a_row = 0

    @property
    def is_shut(self) -> bool:
        """Whether nothing more may be sent over the channel in this run."""
        return self._failure is not None

    @property
    def refused(self) -> Sequence[tuple[Message, SenderRejected]]:
        """The messages that were refused, and how."""
        return self._refused

    def note_accepted(self, message: Message) -> None:
        """Note that the other side accepted a message."""
        with self._lock:
            self._accepted_domains.add(_get_domain(message))
            self._doubts_in_a_row = 0

    def note_refused(self, message: Message, error: SenderRejected) -> bool:
        """Note a refusal that blames us, and shut the channel if it is one of three alike.

        Where other domains accept our messages, the channel stays open for them. Several domains
        that refuse us are then left alone (:meth:`is_refusing`); a single one is tried on.

        Returns:
            Whether this has shut the channel.
        """
        with self._lock:
            was_shut = self.is_shut
            self._refused.append((message, error))
            kind = get_reply_kind(str(error))
            self._recipients[kind].add(message.recipient)
            self._domains[kind].add(_get_domain(message))
            domains = self._domains[kind]
            if len(self._recipients[kind]) < _MIN_REFUSALS:
                return False
            said = strip_addresses(str(error))
            if not self._accepted_domains - domains:
                self._failure = ChannelRefused(
                    f"messages are refused because of us, not their recipients: {said}"
                )
            elif len(domains) > 1:
                self._partial_failure = ChannelRefused(
                    f"{len(domains)} domains refuse messages because of us, not their "
                    f"recipients: {said}"
                )
            return self.is_shut and not was_shut

    def is_refusing(self, message: Message) -> bool:
        """Return whether a message is for one of several domains that refuse us in this run."""
        if self._partial_failure is None:
            return False
        domain = _get_domain(message)
        with self._lock:
            return any(domain in domains for domains in self._domains.values())

    def note_doubt(self, error: InDoubt) -> bool:
        """Note that it is not known whether a message was accepted.

        Returns:
            Whether this has shut the channel.
        """
        with self._lock:
            self._doubts_in_a_row += 1
            if self._doubts_in_a_row < _MAX_DOUBTS_IN_A_ROW or self.is_shut:
                return False
            self._failure = ChannelUnavailable(
                f"{self._doubts_in_a_row} messages in a row were sent and not acknowledged: "
                f"{strip_addresses(str(error))}"
            )
            return True

    def shut(self, failure: ChannelUnavailable) -> None:
        """Shut the channel because another delivery has found out why."""
        with self._lock:
            self._failure = self._failure or failure

    def get_failure(self) -> ChannelUnavailable | None:
        """Return why the channel is shut, if only for some domains; None while it is open."""
        return self._failure or self._partial_failure


def _get_domain(message: Message) -> str:
    return get_domain(message.recipient)
