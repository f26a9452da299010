"""Charts: questions by month as bars, two topics as lines, and pictures of pages for links.

Owns how counts are drawn and said in words: as SVG in a page, as SVG and PNG files for other sites,
and as CSV. It must not know the ledger, requests or templates: callers bring the counts, and
templates put the parts of a figure into their place.
"""

from alerts.charts.figures import ChartLinks, Figure, build_comparison, build_monthly_chart
from alerts.charts.files import write_file
from alerts.charts.months import MonthCount, begin_of_charts, count_months
from alerts.charts.pictures import LinkPicture, draw_link_picture

__all__ = [
    "ChartLinks",
    "Figure",
    "LinkPicture",
    "MonthCount",
    "begin_of_charts",
    "build_comparison",
    "build_monthly_chart",
    "count_months",
    "draw_link_picture",
    "write_file",
]
