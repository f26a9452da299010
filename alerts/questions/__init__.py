"""Questions compared with each other: changes, differences and threads. Pure.

The package decides what changed between two readings of a question, whether the new reading may
replace the stored one, which words a correction changed, and which supplementaries belong to a
question. It knows the canonical record and the nouns of :mod:`alerts.model`; it must not know the
ledger, subscribers or how a question is shown.
"""

from alerts.questions.changes import (
    can_replace,
    find_changes,
    find_silence_reason,
    is_shortened,
)
from alerts.questions.differences import Correction, find_corrections, find_first_correction
from alerts.questions.moves import is_reference_reused, is_same_question, make_reference_key
from alerts.questions.threads import find_parent, make_thread_key, sort_thread

__all__ = [
    "Correction",
    "can_replace",
    "find_changes",
    "find_corrections",
    "find_first_correction",
    "find_parent",
    "find_silence_reason",
    "is_reference_reused",
    "is_same_question",
    "is_shortened",
    "make_reference_key",
    "make_thread_key",
    "sort_thread",
]
