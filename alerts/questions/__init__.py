"""Questions compared with each other: changes, differences, threads and references. Pure.

The package decides what changed between two readings of a question, whether the new reading may
replace the stored one, which words a correction changed, which supplementaries belong to a
question, and which other questions its answers refer to. It knows the canonical record and the
nouns of :mod:`alerts.model`; it must not know the ledger, subscribers or how a question is shown.
"""

from alerts.questions.changes import (
    can_replace,
    find_changes,
    find_silence_reason,
    is_minor_correction,
)
from alerts.questions.differences import Correction, find_corrections, find_first_correction
from alerts.questions.edits import ParagraphEdit, Piece, compare_versions, find_edits
from alerts.questions.moves import is_reference_reused, is_same_question, make_reference_key
from alerts.questions.number_gaps import NumberGap, SeenQuestion, compute_usual_delay, find_gaps
from alerts.questions.references import find_references
from alerts.questions.shortened_text import is_shortened
from alerts.questions.threads import find_parent, make_thread_key, sort_thread

__all__ = [
    "Correction",
    "NumberGap",
    "ParagraphEdit",
    "Piece",
    "SeenQuestion",
    "can_replace",
    "compare_versions",
    "compute_usual_delay",
    "find_changes",
    "find_corrections",
    "find_edits",
    "find_first_correction",
    "find_gaps",
    "find_parent",
    "find_references",
    "find_silence_reason",
    "is_minor_correction",
    "is_reference_reused",
    "is_same_question",
    "is_shortened",
    "make_reference_key",
    "make_thread_key",
    "sort_thread",
]
