"""What was sent in the last days, kept beside the ledger: on this machine or in an object store.

Owns the keys of what was sent, where they are kept, and copies of them for backups. It must not
know how messages are sent.
"""

from alerts.delivery.sent_log.copies import copy_sent_log, count_sent_keys, merge_sent_log
from alerts.delivery.sent_log.local import (
    SENT_KEY_BYTES,
    SentLog,
    SentLogError,
    compute_sent_key,
    hide_sent_key,
    split_keys,
)
from alerts.delivery.sent_log.shared import open_sent_log

__all__ = [
    "SENT_KEY_BYTES",
    "SentLog",
    "SentLogError",
    "compute_sent_key",
    "copy_sent_log",
    "count_sent_keys",
    "hide_sent_key",
    "merge_sent_log",
    "open_sent_log",
    "split_keys",
]
