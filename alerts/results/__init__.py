"""The page of results: what it shows of a search, beside the results themselves.

Owns counts, filters with their links, and other ways to write a query. It must not know pages or
subscribers: callers show what it returns.
"""

from alerts.results.filter_choices import FilterChoice, FilterGroup, FilterInUse, RankedMember
from alerts.results.other_ways import CorrectedQuery, OtherWays, find_correction
from alerts.results.page import ResultPage, ResultRequest, build_result_page

__all__ = [
    "CorrectedQuery",
    "FilterChoice",
    "FilterGroup",
    "FilterInUse",
    "OtherWays",
    "RankedMember",
    "ResultPage",
    "ResultRequest",
    "build_result_page",
    "find_correction",
]
