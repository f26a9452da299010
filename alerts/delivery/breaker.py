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
from alerts.ledger.messages import Message
from alerts.refusals import get_reply_kind, strip_addresses

#: Refusals alike that shut a channel. One or two may be the policy of a mailbox; a third from
#: another mailbox is no coincidence.
_MIN_REFUSALS = 3


#: Messages one after another that were left in doubt, after which no more are risked in this run.
_MAX_DOUBTS_IN_A_ROW = 3


class ChannelBreaker:
    """Counts refusals that blame us, and shuts the channel after three alike. Threads share it.

    It also shuts after three messages in a row whose acceptance is in doubt.

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

    def note_refused(self, message: Message, error: SenderRejected) -> None:
        """Note a refusal that blames us, and shut the channel if it is one of three alike.

        Where all of them come from one domain, and other domains accept our messages, it is that
        domain that refuses us, and the channel stays open for the others.
        """
        with self._lock:
            self._refused.append((message, error))
            kind = get_reply_kind(str(error))
            self._recipients[kind].add(message.recipient)
            self._domains[kind].add(_get_domain(message))
            domains = self._domains[kind]
            is_general = len(domains) > 1 or not self._accepted_domains - domains
            if len(self._recipients[kind]) >= _MIN_REFUSALS and is_general:
                self._failure = ChannelRefused(
                    "the mail server refuses messages because of us, not their recipients: "
                    f"{strip_addresses(str(error))}"
                )

    def note_doubt(self, error: InDoubt) -> None:
        """Note that it is not known whether a message was accepted."""
        with self._lock:
            self._doubts_in_a_row += 1
            if self._doubts_in_a_row >= _MAX_DOUBTS_IN_A_ROW and self._failure is None:
                self._failure = ChannelUnavailable(
                    f"{self._doubts_in_a_row} messages in a row were sent and not acknowledged: "
                    f"{strip_addresses(str(error))}"
                )

    def get_failure(self) -> ChannelUnavailable | None:
        """Return why the channel is shut; None while it is open."""
        return self._failure


def _get_domain(message: Message) -> str:
    return message.recipient.rpartition("@")[2]
