"""The bulk matcher: all topics compared with many questions at once.

Owns the compiled form of topics (:class:`Matcher`: ``join``, ``leave``, ``match``) and the step
from new changes in the ledger to matches (:class:`TopicMatcher`). It must not know subscribers,
frequencies or what is done with a match. What matches is defined by
:func:`alerts.queries.find_match`; this package finds the same, only faster.
"""

from alerts.matching.match_changes import TopicMatcher
from alerts.matching.match_questions import QuestionChanges, find_matching_questions
from alerts.matching.matcher import BATCH_SIZE, BatchMatches, FieldTexts, Matcher

__all__ = [
    "BATCH_SIZE",
    "BatchMatches",
    "FieldTexts",
    "Matcher",
    "QuestionChanges",
    "TopicMatcher",
    "find_matching_questions",
]
