"""What is offered to somebody who has not typed a query yet, or is typing one.

Owns the examples of the home page and the suggestions of the search box. It must not know pages.
"""

from alerts.search.offers.completions import find_completions
from alerts.search.offers.frequent_terms import find_frequent_terms

__all__ = ["find_completions", "find_frequent_terms"]
