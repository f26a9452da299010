"""The verdict on a crawl, from its report. Pure.

A crawl whose spider failed on every page ends "finished" with exit status 0, so neither says
anything: the counts do.
"""

from __future__ import annotations

from typing import Literal

from crawler.plan import Report

Verdict = Literal["ok", "empty", "changed", "blocked", "unreachable", "partial"]

#: Verdicts after which everything that the listings named is known to be read.
COMPLETE: frozenset[Verdict] = frozenset(("ok", "empty"))


def judge(report: Report) -> tuple[Verdict, str]:
    """Our judgement of the run and one sentence that gives the reason."""
    pages = report.listing_pages + report.fetched
    if report.refused and report.refused >= max(1, pages):
        return "blocked", f"the source refused {report.refused} of {report.requests} requests"
    if report.failed and not pages:
        return "unreachable", f"no page came: {report.errors[0] if report.errors else 'no reason'}"
    if report.listings_unknown:
        return "changed", "a listing came without rows and without the marks of a listing"
    if report.outside_window * 2 > max(1, report.listed):
        return "changed", (
            f"{report.outside_window} of {report.listed} listed questions are outside "
            "the dates asked for: the listing ignores its filter"
        )
    if (bad := report.unreadable + report.suspect) * 2 > max(1, report.fetched):
        return "changed", f"{bad} of {report.fetched} pages could not be read or are suspect"
    return _whole(report)


def _whole(report: Report) -> tuple[Verdict, str]:
    """The verdict on a run whose pages were readable."""
    if report.finish_reason != "finished":
        return "partial", f"the crawl stopped early ({report.finish_reason})"
    if report.failed or report.refused or report.listings_cut:
        first = f": {report.errors[0]}" if report.errors else ""
        short = report.failed + report.refused
        cut = f", {report.listings_cut} listings cut short" if report.listings_cut else ""
        return "partial", f"{short} of {report.requests} requests brought no page{cut}{first}"
    if report.listing_pages and not report.listed:
        return "empty", "the listings name no question in the dates asked for"
    return "ok", f"{report.read} questions read"
