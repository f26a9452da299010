"""The verdict on a crawl, from its report. Pure.

A crawl whose spider failed on every page ends "finished" with exit status 0, so neither says
anything: the counts do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from typing import Literal

from crawler.fetching.crawl_plan import CrawlReport

Verdict = Literal["ok", "empty", "changed", "blocked", "unreachable", "partial"]

#: Fewer pages than these say nothing of how often a field is there.
_MIN_PAGES = 20
_MIN_BASELINE_PAGES = 50
_MIN_FALL = 0.15
#: What no question page can lack, and on how many of them it must be found at the least.
_ESSENTIAL_FIELDS = frozenset(("title", "asked_by", "question"))
_MIN_ESSENTIAL_RATE = 0.8

#: Verdicts after which everything that the listings named is known to be read.
COMPLETE_VERDICTS: frozenset[Verdict] = frozenset(("ok", "empty"))


def decide_verdict(report: CrawlReport) -> tuple[Verdict, str]:
    """Our judgement of the run and one sentence that gives the reason."""
    pages = report.listing_pages + report.fetched
    if report.finish_reason == "refused" or report.refused >= max(1, pages):
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
    return _decide_readable(report)


def _decide_readable(report: CrawlReport) -> tuple[Verdict, str]:
    """The verdict on a run whose pages were readable."""
    if report.finish_reason != "finished":
        return "partial", f"the crawl stopped early ({report.finish_reason})"
    if report.missing:
        named = ", ".join(report.missing)
        return "partial", f"listed, and not read: {named}"
    if report.listings_short:
        first = f": {report.errors[0]}" if report.errors else ""
        return "partial", f"{report.listings_short} listings show more than they link to{first}"
    if report.failed or report.refused or report.listings_cut:
        first = f": {report.errors[0]}" if report.errors else ""
        short = report.failed + report.refused
        cut = f", {report.listings_cut} listings cut short" if report.listings_cut else ""
        return "partial", f"{short} of {report.requests} requests brought no page{cut}{first}"
    if report.listing_pages and not report.listed:
        return "empty", "the listings name no question in the dates asked for"
    return "ok", f"{report.read} questions read"


def find_drift(report: CrawlReport, baseline: Sequence[CrawlReport]) -> tuple[str, ...]:
    """A sentence for each thing that this run found more seldom than the good runs before it.

    It goes by field: how often it was there (``filled``), and how often two readings of it agreed.
    A fall counts when it is more than chance would make of the norm and more than a reader would
    shrug at. While there is no norm, what no page can lack must be on four pages of five.
    """
    usual = {name: _sum_rates(r.filled.get(name) for r in baseline) for name in report.filled}
    found: list[str] = []
    for name, (filled, of) in sorted(report.filled.items()):
        was, pages = usual[name]
        if pages < _MIN_BASELINE_PAGES:
            fell = (
                name in _ESSENTIAL_FIELDS and of >= _MIN_PAGES and filled < _MIN_ESSENTIAL_RATE * of
            )
            was = pages = 0
        else:
            fell = _has_fallen((filled, of), (was, pages))
        if fell:
            before = f", before on {was} of {pages}" if pages else ""
            found.append(f"{name} was found on {filled} of {of} pages{before}")
    return (*found, *_find_diverging_fields(report, baseline))


def _find_diverging_fields(report: CrawlReport, baseline: Sequence[CrawlReport]) -> Iterator[str]:
    """The fields on which two readings agree less than they did."""
    for name in sorted({name for earlier in baseline for name in earlier.agreed}):
        now = _count_agreement(report, name)
        before = _sum_rates(_count_agreement(r, name) for r in baseline)
        if before[1] >= _MIN_BASELINE_PAGES and _has_fallen(now, before):
            yield f"two readings of {name} agreed on {now[0]} of {now[1]} pages"


def _count_agreement(report: CrawlReport, name: str) -> tuple[int, int]:
    """On how many of the pages read both readings found the same: when one of them no longer
    finds anything, nothing differs, and yet it is blind.
    """
    return report.agreed.get(name, 0), report.read


def _sum_rates(rates: Iterable[tuple[int, int] | None]) -> tuple[int, int]:
    known = [rate for rate in rates if rate]
    return sum(found for found, _ in known), sum(of for _, of in known)


def _has_fallen(now: tuple[int, int], before: tuple[int, int]) -> bool:
    """Whether a rate fell by more than three standard errors and more than 15 points."""
    if now[1] < _MIN_PAGES:
        return False
    norm = before[0] / before[1]
    error = sqrt(norm * (1 - norm) * (1 / now[1] + 1 / before[1]))
    return now[0] / now[1] < norm - max(_MIN_FALL, 3 * error)
