"""Delivery: from the outbox to the inbox.

Owns the channels (one file each), the order and pace of sending, what a failed attempt means, and
the sent log. What it promises is in ``docs/explanation/delivery.md``. It is given the bytes of
messages and must not know what is in them: no digests, no templates, no subscriptions.
"""

from alerts.delivery.bounded_http import BoundedSession
from alerts.delivery.channel import (
    ChannelProbe,
    ChannelRefused,
    ChannelSettings,
    ChannelUnavailable,
    DeliveryError,
    Envelope,
    Host,
    Seconds,
)
from alerts.delivery.policy import DeliveryPolicy, DoubtPolicy
from alerts.delivery.registry import ChannelTable, list_channel_names, load_channel
from alerts.delivery.send import deliver_due
from alerts.delivery.sent_log import (
    SentLog,
    SentLogError,
    compute_sent_key,
    copy_sent_log,
    count_sent_keys,
    merge_sent_log,
    open_sent_log,
    split_keys,
)
from alerts.delivery.watch import DeliveryWatch

__all__ = [
    "BoundedSession",
    "ChannelProbe",
    "ChannelRefused",
    "ChannelSettings",
    "ChannelTable",
    "ChannelUnavailable",
    "DeliveryError",
    "DeliveryPolicy",
    "DeliveryWatch",
    "DoubtPolicy",
    "Envelope",
    "Host",
    "Seconds",
    "SentLog",
    "SentLogError",
    "compute_sent_key",
    "copy_sent_log",
    "count_sent_keys",
    "deliver_due",
    "list_channel_names",
    "load_channel",
    "merge_sent_log",
    "open_sent_log",
    "split_keys",
]
