"""The query language that topics are written in (``docs/reference/queries.md``).

Owns the grammar, the query tree, the canonical form, and the rule that decides whether a query
matches a text (:func:`find_match`, which the bulk matcher and the database's index are tested
against). It must not know the database, the matcher or who asks. Pure.

Three modules are used whole and are part of the face: :mod:`~alerts.queries.ast` (the nodes of the
tree), :mod:`~alerts.queries.normal_form` (clauses, for the bulk matcher) and
:mod:`~alerts.queries.index_terms` (what a database is asked for, before queries are decided).
"""

from alerts.queries import ast, index_terms, normal_form
from alerts.queries.ast import Query
from alerts.queries.canonical import is_readable, parse_canonical
from alerts.queries.checks import QueryError
from alerts.queries.fields import (
    DEFAULT_FIELDS,
    FIELDS,
    KEYWORD_FIELDS,
    NAME_FIELDS,
    extract_fields,
    infer_changes,
    list_name_texts,
    prepare_fields,
)
from alerts.queries.filters import (
    FILTER_FIELDS,
    Filter,
    add_filter,
    list_filters,
    remove_filter,
    remove_filters,
    write_filter,
)
from alerts.queries.find import drop_unlikely_paragraphs, find_match
from alerts.queries.little_words import list_hints
from alerts.queries.parse import LANGUAGE_VERSION, format_canonical, parse_query
from alerts.queries.repairs import suggest_repairs
from alerts.queries.visitor import (
    QueryVisitor,
    iter_words,
    list_leaves,
    list_wanted_leaves,
    replace_wanted_leaves,
    uses_field,
)

__all__ = [
    "DEFAULT_FIELDS",
    "FIELDS",
    "FILTER_FIELDS",
    "KEYWORD_FIELDS",
    "LANGUAGE_VERSION",
    "NAME_FIELDS",
    "Filter",
    "Query",
    "QueryError",
    "QueryVisitor",
    "add_filter",
    "ast",
    "drop_unlikely_paragraphs",
    "extract_fields",
    "find_match",
    "format_canonical",
    "index_terms",
    "infer_changes",
    "is_readable",
    "iter_words",
    "list_filters",
    "list_hints",
    "list_leaves",
    "list_name_texts",
    "list_wanted_leaves",
    "normal_form",
    "parse_canonical",
    "parse_query",
    "prepare_fields",
    "remove_filter",
    "remove_filters",
    "replace_wanted_leaves",
    "suggest_repairs",
    "uses_field",
    "write_filter",
]
