"""Charts and pictures by address, and the figures of the pages.

Owns what a chart of a search, a topic or a member counts, and the files below ``/charts`` and
``/pictures``. It must not know the pages: they ask for a figure, and put it where it belongs.
"""

from alerts.web.charts.app import ChartRoutes
from alerts.web.charts.figures import (
    CountedMonths,
    build_member_chart,
    build_search_chart,
    build_topic_chart,
    compare_with_search,
    count_search,
)

__all__ = [
    "ChartRoutes",
    "CountedMonths",
    "build_member_chart",
    "build_search_chart",
    "build_topic_chart",
    "compare_with_search",
    "count_search",
]
