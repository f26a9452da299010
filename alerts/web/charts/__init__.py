"""Charts and pictures by address, the page that compares two topics, and the figures of pages.

Owns what a chart of a search, a topic or a member counts, and the files below ``/charts`` and
``/pictures``. It must not know the other pages: they ask for a figure, and put it where it belongs.
"""

from alerts.web.charts.app import ChartRoutes
from alerts.web.charts.compare import ComparePage
from alerts.web.charts.figures import (
    build_body_chart,
    build_member_chart,
    build_search_chart,
    build_topic_chart,
    count_body_months,
    count_member_months,
)

__all__ = [
    "ChartRoutes",
    "ComparePage",
    "build_body_chart",
    "build_member_chart",
    "build_search_chart",
    "build_topic_chart",
    "count_body_months",
    "count_member_months",
]
