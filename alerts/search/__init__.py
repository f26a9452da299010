"""Search in the archive: what a query finds, would have found, and might have meant.

Owns the search itself, the preview of a topic, suggestions, explanations, excerpts for lists of
results, and the step that indexes new questions. It must not know subscribers, pages or emails:
callers show what it returns.

The face has one entry for each of these services and the type that it returns.
"""

from alerts.search.explain import MatchedPlace, explain_parts, find_matched_places
from alerts.search.index import index_questions
from alerts.search.preview import Preview, build_preview, count_by_month
from alerts.search.results import QuestionExcerpt, build_excerpt
from alerts.search.search import (
    SearchResults,
    TimeBudget,
    load_question_changes,
    search_changes,
    search_questions,
)
from alerts.search.suggestions import Suggestion, apply_suggestions, find_suggestions

__all__ = [
    "MatchedPlace",
    "Preview",
    "QuestionExcerpt",
    "SearchResults",
    "Suggestion",
    "TimeBudget",
    "apply_suggestions",
    "build_excerpt",
    "build_preview",
    "count_by_month",
    "explain_parts",
    "find_matched_places",
    "find_suggestions",
    "index_questions",
    "load_question_changes",
    "search_changes",
    "search_questions",
]
