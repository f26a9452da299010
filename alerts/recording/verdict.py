"""The verdict on a crawl, from its report and from the reports of earlier crawls. Pure.

A crawl whose spider failed on every page ends as "finished" with exit status 0, so neither is
evidence. The counts are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from typing import Literal

import msgspec

from alerts.recording.listings import WindowCoverage, explain_coverage
from alerts.recording.losses import PageLosses
from crawler.report import CrawlReport

Verdict = Literal["ok", "empty", "changed", "blocked", "unreachable", "partial"]

#: On fewer than 20 pages, one page more or less is 5 points or more: too coarse for a rate.
_MIN_PAGES = 20
#: 50 pages put the standard error of a rate of 90 % at 4 points, well below ``_MIN_FALL``.
_MIN_BASELINE_PAGES = 50
#: A fall of fewer than 15 points has other causes than a new page design: a meeting of few parties.
_MIN_FALL = 0.15
#: Fields that no question page can lack, and the rate below which the page design has changed.
_ESSENTIAL_FIELDS = frozenset(("title", "asked_by", "question"))
_MIN_ESSENTIAL_RATE = 0.8

#: Verdicts after which everything that the listings name has been read.
COMPLETE_VERDICTS: frozenset[Verdict] = frozenset(("ok", "empty"))
#: Verdicts that a moment's fault of the network explains.
TRANSIENT_VERDICTS: frozenset[Verdict] = frozenset(("unreachable", "partial"))
#: Verdicts on a crawl whose pages, as far as they came, are what they used to be.
_READABLE_VERDICTS: frozenset[Verdict] = frozenset(("ok", "empty", "partial"))


class CrawlOutcome(msgspec.Struct, frozen=True):
    """The result of one crawl."""

    source: str
    verdict: Verdict
    reason: str  #: one sentence
    counts: dict[str, int]  #: what was recorded, see :func:`alerts.recording.record_readings`
    held_changes: int = 0  #: changes that wait for the operator's approval
    report: CrawlReport | None = None  #: None when the crawl ended without one

    @property
    def is_complete(self) -> bool:
        """Whether the listings were read to their end.

        After such a crawl, a question that is new to us is new on the site.
        """
        return (
            self.report is not None
            and self.verdict in _READABLE_VERDICTS
            and self.report.has_whole_listings
        )


def judge_crawl(
    report: CrawlReport,
    baseline: Sequence[CrawlReport],
    losses: PageLosses,
    coverage: Sequence[WindowCoverage] = (),
) -> tuple[Verdict, str]:
    """Return the verdict on a crawl, with its reason in one sentence.

    Args:
        report: The crawl's own report.
        baseline: The reports of recent good crawls. Empty where there is nothing to compare with.
        losses: What became of the pages that the ledger knows.
        coverage: How much of what the ledger knows the listings named, by window.
    """
    verdict, reason = decide_verdict(report)
    if verdict not in _READABLE_VERDICTS:
        return verdict, reason
    signs = [*find_drift(report, baseline)]
    if report.has_whole_listings and (doubt := explain_coverage(coverage)):
        signs.append(doubt)
    signs += losses.explain()
    return ("changed", "; ".join(signs)) if signs else (verdict, reason)


def decide_verdict(report: CrawlReport) -> tuple[Verdict, str]:
    """Return the verdict on a crawl from its report alone, with its reason in one sentence."""
    pages = report.listing_pages + report.fetched
    if report.finish_reason == "refused" or report.refused >= max(1, pages):
        return "blocked", f"the source refused {report.refused} of {report.requests} requests"
    if report.failed and not pages:
        return "unreachable", f"no page came: {report.first_failure or 'no reason'}"
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
    """Return the verdict on a crawl whose pages could be read."""
    if report.finish_reason != "finished":
        return "partial", f"the crawl stopped early ({report.finish_reason})"
    if report.missing:
        return "partial", f"listed but not read: {', '.join(report.missing)}"
    first = f": {report.first_failure}" if report.first_failure else ""
    if report.listings_short:
        return "partial", f"{report.listings_short} listings show more than they link to{first}"
    if report.failed or report.refused or report.listings_cut:
        lost = report.failed + report.refused
        cut = f", {report.listings_cut} listings cut short" if report.listings_cut else ""
        return "partial", f"{lost} of {report.requests} requests brought no page{cut}{first}"
    if report.listing_pages and not report.listed:
        return "empty", "the listings name no question in the dates asked for"
    return "ok", f"{report.read:,} {'question' if report.read == 1 else 'questions'} read"


def find_drift(report: CrawlReport, baseline: Sequence[CrawlReport]) -> tuple[str, ...]:
    """Return a sentence for each field that this crawl found less often than earlier good crawls.

    Both the rate at which a field is found (``filled``) and the rate at which its two readings
    agree are compared. A fall counts when it exceeds three standard errors and 15 points. Without
    a baseline, the fields that no page can lack must be found on four pages of five.
    """
    found: list[str] = []
    for name, now in sorted(report.filled.items()):
        before = _sum_rates(earlier.filled.get(name) for earlier in baseline)
        if before[1] >= _MIN_BASELINE_PAGES:
            if _has_fallen(now, before):
                was = f", before on {before[0]} of {before[1]}"
                found.append(f"{name} was found on {now[0]} of {now[1]} pages{was}")
        elif name in _ESSENTIAL_FIELDS and _is_too_rare(now):
            found.append(f"{name} was found on {now[0]} of {now[1]} pages")
    return (*found, *_find_diverging_fields(report, baseline))


def _is_too_rare(rate: tuple[int, int]) -> bool:
    filled, expected = rate
    return expected >= _MIN_PAGES and filled < _MIN_ESSENTIAL_RATE * expected


def _find_diverging_fields(report: CrawlReport, baseline: Sequence[CrawlReport]) -> Iterator[str]:
    """Yield a sentence for each field whose two readings agree less often than before."""
    for name in sorted({name for earlier in baseline for name in earlier.agreed}):
        now = _count_agreement(report, name)
        before = _sum_rates(_count_agreement(earlier, name) for earlier in baseline)
        if before[1] >= _MIN_BASELINE_PAGES and _has_fallen(now, before):
            yield f"two readings of {name} agreed on {now[0]} of {now[1]} pages"


def _count_agreement(report: CrawlReport, name: str) -> tuple[int, int]:
    """Return on how many of the pages that should have a field the two readings agree.

    Not of the pages on which both found the field: a reading that finds nothing any more never
    differs from the other one. The parts of an answer are counted on pages with an answer only: the
    questions of a new meeting have none.
    """
    agreed, expected = report.agreed.get(name, 0), report.read
    if name.startswith("answer") and report.filled:
        _, answered = report.filled.get("answered_by", (0, 0))
        expected = max(answered, agreed)  # a holding reply is not expected, and can agree
    return agreed, expected


def _sum_rates(rates: Iterable[tuple[int, int] | None]) -> tuple[int, int]:
    known = [rate for rate in rates if rate]
    return sum(found for found, _ in known), sum(of for _, of in known)


def _has_fallen(now: tuple[int, int], before: tuple[int, int]) -> bool:
    """Return whether a rate fell by more than three standard errors and more than 15 points."""
    if now[1] < _MIN_PAGES:
        return False
    norm = before[0] / before[1]
    error = sqrt(norm * (1 - norm) * (1 / now[1] + 1 / before[1]))
    return now[0] / now[1] < norm - max(_MIN_FALL, 3 * error)
