"""The breaker of a channel: when refusals show that it is us whom the mail server refuses."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

from alerts.delivery.channel import ChannelRefused, SenderRejected
from alerts.ledger.messages import Message
from alerts.refusals import get_reply_kind, strip_addresses

#: Refusals alike that shut a channel. One or two may be the policy of a mailbox; a third from
#: another mailbox is no coincidence.
_MIN_REFUSALS = 3


class ChannelBreaker:
    """Counts refusals that blame us, and shuts the channel after three alike. Threads share it.

    It keeps what was refused, because only the end of a run shows what to do with it: retry it
    like a single refusal, or queue it again untouched because the channel is shut.
    """

    def __init__(self) -> None:
        self._refused: list[tuple[Message, SenderRejected]] = []
        self._recipients: defaultdict[str, set[str]] = defaultdict(set)  # by kind of reply
        self._domains: defaultdict[str, set[str]] = defaultdict(set)  # by kind of reply
        self._accepted_domains: set[str] = set()
        self._lock = threading.Lock()
        self._reason: str | None = None

    @property
    def is_shut(self) -> bool:
        """Whether nothing more may be sent over the channel in this run."""
        return self._reason is not None

    @property
    def refused(self) -> Sequence[tuple[Message, SenderRejected]]:
        """The messages that were refused, and how."""
        return self._refused

    def note_accepted(self, message: Message) -> None:
        """Note that the other side accepted a message."""
        with self._lock:
            self._accepted_domains.add(_get_domain(message))

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
                self._reason = strip_addresses(str(error))

    def get_failure(self) -> ChannelRefused | None:
        """Return why the channel is shut; None while it is open."""
        if self._reason is None:
            return None
        return ChannelRefused(
            f"the mail server refuses messages because of us, not their recipients: {self._reason}"
        )


def _get_domain(message: Message) -> str:
    return message.recipient.rpartition("@")[2]
