"""Bounces: emails that come back to us, and what follows for the subscriber.

Owns the return paths that tell which message a bounce is about, the reading of reports (RFC 3464,
RFC 5965), and the rules of when a mailbox is paused or suspended. Must not know how messages are
composed or sent.
"""

from alerts.bounces.apply import (
    HARD_BOUNCE_LIMIT,
    apply_bounce,
    list_waiting,
    resume_since,
    suspend_waiting,
)
from alerts.bounces.parse import name_email
from alerts.bounces.process import ReportOutcome, process_report
from alerts.bounces.return_path import build_return_path, find_message_number

__all__ = [
    "HARD_BOUNCE_LIMIT",
    "ReportOutcome",
    "apply_bounce",
    "build_return_path",
    "find_message_number",
    "list_waiting",
    "name_email",
    "process_report",
    "resume_since",
    "suspend_waiting",
]
