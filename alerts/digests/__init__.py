"""Digests: when each subscriber is due, what their digest holds, and the message it becomes.

Owns what is pending (`pending_items`), the entries of a digest and how they
are rendered, the step that composes digests into the outbox (`compose`), and the processes that
write them ahead (`drafts`). It must not know the web, feeds, or how messages are delivered; of
delivery it uses only the sent log.
"""

from alerts.digests.compose import (
    DigestPreview,
    compose_due_digests,
    list_waiting_pieces,
    load_sent_digest,
    preview_due_digests,
)
from alerts.digests.digest import Digest
from alerts.digests.next_digest import NextDigest, find_next_digest
from alerts.digests.render import DIGEST_PAGE_DAYS
from alerts.digests.subscriber_digest import DigestSettings

__all__ = [
    "DIGEST_PAGE_DAYS",
    "Digest",
    "DigestPreview",
    "DigestSettings",
    "NextDigest",
    "compose_due_digests",
    "find_next_digest",
    "list_waiting_pieces",
    "load_sent_digest",
    "preview_due_digests",
]
