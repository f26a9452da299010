"""Digests: when each subscriber is due, what their digest holds, and the message it becomes.

Owns what is pending (`pending_items`), the entries of a digest and how they
are rendered, and the step that composes digests into the outbox (`compose`). It must not know the
web, feeds, or how messages are delivered; of delivery it uses only the sent log.
"""

from alerts.digests.compose import (
    DigestPreview,
    DigestSettings,
    begin_round,
    compose_due_digests,
    compose_range,
    is_round_due,
    list_waiting_ranges,
    load_sent_digest,
    preview_due_digests,
)
from alerts.digests.digest import Digest
from alerts.digests.next_digest import NextDigest, find_next_digest
from alerts.digests.render import DIGEST_PAGE_DAYS

__all__ = [
    "DIGEST_PAGE_DAYS",
    "Digest",
    "DigestPreview",
    "DigestSettings",
    "NextDigest",
    "begin_round",
    "compose_due_digests",
    "compose_range",
    "find_next_digest",
    "is_round_due",
    "list_waiting_ranges",
    "load_sent_digest",
    "preview_due_digests",
]
