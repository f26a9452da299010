"""Drafts: digests that other processes write ahead, and that this one puts into the outbox.

Owns the processes, what they are told and what they answer. They only read. It must not know the
outbox, or when drafts are wanted: whoever puts one into the outbox checks that it still holds.
"""

from alerts.digests.drafts.crew import draft_in_processes
from alerts.digests.drafts.draft import Draft, DraftBatch, still_holds
from alerts.digests.drafts.draft_settings import DraftSettings
from alerts.digests.drafts.run import DigestRun

__all__ = ["DigestRun", "Draft", "DraftBatch", "DraftSettings", "draft_in_processes", "still_holds"]
