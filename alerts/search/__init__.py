"""Search in the archive: what a query finds, would have found, and might have meant.

Owns the search itself, the preview of a topic, suggestions, explanations, excerpts for lists of
results, and the step that indexes new questions. It must not know subscribers, pages or emails:
callers show what it returns.

The face has one entry for each of these services and the type that it returns.
"""

from alerts.search.breadth import Breadth, Volume, estimate_volume, find_breadth
from alerts.search.changes import ChangeResults, search_changes
from alerts.search.explain import MatchedPlace, QueryPart, explain_parts, find_matched_places
from alerts.search.index import build_facets, index_questions
from alerts.search.offers import find_completions, find_frequent_terms
from alerts.search.orders import SortedResults, SortOrder, can_be_ranked, list_sorted
from alerts.search.position import SearchPosition, parse_position
from alerts.search.preview import Preview, build_preview, count_by_month
from alerts.search.results import QuestionExcerpt, build_excerpt
from alerts.search.search import (
    ResultCount,
    SearchResults,
    TimeBudget,
    count_results,
    list_results,
    load_question_changes,
    search_questions,
)
from alerts.search.spellings import (
    SmallForm,
    SpellingSuggestion,
    find_small_forms,
    find_typed_word,
    list_unknown_words,
    suggest_spellings,
)
from alerts.search.suggestions import Suggestion, apply_suggestions, find_suggestions

__all__ = [
    "Breadth",
    "ChangeResults",
    "MatchedPlace",
    "Preview",
    "QueryPart",
    "QuestionExcerpt",
    "ResultCount",
    "SearchPosition",
    "SearchResults",
    "SmallForm",
    "SortOrder",
    "SortedResults",
    "SpellingSuggestion",
    "Suggestion",
    "TimeBudget",
    "Volume",
    "apply_suggestions",
    "build_excerpt",
    "build_facets",
    "build_preview",
    "can_be_ranked",
    "count_by_month",
    "count_results",
    "estimate_volume",
    "explain_parts",
    "find_breadth",
    "find_completions",
    "find_frequent_terms",
    "find_matched_places",
    "find_small_forms",
    "find_suggestions",
    "find_typed_word",
    "index_questions",
    "list_results",
    "list_sorted",
    "list_unknown_words",
    "load_question_changes",
    "parse_position",
    "search_changes",
    "search_questions",
    "suggest_spellings",
]
